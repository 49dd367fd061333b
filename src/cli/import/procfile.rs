//! A Procfile: a longrun for each line.
//! Reference: <https://ddollar.github.io/foreman/#PROCFILE>.

use super::note::{Notes, Origin};
use super::script::{GeneratedScript, words_of};
use super::tree::{ImportedService, ImportedTree, Start};
use super::{ImportedFile, dotenv, words};
use crate::cli::CommandFailure;
use crate::cli::check;

/// The first port, if nothing says another.
const FIRST_PORT: u64 = 5000;
/// The ports of two types of processes are so far from each other.
const NEXT_PORT: u64 = 100;

/// So long a process may take to end, as with foreman.
const PATIENCE_MS: u32 = 5000;

/// A line for each process with any of these needs a shell.
const SHELL: &[char] = &[
    '$', '|', '&', ';', '<', '>', '(', ')', '`', '*', '?', '[', ']', '#', '~', '!', '{', '}', '\\',
];
/// With any of these it is more than one command.
const SEVERAL: &[char] = &['|', '&', ';', '(', ')', '`', '!', '{', '}'];

/// Words with which a line begins that only a shell understands.
const BUILTINS: &[&str] = &[
    ".", ":", "alias", "case", "cd", "eval", "exit", "export", "for", "if", "read", "set",
    "source", "trap", "ulimit", "umask", "unset", "until", "wait", "while",
];

/// A line.
struct ProcfileLine<'a> {
    at: Origin,
    name: &'a str,
    command: &'a str,
}

/// The tree that the Procfile describes.
pub(super) fn tree(
    place: &ImportedFile,
    text: &str,
    notes: &mut Notes,
) -> Result<ImportedTree, CommandFailure> {
    let variables = dotenv::read(place, notes)?;
    let port = variables.iter().find(|(key, _)| key == "PORT").map(|(_, value)| value);
    let port = port.and_then(|port| port.parse().ok()).unwrap_or(FIRST_PORT);
    let processes = processes(place, text, notes);
    let web = processes.iter().position(|process| process.name == "web").unwrap_or(0);
    let mut tree = ImportedTree::default();
    for (number, process) in processes.iter().enumerate() {
        let port = NEXT_PORT.saturating_mul(number as u64).saturating_add(port);
        let mut run = GeneratedScript::with_environment();
        run.line(&["cd", &place.absolute("")]);
        for (key, value) in variables.iter().filter(|(key, _)| key != "PORT") {
            run.line(&["export", key, value]);
        }
        // The container may say another port for what is reached from outside.
        if number == web {
            run.fallback("PORT", &port.to_string());
            run.line(&["export", "PORT", "\0PORT\0"]);
        } else {
            run.line(&["export", "PORT", &port.to_string()]);
        }
        let port = (number != web).then(|| port.to_string());
        run.program(command(process, port.as_deref(), notes));
        tree.services.push(service(process, run, notes));
    }
    Ok(tree)
}

/// The lines that name a process.
fn processes<'a>(place: &ImportedFile, text: &'a str, notes: &mut Notes) -> Vec<ProcfileLine<'a>> {
    let mut processes: Vec<ProcfileLine> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let at = Origin { file: place.shown(), line };
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
        };
        let parts = text.split_once(':').map(|(name, command)| (name, command.trim()));
        match parts.filter(|(name, command)| is_name(name) && !command.is_empty()) {
            None => notes.error(&at, format!("{text:?} names no process"), "write NAME: COMMAND"),
            Some((name, _)) if processes.iter().any(|known| known.name == name) => {
                notes.error(&at, format!("{name} is there twice"), "give it another name");
            }
            Some((name, command)) => processes.push(ProcfileLine { at, name, command }),
        }
    }
    if processes.is_empty() && !notes.has_errors() {
        let at = Origin { file: place.shown(), line: 1 };
        notes.error(&at, "it names no process", "write NAME: COMMAND");
    }
    processes
}

fn service(process: &ProcfileLine, run: GeneratedScript, notes: &mut Notes) -> ImportedService {
    let is_reserved = check::is_reserved(process.name);
    let prefix = if is_reserved { "svc-" } else { "" };
    let mut service = ImportedService {
        name: format!("{prefix}{}", process.name),
        run,
        ..ImportedService::default()
    };
    // foreman signals the process group.
    service.flag("flag-down-killpg");
    service.flag("flag-timeout-killpg");
    service.file("timeout-kill", PATIENCE_MS);
    if process.name == "release" {
        let what = "release runs once, before the others";
        let remedy = "it is not started with them: run it where the image is deployed, or make it \
                      a oneshot (sixtree new oneshot)";
        notes.differs(&process.at, what, remedy);
        service.start = Start::Hand;
        let mut finish = GeneratedScript::default();
        finish.line(&["exit", "125"]);
        service.finish = Some(finish);
    }
    service
}

/// The words to execute: those of the line, or a shell's where only a shell understands it.
/// `port` is the value of PORT, if it is known.
fn command(process: &ProcfileLine, port: Option<&str>, notes: &mut Notes) -> Vec<String> {
    let line = process.command.strip_prefix("exec ").unwrap_or(process.command).trim();
    let plain = if line.contains('\'') { line.to_owned() } else { with_port(line, port) };
    let words = words::split(&plain).unwrap_or_default();
    let first = line.split_whitespace().next().unwrap_or_default();
    let is_builtin = BUILTINS.contains(&first) || first.contains('=');
    if !plain.contains(SHELL) && !is_builtin && !words.is_empty() {
        // Whatever a port is, it is one word.
        let alone = |word: &String| word.replace(&words_of("PORT"), "\0PORT\0");
        return words.iter().map(alone).collect();
    }
    if words::split(line).is_err() {
        notes.error(&process.at, "a quote is not closed", "close it");
    }
    let is_simple = !line.contains(SEVERAL) && !is_builtin;
    let exec = if is_simple { "exec " } else { "" };
    ["sh", "-c", &format!("{exec}{line}")].map(str::to_owned).to_vec()
}

/// A line with `$PORT` and `${PORT}` filled in.
fn with_port(line: &str, port: Option<&str>) -> String {
    let port = port.unwrap_or("\0PORT\0");
    let mut done = line.replace("${PORT}", port);
    let mut from = 0;
    while let Some(at) = done.get(from..).and_then(|rest| rest.find("$PORT")) {
        let (start, end) = (from + at, from + at + "$PORT".len());
        let next = done.get(end..).and_then(|rest| rest.chars().next());
        if next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            from = end;
        } else {
            done.replace_range(start..end, port);
            from = start + port.len();
        }
    }
    done
}
