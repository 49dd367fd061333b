//! Scripts: whether what they name is there, and whether they are what they are taken for.

use super::command_line::is_tool;
use super::lint::Lint;
use super::root::Root;
use super::{Findings, LONGEST_TEXT, command_line, idiom, text_of};
use crate::definition::{Definition, Kind, similar};
use crate::execline::lexer;
use crate::tools::{self, FAMILIES};
use std::path::Path;

/// Looks at the scripts of one definition.
pub(super) fn lint(definition: &Definition, root: &Root, found: &mut Findings) {
    match &definition.kind {
        Kind::Longrun(longrun) => {
            let finish = longrun.has_finish.then_some("finish");
            for file in ["run"].into_iter().chain(finish) {
                let path = definition.directory.join(file);
                if let Some(text) = text_of(&path) {
                    let script = CheckedScript { definition, file: &path, text: &text, root };
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
                command_line::lint(definition, file, words, root, found);
            }
        }
        Kind::Bundle(_) => {}
    }
}

/// A script that the kernel is to execute.
pub(super) struct CheckedScript<'a> {
    /// Whose it is.
    pub definition: &'a Definition,
    /// Where it is.
    pub file: &'a Path,
    /// Its beginning.
    pub text: &'a [u8],
    /// The image that it is in.
    pub root: &'a Root,
}

impl CheckedScript<'_> {
    /// Looks at its first line, at its syntax, and at what it calls.
    pub(super) fn lint(&self, found: &mut Findings) {
        if self.text.starts_with(b"\x7fELF") {
            return;
        }
        if let Some(lint) = unusable_beginning(self.text) {
            return self.report(1, &lint, found);
        }
        let line = self.text.split(|&b| b == b'\n').next().unwrap_or_default();
        let Some(line) = line.strip_prefix(b"#!") else {
            let first = u32::from(!self.text.is_empty());
            return self.report(first, &Lint::NoInterpreter, found);
        };
        let line = String::from_utf8_lossy(line);
        let mut words = line.split_whitespace();
        let interpreter = words.next().unwrap_or_default();
        self.interpreter(interpreter, words, found);
        let is_all = (self.text.len() as u64) < LONGEST_TEXT;
        let is_execline = line.split_whitespace().any(|word| word.ends_with("execlineb"));
        match lexer::words(self.text) {
            Err(e) if is_all && is_execline => self.report(0, &Lint::Syntax(e), found),
            Ok(_) if is_all && is_execline => command_line::execline(self, found),
            _ if is_execline => {}
            _ => self.lone_wrappers(found),
        }
        self.tools(found);
        for (line, lint) in idiom::supervisors(self.text) {
            self.report(line, &lint, found);
        }
    }

    /// Sees whether the interpreter is there, and the one that with-contenv or env is to find.
    fn interpreter<'w>(
        &self,
        interpreter: &'w str,
        arguments: impl Iterator<Item = &'w str>,
        found: &mut Findings,
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
            self.report(1, &Lint::InterpreterMissing(missing.to_owned()), found);
        }
    }

    /// Looks for commands of a shell that change only the program that they are to become, and
    /// name none.
    fn lone_wrappers(&self, found: &mut Findings) {
        for (line, lint) in idiom::lone_wrappers(self.text) {
            self.report(line, &lint, found);
        }
    }

    /// Looks for tools that are called almost as they are called.
    fn tools(&self, found: &mut Findings) {
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
                    self.report(at, &Lint::NoSuchTool { name, meant }, found);
                }
            }
        }
    }

    /// Sees whether anything in the script could write to its notification descriptor: the number,
    /// or a word that has to do with notification.
    fn notifies(&self, fd: u32, found: &mut Findings) {
        let text = String::from_utf8_lossy(self.text);
        let is_elf = self.text.starts_with(b"\x7fELF");
        let mut numbers = text.split(|c: char| !c.is_ascii_digit());
        let says = numbers.any(|number| number == fd.to_string())
            || ["notif", "NOTIF"].iter().any(|word| text.contains(word));
        if fd > 2 && !says && !is_elf {
            found.report_file(self.definition, "notification-fd", &Lint::NeverReady(fd));
        }
    }

    fn report(&self, line: u32, lint: &Lint, found: &mut Findings) {
        found.report_at(self.definition, self.file.to_owned(), line, lint);
    }
}

/// What keeps a script from being executed that an editor has saved in its own way.
pub(super) fn unusable_beginning(text: &[u8]) -> Option<Lint> {
    if is_marked(text) {
        return Some(Lint::ByteOrderMark);
    }
    let line = text.split(|&b| b == b'\n').next()?;
    (line.starts_with(b"#!") && line.ends_with(b"\r")).then_some(Lint::CarriageReturn)
}

/// Whether a text begins with a byte order mark, of UTF-8 or of UTF-16.
pub(super) fn is_marked(text: &[u8]) -> bool {
    [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| text.starts_with(mark))
}
