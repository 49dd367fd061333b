//! `sixtree`: the command for people. Each subcommand has a file of its own and a row in one table.

mod arguments;
mod change;
pub mod check;
mod container;
mod edit;
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
mod run;
mod screen;
mod span;
mod status;
mod svg;
mod terminal;
mod timing;
mod tools;
mod wait;

use crate::definition::similar;
use crate::sys::fd;
use crate::tools::{FAMILIES, Word, die};
use clap::{Arg, ArgAction, ArgMatches, Command};
use nix::errno::Errno;
use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// A subcommand: what it takes, and what it does with it.
struct Subcommand {
    /// Its name, synopsis and arguments.
    arguments: fn() -> Command,
    /// Runs it; returns the exit code.
    run: fn(&ArgMatches) -> Result<i32, CommandFailure>,
}

/// Every subcommand, in the order of `sixtree --help`.
const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand { arguments: check::arguments, run: check::run },
    Subcommand { arguments: graph::arguments, run: graph::run },
    Subcommand { arguments: edit::new::arguments, run: edit::new::run },
    Subcommand { arguments: edit::membership::add_arguments, run: edit::membership::add },
    Subcommand { arguments: edit::membership::remove_arguments, run: edit::membership::remove },
    Subcommand { arguments: import::arguments, run: import::run },
    Subcommand { arguments: status::arguments, run: status::run },
    Subcommand { arguments: change::start_arguments, run: change::start },
    Subcommand { arguments: change::stop_arguments, run: change::stop },
    Subcommand { arguments: change::restart_arguments, run: change::restart },
    Subcommand { arguments: change::reload_arguments, run: change::reload },
    Subcommand { arguments: kill::arguments, run: kill::run },
    Subcommand { arguments: healthcheck::arguments, run: healthcheck::run },
    Subcommand { arguments: probe::arguments, run: probe::run },
    Subcommand { arguments: wait::arguments, run: wait::run },
    Subcommand { arguments: logs::arguments, run: logs::run },
    Subcommand { arguments: timing::arguments, run: timing::run },
    Subcommand { arguments: tools::arguments, run: tools::run },
    Subcommand { arguments: tools::help_arguments, run: tools::help },
    Subcommand { arguments: run::arguments, run: run::run },
    Subcommand { arguments: install::arguments, run: install::run },
];

/// Why a subcommand could not do its job: an exit code, and a sentence for stderr.
#[derive(Debug)]
pub struct CommandFailure {
    code: i32,
    text: String,
}

impl CommandFailure {
    /// The arguments make no sense; exit 100.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { code: 100, text: text.into() }
    }
    /// What is to be looked at cannot be; exit 2.
    pub fn trouble(text: impl Into<String>) -> Self {
        Self { code: 2, text: text.into() }
    }
    /// Nothing has the name of a service or bundle; perhaps one of these was meant; exit 3.
    pub fn unknown<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Self {
        let meant = similar(name, names).map(|meant| format!("; did you mean {meant}?"));
        let text = format!("no service or bundle is called {name}{}", meant.unwrap_or_default());
        Self { code: 3, text }
    }
    /// The system said no to `what`, in words after `unable to`; exit 111.
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
        // There is nobody else to tell.
        let _ = fd::write_all(
            2,
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
    let matches = match command().try_get_matches_from(argv.into_iter().map(OsString::from_vec)) {
        Ok(matches) => matches,
        Err(e) => return explain(&e),
    };
    if matches.get_flag("list") {
        return print(&list());
    }
    let Some((name, arguments)) = matches.subcommand() else {
        let _ = fd::write_all(2, command().render_help().to_string().as_bytes());
        return 100;
    };
    let Some(chosen) = SUBCOMMANDS.iter().find(|s| (s.arguments)().get_name() == name) else {
        return 100;
    };
    (chosen.run)(arguments).unwrap_or_else(|failure| failure.report(name))
}

/// Writes `text` to stdout; returns the exit code.
pub fn print(text: &str) -> i32 {
    if fd::write_all(1, text.as_bytes()).is_ok() { 0 } else { 111 }
}

/// `sixtree`'s arguments, as clap knows them. The man pages and completions are made of it, too.
pub fn command() -> Command {
    Command::new("sixtree")
        .about("An init for containers; called by another name, it is that tool")
        .version(env!("CARGO_PKG_VERSION"))
        .disable_help_subcommand(true)
        .arg(
            Arg::new("list")
                .long("list")
                .action(ArgAction::SetTrue)
                .help("Print the names of the tools, one a line"),
        )
        .subcommands(SUBCOMMANDS.iter().map(|s| (s.arguments)()))
}

/// What clap has to say: help and version on stdout, anything else is wrong usage.
fn explain(e: &clap::Error) -> i32 {
    let text = e.render().to_string();
    if e.use_stderr() {
        let _ = fd::write_all(2, text.as_bytes());
        return 100;
    }
    print(&text)
}

fn list() -> String {
    FAMILIES.iter().flat_map(|(_, tools)| tools.iter()).map(|t| format!("{}\n", t.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_of_every_subcommand_are_sound() {
        command().debug_assert();
    }
}
