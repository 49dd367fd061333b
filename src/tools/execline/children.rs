//! Children that a tool runs to their end.

use crate::sys::process::{WaitStatus, wait};
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Process, Word};
use nix::errno::Errno;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

/// Runs the words of a block and waits for the end. No words at all are a success.
pub(super) fn run(process: &Process, argv: Vec<Word>) -> Result<WaitStatus, Exit> {
    let name = name(&argv);
    let failed = |e| process.fatal_errno(format_args!("unable to spawn {name}"), e);
    let pid = process.spawn(argv.into(), &|| Ok(())).map_err(failed)?;
    ended(process, pid, &name)
}

/// Runs words that are not in a block and waits for the end. Where they are in one, by mistake, the
/// error about a program whose name begins with a space says so; `what` is what they shall be.
pub(super) fn run_unblocked(
    process: &Process,
    argv: Vec<Word>,
    what: &str,
) -> Result<WaitStatus, Exit> {
    let name = name(&argv);
    let pid = process.spawn(argv.into(), &|| Ok(())).map_err(|e| {
        let why = if e == Errno::ENOENT && name.starts_with(' ') {
            &format!("name begins with a space, are you trying to spawn a block as your {what}?")
        } else {
            reason(e)
        };
        process.fatal(111, format_args!("unable to spawn {name}: {why}"))
    })?;
    ended(process, pid, &name)
}

/// Waits for the child `pid`, which runs the program `name`.
pub(super) fn ended(process: &Process, pid: Pid, name: &str) -> Result<WaitStatus, Exit> {
    match wait(pid.as_raw(), WaitPidFlag::empty()) {
        Ok(Some((_, status))) => Ok(status),
        Ok(None) => {
            Err(process.fatal_errno(format_args!("unable to wait for {name}"), Errno::ECHILD))
        }
        Err(e) => Err(process.fatal_errno(format_args!("unable to wait for {name}"), e)),
    }
}

/// A program's name, for messages.
pub(super) fn name(argv: &[Word]) -> String {
    argv.first().map(|word| show(word).to_string()).unwrap_or_default()
}
