//! The terminal on stdin, if there is one: the CMD may take its foreground and change its modes,
//! and both are restored when the container ends.

use crate::sys::fd;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp, ttyname};
use std::os::fd::IntoRawFd;

/// The state of a terminal before the CMD used it.
pub(super) struct Terminal {
    modes: Termios,
    foreground: Option<Pid>,
}

impl Terminal {
    /// Saves the state of the terminal on stdin.
    pub(super) fn found() -> Option<Self> {
        let modes = tcgetattr(fd::borrow(&0)).ok()?;
        Some(Self { modes, foreground: tcgetpgrp(fd::borrow(&0)).ok() })
    }

    /// Restores the state. A process in the background gets SIGTTOU for that, which is blocked by
    /// now.
    pub(super) fn restore(&self) {
        if self.foreground == Some(getpgrp()) {
            // The terminal may have gone.
            let _ = tcsetpgrp(fd::borrow(&0), getpgrp());
        }
        // The terminal may have gone.
        let _ = tcsetattr(fd::borrow(&0), SetArg::TCSANOW, &self.modes);
    }
}

/// The terminal on stdin, opened for the CMD's output (`S6_CMD_USE_TERMINAL`).
pub(super) fn for_output() -> Option<i32> {
    let name = ttyname(fd::borrow(&0)).ok()?;
    let file = std::fs::File::options().write(true).open(name).ok()?;
    Some(file.into_raw_fd())
}
