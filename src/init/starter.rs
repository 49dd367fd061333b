//! The descriptors by which whoever starts the container holds its boot back.

use super::warn;
use crate::format::settings::ContainerSettings;
use crate::runtime::stop_signals;
use crate::sys::poll::{self, Deadline};
use crate::sys::{fd, signal};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::{getsockopt, sockopt};
use std::os::fd::{AsFd, RawFd};
use std::time::{Duration, Instant};

/// How the wait for the starter ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// The boot may go on.
    Over,
    /// A signal asked for a stop meanwhile.
    Stopped,
}

/// When to say what the boot is held back by.
const NAMING: Duration = Duration::from_secs(2);

/// Waits until whoever started us closes what they hold us back with: a line on descriptor 3, or
/// the end of `S6_WAIT_FOR_CLOSING_FD`.
pub(super) fn wait_for_closing(settings: &ContainerSettings) -> Result<Wait, Errno> {
    let line = Held {
        number: 3,
        by_a_line: true,
        text: "descriptor 3 is open: waiting for a line on it, or for its end, before anything is \
               started; whoever starts the container has to close it"
            .to_owned(),
    };
    let end = settings.wait_for_closing_fd.map(i32::from).filter(|number| *number > 3);
    let end = end.map(|number| Held {
        number,
        by_a_line: false,
        text: format!("waiting for the end of descriptor {number} (S6_WAIT_FOR_CLOSING_FD)"),
    });
    for held in [Some(line), end].into_iter().flatten() {
        if held.can_wait() && held.wait(settings.verbosity)? == Wait::Stopped {
            return Ok(Wait::Stopped);
        }
        fd::close(held.number);
    }
    Ok(Wait::Over)
}

/// A descriptor that holds the boot back.
struct Held {
    number: RawFd,
    /// Whether a line is enough, or it has to come to its end.
    by_a_line: bool,
    /// What is said after a while.
    text: String,
}

impl Held {
    /// Whether it can be read at all: not the end of a pipe that is written to, nor a socket that
    /// listens.
    fn can_wait(&self) -> bool {
        let flags = fcntl(fd::borrow(&self.number), FcntlArg::F_GETFL);
        let mode = flags.map(|flags| flags & OFlag::O_ACCMODE.bits());
        let listens = getsockopt(&fd::borrow(&self.number), sockopt::AcceptConn) == Ok(true);
        mode.is_ok_and(|mode| mode != OFlag::O_WRONLY.bits()) && !listens
    }

    fn wait(&self, verbosity: u8) -> Result<Wait, Errno> {
        let stops = signal::set(&stop_signals().collect::<Vec<_>>());
        let stops = SignalFd::with_flags(&stops, SfdFlags::SFD_CLOEXEC)?;
        let begun = Instant::now();
        let mut said = verbosity == 0;
        let mut buffer = [0; 256];
        loop {
            let naming = match said {
                true => Deadline::NEVER,
                false => Deadline::after(NAMING.saturating_sub(begun.elapsed())),
            };
            let ready = poll::readable(&[stops.as_fd(), fd::borrow(&self.number)], naming)?;
            if ready.contains(&0) {
                return Ok(Wait::Stopped);
            }
            if !said && begun.elapsed() >= NAMING {
                warn(&self.text);
                said = true;
            }
            if !ready.is_empty() {
                match fd::read(self.number, &mut buffer) {
                    Ok(0) => return Ok(Wait::Over),
                    Ok(n) if self.by_a_line && buffer[..n].contains(&b'\n') => {
                        return Ok(Wait::Over);
                    }
                    Ok(_) | Err(Errno::EAGAIN) => {}
                    Err(_) => return Ok(Wait::Over),
                }
            }
        }
    }
}
