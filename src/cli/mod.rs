//! `sixtree`: the command for people. Each subcommand has a file of its own and a row in one table.

pub mod arguments;
mod change;
pub mod check;
mod container;
mod edit;
mod end_words;
mod graph;
mod healthcheck;
pub mod import;
mod install;
mod kill;
mod known;
pub mod layout;
mod live;
mod logs;
mod probe;
mod progress;
mod rolling;
mod run;
mod scale;
mod screen;
mod span;
mod status;
mod svg;
mod terminal;
mod timing;
mod tools;
mod usage;
mod wait;

use crate::definition::similar;
use crate::sys::fd;
use crate::tools::{FAMILIES, Word, die};
use arguments::{Argument, CommandSyntax, NotParsed};
use nix::errno::Errno;
use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// Every subcommand, in the order of `sixtree --help`.
const SUBCOMMANDS: &[CommandSyntax] = &[
    check::SYNTAX,
    graph::SYNTAX,
    edit::new::SYNTAX,
    edit::membership::ADD,
    edit::membership::REMOVE,
    import::SYNTAX,
    status::SYNTAX,
    change::START,
    change::STOP,
    change::RESTART,
    change::RELOAD,
    scale::SYNTAX,
    kill::SYNTAX,
    healthcheck::SYNTAX,
    probe::SYNTAX,
    wait::SYNTAX,
    logs::SYNTAX,
    timing::SYNTAX,
    tools::SYNTAX,
    tools::HELP,
    run::SYNTAX,
    install::SYNTAX,
];

/// `sixtree` and what it takes. The man pages and completions are made of it, too.
pub static SYNTAX: CommandSyntax = CommandSyntax::new(
    "sixtree",
    "An init for containers; called by another name, it is that tool",
)
.takes(&[&[Argument::flag("list", "Print the names of the tools, one a line")]])
.subcommands(SUBCOMMANDS, false);

/// Why a subcommand could not do its job: an exit code, and a sentence for stderr.
#[derive(Debug)]
pub struct CommandFailure {
    code: i32,
    text: String,
}

impl CommandFailure {
    /// The command line is wrong; exit 100.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { code: 100, text: text.into() }
    }
    /// Something cannot be read or used; exit 2.
    pub fn trouble(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }
    /// There is no service or bundle of this name, and perhaps one of these was meant; exit 3.
    pub fn unknown<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Self {
        let meant = similar(name, names).map(|meant| format!("; did you mean {meant}?"));
        let text = format!("no service or bundle is called {name}{}", meant.unwrap_or_default());
        Self { code: 3, text }
    }
    /// The system refused `what`, a text that follows `unable to`; exit 111.
    pub fn system(what: impl Display, e: Errno) -> Self {
        Self { code: 111, text: format!("unable to {what}: {}", die::reason(e)) }
    }
    /// The same, as a way to map an error of a call about `path`.
    pub fn with<E: Into<io::Error>>(what: &str, path: &Path) -> impl Fn(E) -> Self {
        let what = format!("{what} {}", path.display());
        move |e| Self::system(&what, die::errno(&e.into()))
    }
    /// Reports it as the subcommand of this name. The code to exit with.
    fn report(&self, name: &str) -> i32 {
        fd::write_to_stderr(
            format!("sixtree {name}: fatal: {}\n", terminal::visible(&self.text)).as_bytes(),
        );
        self.code
    }
    /// Adds what can be done about it.
    pub fn advise(mut self, advice: &str) -> Self {
        self.text.push_str(advice);
        self
    }
}

/// Runs `sixtree` with its arguments; returns the exit code.
pub fn run(argv: Vec<Word>) -> i32 {
    let words = argv.into_iter().skip(1).map(OsString::from_vec).collect();
    let given = match arguments::parse(&SYNTAX, words) {
        Ok(given) => given,
        Err(NotParsed::Help(text)) => return print(&text),
        Err(NotParsed::Version) => return print(VERSION),
        Err(NotParsed::Wrong(text)) => return wrong_usage(&text),
    };
    if given.get_flag("list") {
        return print(&list());
    }
    let Some((name, given)) = given.subcommand() else {
        return wrong_usage(&SYNTAX.help(SYNTAX.name));
    };
    let run = SUBCOMMANDS.iter().find(|syntax| syntax.name == name).and_then(|s| s.run);
    run.map_or(100, |run| run(given).unwrap_or_else(|failure| failure.report(name)))
}

const VERSION: &str = concat!("sixtree ", env!("CARGO_PKG_VERSION"), "\n");

fn wrong_usage(text: &str) -> i32 {
    fd::write_to_stderr(text.as_bytes());
    100
}

/// Writes `text` to stdout; returns the exit code.
pub fn print(text: &str) -> i32 {
    if fd::write_all(1, text.as_bytes()).is_ok() { 0 } else { 111 }
}

fn list() -> String {
    FAMILIES.iter().flat_map(|(_, tools)| tools.iter()).map(|t| format!("{}\n", t.name)).collect()
}
