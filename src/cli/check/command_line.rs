//! The command lines of a oneshot, and what execline scripts run: whether the programs are there,
//! and whether a shell was meant.

use super::lint::Lint;
use super::root::{Root, is_executable};
use super::scripts::{CheckedScript, is_marked};
use super::{Findings, text_of};
use crate::definition::{Definition, Word};
use crate::execline::programs::{Programs, ScriptProgram};
use crate::tools;
use std::path::Path;

/// Words that only a shell understands.
const SHELL: [&str; 11] = ["&&", "||", "|", ";", ";;", "&", ">", ">>", "<", "2>&1", "[["];

/// Words with which a shell's commands begin, and an execline program only before a block.
const KEYWORDS: [&str; 4] = ["for", "if", "until", "while"];

/// Programs that nearly every image has. In others, only those that can be seen are known.
const COMMON: &[&str] = &[
    "bash", "cat", "chmod", "chown", "cp", "curl", "echo", "find", "grep", "install", "ln",
    "mkdir", "mv", "nginx", "node", "php", "python", "python3", "rm", "sed", "sh", "sleep", "tar",
    "tee", "test", "touch", "wget",
];

/// Checks a command line: that its program exists, that it is not meant as shell, and that a `#!`
/// in it does no harm.
pub(super) fn lint(
    definition: &Definition,
    file: &str,
    words: &[Word],
    root: &Root,
    found: &mut Findings,
) {
    let Some(program) = words.first().map(|word| String::from_utf8_lossy(word)) else { return };
    let path = definition.directory.join(file);
    let text = text_of(&path).unwrap_or_default();
    if is_marked(&text) {
        return found.report_at(definition, path, 1, &Lint::ByteOrderMark);
    }
    if let Some(word) = shell_word(words) {
        return found.report_file(definition, file, &Lint::LooksLikeShell(word));
    }
    let programs = Programs::of(&text);
    shebang(definition, &path, &text, &programs, found);
    strayed(definition, &path, &programs, root, found);
    if is_tool(&program) || !root.knows(Path::new(&*program)) {
        return missing(definition, &path, &programs, root, found);
    }
    let Some(there) = root.find_program(&program) else {
        if !program.contains('/') {
            return missing(definition, &path, &programs, root, found);
        }
        let meant = root.similar_program(&program);
        let lint = Lint::ProgramMissing { program: program.into_owned(), meant };
        return found.report_file(definition, file, &lint);
    };
    // If the image is not complete, the Dockerfile may set modes as it copies.
    if root.is_whole() && !is_executable(&there) {
        let lint = Lint::ProgramNotExecutable(program.into_owned());
        return found.report_file(definition, file, &lint);
    }
    let is_own = program.starts_with("/etc/");
    if let Some(text) = text_of(&there).filter(|_| is_own) {
        CheckedScript { definition, file: &there, text: &text, root }.lint(found);
    }
    missing(definition, &path, &programs, root, found);
}

/// Looks at what an execline script runs.
pub(super) fn execline(script: &CheckedScript, found: &mut Findings) {
    let programs = Programs::of(script.text);
    strayed(script.definition, script.file, &programs, script.root, found);
    missing(script.definition, script.file, &programs, script.root, found);
}

/// A `#!` line is a comment there. That matters where it is to give the variables, or to have a
/// shell substitute them.
fn shebang(
    definition: &Definition,
    file: &Path,
    text: &[u8],
    programs: &Programs,
    found: &mut Findings,
) {
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    let Some(line) = line.strip_prefix(b"#!") else { return };
    let line = String::from_utf8_lossy(line).trim().to_owned();
    let names =
        |name: &str| line.split_whitespace().any(|word| word.rsplit('/').next() == Some(name));
    let is_execline = names("execlineb");
    let gives_variables = names("with-contenv")
        && programs.all.iter().all(|program| !program.name.ends_with("with-contenv"));
    let body = text.get(line.len()..).unwrap_or_default();
    let substitutes = !is_execline && body.contains(&b'$');
    if gives_variables || substitutes {
        found.report_at(definition, file.to_owned(), 1, &Lint::ShebangIgnored(line));
    }
}

/// A command on a line of its own is an argument of the one before.
fn strayed(
    definition: &Definition,
    file: &Path,
    programs: &Programs,
    root: &Root,
    found: &mut Findings,
) {
    let Some(last) = programs.all.last() else { return };
    let Some(stray) = programs.strayed.iter().find(|stray| is_command(stray, root)) else { return };
    let lint = Lint::SecondCommand {
        command: stray.name.clone(),
        program: last.name.clone(),
        line: last.line,
    };
    found.report_at(definition, file.to_owned(), stray.line, &lint);
}

fn is_command(word: &ScriptProgram, root: &Root) -> bool {
    let name = word.name.as_str();
    let is_script = name.starts_with("/etc/s6-overlay/") || name.starts_with("/command/");
    let is_there =
        || root.find_program(name).is_some_and(|path| path.is_file() && is_executable(&path));
    is_tool(name) || COMMON.contains(&name) || is_script || (!name.starts_with('-') && is_there())
}

/// Programs after the first that are in no directory of PATH.
fn missing(
    definition: &Definition,
    file: &Path,
    programs: &Programs,
    root: &Root,
    found: &mut Findings,
) {
    for program in &programs.all {
        let name = program.name.as_str();
        let is_plain = !name.is_empty() && !name.contains(['$', '/', '=']);
        let is_known = || is_tool(name) || root.find_program(name).is_some();
        if is_plain && root.is_whole() && !is_known() && !root.has_somewhere(name) {
            let meant = root.similar_program(name);
            let lint = Lint::ProgramMissing { program: name.to_owned(), meant };
            found.report_at(definition, file.to_owned(), program.line, &lint);
        }
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

/// Whether a name, or a path in /command, is that of one of our tools.
pub(super) fn is_tool(program: &str) -> bool {
    let name = program.strip_prefix("/command/").unwrap_or(program);
    tools::find(name.as_bytes()).is_some()
}
