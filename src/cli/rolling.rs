//! `sixtree restart --rolling`: services one after the other, so that the others serve meanwhile.

use super::arguments::GivenArguments;
use super::known::{Known, ServiceState, culprits};
use super::progress::Progress;
use super::wait::timeout_ms;
use super::{CommandFailure, live};
use crate::sys::fd;
use crate::sys::poll::Deadline;
use crate::tools::s6::control::{self, SUPERVISE};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Down and up in one write: the service is stopped in its own way, with its `timeout-kill`, and
/// starts again whatever becomes of us.
const RESTART: &[u8] = b"du";

/// Restarts what runs; returns the exit code. What goes wrong ends it: the others run on.
pub(super) fn restart(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let services = live::select(&live::names(arguments))?;
    if let Some(oneshot) = services.iter().find(|known| known.is_oneshot()) {
        let text = format!("{} is a oneshot: only what runs can be restarted so", oneshot.name);
        return Err(CommandFailure { code: 1, text });
    }
    let deadline = Deadline::after_ms(timeout_ms(arguments));
    for before in services.iter().filter(|known| known.is_wanted()) {
        let directory = live::run_directory().join("service").join(&before.name);
        if control::write(directory.as_os_str().as_bytes(), SUPERVISE, RESTART).is_err() {
            let text = format!("the supervisor of {} does not listen", before.name);
            return Err(CommandFailure { code: 1, text });
        }
        match wait(before, &deadline)? {
            0 => {}
            code => return Ok(code),
        }
    }
    Ok(0)
}

/// Waits until a service is back; returns the exit code if it is not.
fn wait(before: &Known, deadline: &Deadline) -> Result<i32, CommandFailure> {
    let mut progress = Progress::new();
    loop {
        let services = live::select(std::slice::from_ref(&before.name))?;
        if services.iter().all(|now| is_back(now, before)) {
            return Ok(0);
        }
        let is_lost = |now: &Known| {
            matches!(now.state(), ServiceState::Failed | ServiceState::Off | ServiceState::Down)
        };
        let is_lost = services.iter().any(is_lost);
        if is_lost || deadline.has_passed() {
            progress.clear();
            for line in culprits(&services, true) {
                let _ = fd::write_all(2, format!("sixtree restart: {line}\n").as_bytes());
            }
            return Ok(if is_lost { 1 } else { 2 });
        }
        progress.show("restarting", [before.name.as_str()].into_iter());
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Whether another process has taken the place of the one before, and serves.
fn is_back(now: &Known, before: &Known) -> bool {
    now.pid().is_some() && now.pid() != before.pid() && now.is_healthy()
}
