//! `sixtree probe`: asks once whether something works. For `data/check`, Docker's HEALTHCHECK and
//! scripts, in images without curl, nc or a shell.

use super::CommandFailure;
use super::arguments::{Argument, CommandSyntax, GivenArguments, ValueKind};
use crate::definition::{Mistake, checks};
use crate::format::look::Check;
use crate::tools::net::probe::probe;
use std::os::unix::ffi::OsStrExt;

/// How long it may take, in ms, if it is not said.
const TIMEOUT_MS: u32 = 3_000;

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("probe", "Ask once whether something works: a server, a socket, a program")
        .notes(
            "Exits 0 if it does, 1 if not, with the reason on stderr. As in a file `health`. In a \
     Dockerfile:\n  HEALTHCHECK CMD [\"/command/sixtree\", \"probe\", \"http\", \
     \"8080/healthz\"]",
        )
        .subcommands(
            &[
                CommandSyntax::new("http", "Send a GET request; a status of 200 to 399 is well")
                    .takes(&[&[
                        what("[HOST:]PORT/PATH", "The host is this one, if none is named"),
                        TIMEOUT,
                    ]]),
                CommandSyntax::new("tcp", "Connect to a port").takes(&[&[
                    what("[HOST:]PORT", "The host is this one, if none is named"),
                    TIMEOUT,
                ]]),
                CommandSyntax::new("unix", "Connect to a socket")
                    .takes(&[&[what("PATH", "The socket"), TIMEOUT]]),
                CommandSyntax::new("exec", "Run a program; exit 0 is well").takes(&[&[
                    TIMEOUT,
                    Argument::rest("what", "WORD", "The program, and its arguments").required(),
                ]]),
            ],
            true,
        )
        .runs(run);

const fn what(value: &'static str, help: &'static str) -> Argument {
    Argument::word("what", value, help).required()
}

const TIMEOUT: Argument =
    Argument::option("timeout", "MS", "How long it may take, in milliseconds [default: 3000]")
        .short('t')
        .kind(ValueKind::Number(1, u32::MAX as u64));

/// Asks; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let Some((kind, arguments)) = arguments.subcommand() else { return Ok(100) };
    let check = check(kind, arguments).map_err(|mistake| {
        CommandFailure::usage(format!("{mistake}: see sixtree probe {kind} --help"))
    })?;
    let timeout_ms = arguments.number("timeout").and_then(|ms| ms.try_into().ok());
    probe(&check, timeout_ms.unwrap_or(TIMEOUT_MS))
        .map_err(|failure| CommandFailure { code: 1, text: format!("{check}: {failure}") })?;
    Ok(0)
}

fn check(kind: &str, arguments: &GivenArguments) -> Result<Check, Mistake> {
    if kind == "exec" {
        let words = arguments.words("what").map(|word| word.as_bytes().to_vec());
        return Ok(Check::Exec(words.collect()));
    }
    let what = arguments.text("what").unwrap_or_default().as_bytes();
    match kind {
        "http" => checks::http(what),
        "tcp" => checks::address(what).map(Check::Tcp),
        _ => checks::unix(what),
    }
}
