//! `sixtree healthcheck`: for Docker's HEALTHCHECK, in images without curl or a shell.

use super::known::culprits;
use super::{CommandFailure, live, print};
use clap::{ArgMatches, Command};

/// The subcommand and what it takes.
pub(super) fn arguments() -> Command {
    Command::new("healthcheck")
        .about("Exit 0 if what should be up is up and ready")
        .after_help(
            "Exits 1 and prints a line for each service that is not. One that was told to stay \
             down (s6-svc -d, -O) need not be up, unless it is named. In a Dockerfile:\n  \
             HEALTHCHECK CMD [\"/command/sixtree\", \"healthcheck\"]",
        )
        .arg(live::names_argument(
            "These must be up [default: all that were started and not stopped]",
        ))
}

/// Looks; returns the exit code.
pub(super) fn run(arguments: &ArgMatches) -> Result<i32, CommandFailure> {
    let names = live::names(arguments);
    let wrong = culprits(&live::select(&names)?, !names.is_empty());
    match print(&wrong.iter().map(|line| format!("{line}\n")).collect::<String>()) {
        0 => Ok(i32::from(!wrong.is_empty())),
        code => Ok(code),
    }
}
