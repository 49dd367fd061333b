//! `sixtree probe`: asks once whether something works. For `data/check`, Docker's HEALTHCHECK and
//! scripts, in images without curl, nc or a shell.

use super::CommandFailure;
use crate::definition::{Mistake, checks};
use crate::format::look::Check;
use crate::tools::net::probe::probe;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// How long it may take, in ms, if it is not said.
const TIMEOUT_MS: u32 = 3_000;

/// The subcommand and what it takes.
pub(super) fn arguments() -> Command {
    let one = |name, about, value: &'static str, help| {
        Command::new(name)
            .about(about)
            .arg(Arg::new("what").value_name(value).required(true).help(help))
            .arg(timeout_argument())
    };
    Command::new("probe")
        .about("Ask once whether something works: a server, a socket, a program")
        .after_help(
            "Exits 0 if it does, 1 if not, with the reason on stderr. As in a file `health`. In a \
             Dockerfile:\n  HEALTHCHECK CMD [\"/command/sixtree\", \"probe\", \"http\", \
             \"8080/healthz\"]",
        )
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .subcommand(one(
            "http",
            "Send a GET request; a status of 200 to 399 is well",
            "[HOST:]PORT/PATH",
            "The host is this one, if none is named",
        ))
        .subcommand(one(
            "tcp",
            "Connect to a port",
            "[HOST:]PORT",
            "The host is this one, if none is named",
        ))
        .subcommand(one("unix", "Connect to a socket", "PATH", "The socket"))
        .subcommand(
            Command::new("exec")
                .about("Run a program; exit 0 is well")
                .arg(timeout_argument())
                .arg(
                    Arg::new("what")
                        .value_name("WORD")
                        .required(true)
                        .num_args(1..)
                        .action(ArgAction::Append)
                        .trailing_var_arg(true)
                        .allow_hyphen_values(true)
                        .value_parser(value_parser!(OsString))
                        .help("The program, and its arguments"),
                ),
        )
}

fn timeout_argument() -> Arg {
    Arg::new("timeout")
        .short('t')
        .long("timeout")
        .value_name("MS")
        .value_parser(value_parser!(u32).range(1..))
        .help("How long it may take, in milliseconds [default: 3000]")
}

/// Asks; returns the exit code.
pub(super) fn run(arguments: &ArgMatches) -> Result<i32, CommandFailure> {
    let Some((kind, arguments)) = arguments.subcommand() else { return Ok(100) };
    let check = check(kind, arguments).map_err(|mistake| {
        CommandFailure::usage(format!("{mistake}: see sixtree probe {kind} --help"))
    })?;
    let timeout_ms = arguments.get_one::<u32>("timeout").copied().unwrap_or(TIMEOUT_MS);
    probe(&check, timeout_ms)
        .map_err(|failure| CommandFailure { code: 1, text: format!("{check}: {failure}") })?;
    Ok(0)
}

fn check(kind: &str, arguments: &ArgMatches) -> Result<Check, Mistake> {
    if kind == "exec" {
        let words = arguments.get_many::<OsString>("what").into_iter().flatten();
        return Ok(Check::Exec(words.map(|word| word.as_bytes().to_vec()).collect()));
    }
    let what = arguments.get_one::<String>("what").map_or("", |what| what).as_bytes();
    match kind {
        "http" => checks::http(what),
        "tcp" => checks::address(what).map(Check::Tcp),
        _ => checks::unix(what),
    }
}
