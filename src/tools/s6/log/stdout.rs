//! Lines that go on to stdout.

use super::warnings::Warnings;
use crate::sys::fd;
use crate::tools::die::reason;
use crate::tools::s6::outbox::Outbox;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, fstat};

/// Stdout, until writing fails.
///
/// Differs: it is not made non-blocking, which would be so for all who share it, as the programs of
/// a container share its stdout.
#[derive(Debug)]
pub(super) struct Stdout {
    /// What is still to be written.
    pub outbox: Outbox,
    is_open: bool,
    /// Whether it takes everything at once.
    is_file: bool,
}

impl Stdout {
    /// The stdout of this process.
    pub(super) fn new() -> Self {
        let is_file =
            fstat(fd::borrow(&1)).is_ok_and(|found| found.st_mode & libc::S_IFMT == libc::S_IFREG);
        Self { outbox: Outbox::default(), is_open: true, is_file }
    }

    /// Whether lines still go there.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Writes what it takes now.
    pub(super) fn flush(&mut self, warnings: Warnings) {
        while !self.outbox.is_empty() {
            let pending = self.outbox.pending();
            let written = match self.is_file {
                true => fd::write_all(1, pending).map(|()| pending.len()),
                false if is_writable() => fd::write_ready(1, pending),
                false => return,
            };
            match written {
                Ok(n) => self.outbox.advance(n),
                Err(Errno::EAGAIN) => return,
                Err(e) => return self.close(e, warnings),
            }
        }
    }

    fn close(&mut self, e: Errno, warnings: Warnings) {
        let text = "unable to write to stdout, closing the stream - error was";
        warnings.say(format_args!("{text}: {}", reason(e)));
        self.is_open = false;
        self.outbox.clear();
        // Closed for its reader, but not free for another file to get its number.
        if let Ok(null) = open("/dev/null", OFlag::O_WRONLY, Mode::empty()) {
            let _ = fd::place(1, null);
        }
    }
}

fn is_writable() -> bool {
    let mut stdout = [PollFd::new(fd::borrow(&1), PollFlags::POLLOUT)];
    poll(&mut stdout, PollTimeout::ZERO).is_ok_and(|n| n > 0)
}
