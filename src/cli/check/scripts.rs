//! Scripts: whether what they name is there, and whether they are what they are taken for.

use super::lint::Lint;
use super::root::{Root, is_executable};
use super::{Found, LONGEST_TEXT, text_of};
use crate::definition::similar;
use crate::definition::{Definition, Kind, Word};
use crate::execline::lexer;
use crate::tools::{self, FAMILIES};
use std::path::Path;

/// Words that only a shell understands.
const SHELL: [&str; 11] = ["&&", "||", "|", ";", ";;", "&", ">", ">>", "<", "2>&1", "[["];

/// Words with which a shell's commands begin, and an execline program only before a block.
const KEYWORDS: [&str; 4] = ["for", "if", "until", "while"];

/// Looks at the scripts of one definition.
pub(super) fn lint(definition: &Definition, root: &Root, found: &mut Found) {
    match &definition.kind {
        Kind::Longrun(longrun) => {
            let finish = longrun.has_finish.then_some("finish");
            for file in ["run"].into_iter().chain(finish) {
                let path = definition.directory.join(file);
                if let Some(text) = text_of(&path) {
                    let script = Script { definition, file: &path, text: &text, root };
                    script.lint(found);
                    match longrun.notification_fd {
                        Some(fd) if file == "run" => script.notifies(fd, found),
                        Some(_) | None => {}
                    }
                }
            }
        }
        Kind::Oneshot(oneshot) => {
            let lines = [("up", &oneshot.up), ("down", &oneshot.down), ("reload", &oneshot.reload)];
            for (file, words) in lines {
                command_line(definition, file, words, root, found);
            }
        }
        Kind::Bundle(_) => {}
    }
}

/// A oneshot's command line: its program, and that it is not shell.
fn command_line(
    definition: &Definition,
    file: &str,
    words: &[Word],
    root: &Root,
    found: &mut Found,
) {
    let Some(program) = words.first().map(|word| String::from_utf8_lossy(word)) else { return };
    if let Some(word) = shell_word(words) {
        found.tell_file(definition, file, &Lint::LooksLikeShell(word));
        return;
    }
    if is_tool(&program) || !root.knows(Path::new(&*program)) {
        return;
    }
    let Some(path) = root.find_program(&program) else {
        found.tell_file(definition, file, &Lint::ProgramMissing(program.into_owned()));
        return;
    };
    if !is_executable(&path) {
        found.tell_file(definition, file, &Lint::ProgramNotExecutable(program.into_owned()));
        return;
    }
    let is_own = program.starts_with("/etc/");
    if let Some(text) = text_of(&path).filter(|_| is_own) {
        Script { definition, file: &path, text: &text, root }.lint(found);
    }
}

/// The first word of a command line that says that it was meant as shell.
fn shell_word(words: &[Word]) -> Option<String> {
    let words: Vec<&str> =
        words.iter().map(|word| std::str::from_utf8(word).unwrap_or_default()).collect();
    let (first, second) = (*words.first()?, words.get(1).copied().unwrap_or_default());
    let name = first.split_once('=').map_or("", |(name, _)| name);
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let assigns = !name.is_empty() && name.chars().all(is_name);
    let exports = first == "export" && second.contains('=');
    let sets = first == "set" && second.starts_with('-');
    // A block is words that begin with a blank, and an option is one that begins with a dash.
    let is_prefix = second.is_empty() || second.starts_with([' ', '-']);
    let branches = KEYWORDS.contains(&first) && !is_prefix;
    if assigns || exports || sets || branches {
        return Some(first.to_owned());
    }
    let ends_command = |word: &str| word.len() > 1 && word.ends_with(';') && !word.contains(' ');
    let shell = words.into_iter().find(|word| SHELL.contains(word) || ends_command(word));
    shell.map(str::to_owned)
}

/// A script that the kernel is to execute.
struct Script<'a> {
    definition: &'a Definition,
    file: &'a Path,
    text: &'a [u8],
    root: &'a Root,
}

impl Script<'_> {
    fn lint(&self, found: &mut Found) {
        if self.text.starts_with(b"\x7fELF") {
            return;
        }
        let line = self.text.split(|&b| b == b'\n').next().unwrap_or_default();
        let Some(line) = line.strip_prefix(b"#!") else {
            let first = u32::from(!self.text.is_empty());
            return self.tell(first, &Lint::NoInterpreter, found);
        };
        if line.ends_with(b"\r") {
            return self.tell(1, &Lint::CarriageReturn, found);
        }
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        let interpreter = words.next().unwrap_or_default();
        self.interpreter(interpreter, words, found);
        let is_all = (self.text.len() as u64) < LONGEST_TEXT;
        if is_all
            && tools::basename(interpreter.as_bytes()) == b"execlineb"
            && let Err(e) = lexer::words(self.text)
        {
            self.tell(0, &Lint::Syntax(e), found);
        }
        self.tools(found);
    }

    /// Sees whether the interpreter is there, and the one that with-contenv or env is to find.
    fn interpreter<'w>(
        &self,
        interpreter: &'w str,
        arguments: impl Iterator<Item = &'w str>,
        found: &mut Found,
    ) {
        let finds_another =
            matches!(tools::basename(interpreter.as_bytes()), b"with-contenv" | b"env");
        let second = arguments.filter(|word| finds_another && !word.starts_with('-')).take(1);
        let is_missing = |program: &&str| {
            self.root.knows(Path::new(program))
                && !is_tool(program)
                && self.root.find_program(program).is_none()
        };
        if let Some(missing) = [interpreter].into_iter().chain(second).find(is_missing) {
            self.tell(1, &Lint::InterpreterMissing(missing.to_owned()), found);
        }
    }

    /// Looks for tools that are called almost as they are called.
    fn tools(&self, found: &mut Found) {
        for (at, line) in (1..).zip(self.text.split(|&b| b == b'\n')) {
            let line = String::from_utf8_lossy(line);
            if line.trim_start().starts_with('#') {
                continue;
            }
            for name in line.split_whitespace().filter(|word| word.starts_with("s6-")) {
                let is_known = tools::find(name.as_bytes()).is_some();
                let names = FAMILIES.iter().flat_map(|(_, tools)| *tools).map(|tool| tool.name);
                let meant = if is_known { None } else { similar(name, names) };
                if let Some(meant) = meant.filter(|_| self.root.find_program(name).is_none()) {
                    let (name, meant) = (name.to_owned(), meant.to_owned());
                    self.tell(at, &Lint::NoSuchTool { name, meant }, found);
                }
            }
        }
    }

    /// Sees whether anything in the script could write to its notification descriptor: the number,
    /// or a word that has to do with notification.
    fn notifies(&self, fd: u32, found: &mut Found) {
        let text = String::from_utf8_lossy(self.text);
        let is_elf = self.text.starts_with(b"\x7fELF");
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let says = numbers.any(|number| number == fd.to_string())
            || ["notif", "NOTIF"].iter().any(|word| text.contains(word));
        if fd > 2 && !says && !is_elf {
            found.tell_file(self.definition, "notification-fd", &Lint::NeverReady(fd));
        }
    }

    fn tell(&self, line: u32, lint: &Lint, found: &mut Found) {
        found.tell_at(self.definition, self.file.to_owned(), line, lint);
    }
}

/// Whether a name, or a path in /command, is that of one of our tools.
fn is_tool(program: &str) -> bool {
    let name = program.strip_prefix("/command/").unwrap_or(program);
    tools::find(name.as_bytes()).is_some()
}
