//! Writing to a descriptor that others have too, without ever waiting for room.

use super::fd;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::{Mode, fstat};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

/// A descriptor to write to. O_NONBLOCK is a property of its open file description, which all that
/// inherited it have in common: so it is opened anew where that is possible.
#[derive(Debug)]
pub struct NonblockingWriter {
    number: RawFd,
    /// Under an open file description of its own.
    own: Option<OwnedFd>,
}

impl NonblockingWriter {
    /// One for a descriptor of this process, which stays open under this number.
    pub fn new(number: RawFd) -> Self {
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let regular = fstat(fd::borrow(&number))
            .is_ok_and(|s| s.st_mode & nix::libc::S_IFMT == nix::libc::S_IFREG);
        // A regular file never blocks, and under a second description it would be overwritten.
        let own = match regular {
            true => None,
            false => open(&*format!("/proc/self/fd/{number}"), flags, Mode::empty()).ok(),
        };
        Self { number, own }
    }

    /// Writes what there is room for. EAGAIN: there is none.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        if let Some(own) = &self.own {
            return nix::unistd::write(own, bytes);
        }
        use nix::sys::socket::{MsgFlags, send};
        match send(self.number, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::ENOTSOCK) => self.write_if_room(bytes),
            other => other,
        }
    }

    /// For what cannot be opened anew: asks for room first.
    fn write_if_room(&self, bytes: &[u8]) -> Result<usize, Errno> {
        let number = fd::borrow(&self.number);
        match poll(&mut [PollFd::new(number, PollFlags::POLLOUT)], PollTimeout::ZERO)? {
            0 => Err(Errno::EAGAIN),
            _ => nix::unistd::write(number, bytes.get(..4096).unwrap_or(bytes)),
        }
    }
}

impl AsFd for NonblockingWriter {
    /// The descriptor to wait on for room.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.own.as_ref().map_or(fd::borrow(&self.number), AsFd::as_fd)
    }
}
