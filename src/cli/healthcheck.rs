//! `sixtree healthcheck`: for Docker's HEALTHCHECK, in images without curl or a shell.

use super::arguments::{CommandSyntax, GivenArguments};
use super::known::culprits;
use super::{CommandFailure, live, print};

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("healthcheck", "Exit 0 if what should be up is up and ready")
        .notes(
            "Exits 1 and prints a line for each service that is not. One that was told to stay \
             down (s6-svc -d, -O) need not be up, unless it is named. In a Dockerfile:\n  \
             HEALTHCHECK CMD [\"/command/sixtree\", \"healthcheck\"]",
        )
        .takes(&[&[live::names_argument(
            "These must be up [default: all that were started and not stopped]",
        )]])
        .runs(run);

/// Looks; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let names = live::names(arguments);
    let wrong = culprits(&live::select(&names)?, !names.is_empty());
    match print(&wrong.iter().map(|line| format!("{line}\n")).collect::<String>()) {
        0 => Ok(i32::from(!wrong.is_empty())),
        code => Ok(code),
    }
}
