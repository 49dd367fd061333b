//! `sixtree kill`: a signal to the processes of longruns, through their supervisors. A service that
//! dies of it is started again.

use super::{Failure, live};
use crate::format::{control as letters, signal};
use crate::tools::s6::control::{self, SUPERVISE};
use clap::{Arg, ArgMatches, Command};
use std::os::unix::ffi::OsStrExt;

/// The subcommand and what it takes.
pub fn arguments() -> Command {
    Command::new("kill")
        .about("Send a signal to services; those that die of it are started again")
        .after_help("Exits 0 when it is sent, 1 if some could not get it, 3 if a name is unknown.")
        .arg(
            Arg::new("signal")
                .short('s')
                .long("signal")
                .value_name("SIGNAL")
                .default_value("TERM")
                .help("Its name or number"),
        )
        .arg(live::some_names_argument("Services and bundles"))
}

/// Sends; returns the exit code.
pub fn run(arguments: &ArgMatches) -> Result<i32, Failure> {
    let name = arguments.get_one::<String>("signal").map_or("TERM", |name| name);
    let letter = signal::parse(name.as_bytes())
        .and_then(letters::letter_of)
        .ok_or_else(|| Failure::usage(format!("{name} is not a signal that can be sent")))?;
    let services = live::select(&live::names(arguments))?;
    let mut wrong = Vec::new();
    for known in services.iter().filter(|known| known.kind() != "oneshot") {
        let directory = live::run_directory().join("service").join(&known.name);
        if known.pid() == 0 {
            wrong.push(format!("{} does not run", known.name));
        } else if control::write(directory.as_os_str().as_bytes(), SUPERVISE, &[letter]).is_err() {
            wrong.push(format!("the supervisor of {} does not listen", known.name));
        }
    }
    if services.iter().all(|known| known.kind() == "oneshot") {
        wrong.push("oneshots have no process to signal".to_owned());
    }
    match wrong.is_empty() {
        true => Ok(0),
        false => Err(Failure { code: 1, text: wrong.join("; ") }),
    }
}
