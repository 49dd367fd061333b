//! `sixtree kill`: a signal to the processes of longruns, through their supervisors. A service that
//! dies of it is started again.

use super::arguments::{Argument, CommandSyntax, GivenArguments};
use super::known::Known;
use super::{CommandFailure, live};
use crate::format::{control as letters, signal};
use crate::sys::poll::Deadline;
use crate::tools::s6::control::{self, SUPERVISE};
use nix::libc;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// How long a process that was killed may take to end, if a disk holds it up, and how often it is
/// looked at.
const PATIENCE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("kill", "Send a signal to services; those that die of it are started again")
        .notes("Exits 0 when it is sent, 1 if some could not get it, 3 if a name is unknown.")
        .takes(&[&[
            Argument::option("signal", "SIGNAL", "Its name or number").short('s').default("TERM"),
            live::some_names_argument("Services and bundles"),
        ]])
        .runs(run);

/// Sends; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let name = arguments.text("signal").unwrap_or("TERM");
    let number = signal::parse(name.as_bytes()).unwrap_or(0);
    let letter = letters::letter_of(number)
        .ok_or_else(|| CommandFailure::usage(format!("{name} is not a signal that can be sent")))?;
    let services = live::select(&live::names(arguments))?;
    let (mut sent, mut wrong) = (Vec::new(), Vec::new());
    for known in services.iter().filter(|known| !known.is_oneshot()) {
        let directory = live::run_directory().join("service").join(&known.name);
        let Some(pid) = known.pid() else {
            wrong.push(format!("{} does not run", known.name));
            continue;
        };
        match control::write(directory.as_os_str().as_bytes(), SUPERVISE, &[letter]) {
            Ok(()) => sent.push(pid),
            Err(_) => wrong.push(format!("the supervisor of {} does not listen", known.name)),
        }
    }
    if i32::from(number) == libc::SIGKILL {
        wait_for_end(&sent)?;
    }
    if services.iter().all(Known::is_oneshot) {
        wrong.push("oneshots have no process to signal".to_owned());
    }
    match wrong.is_empty() {
        true => Ok(0),
        false => Err(CommandFailure { code: 1, text: wrong.join("; ") }),
    }
}

/// Waits until PID 1 knows of the end of processes, which is but a moment away: `sixtree wait` is
/// not to take them for those that are started in their place.
fn wait_for_end(killed: &[i32]) -> Result<(), CommandFailure> {
    let deadline = Deadline::after(PATIENCE);
    let lives = |known: &Known| known.pid().is_some_and(|pid| killed.contains(&pid));
    while !deadline.has_passed() && live::all()?.iter().any(lives) {
        std::thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}
