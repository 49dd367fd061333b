//! What PID 1 itself has to say, on stderr: in whole lines, never blocking. A reader of the
//! container's log that stands still must not stop the supervision of its services.

use crate::sys::fd;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The most lines held back while stderr is full; further ones are counted and dropped.
const MAX_LINES: usize = 1000;

/// A queue of lines before stderr.
#[derive(Debug)]
pub struct Journal {
    /// stderr under an open file description of its own, where O_NONBLOCK hurts no one else.
    output: Option<OwnedFd>,
    lines: VecDeque<Vec<u8>>,
    dropped: u64,
}

impl Journal {
    /// A journal on the stderr of this process.
    pub fn new() -> Self {
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
        let regular = nix::sys::stat::fstat(fd::borrow(2))
            .is_ok_and(|s| s.st_mode & nix::libc::S_IFMT == nix::libc::S_IFREG);
        // A regular file never blocks, and under a second description it would be overwritten.
        let output = match regular {
            true => None,
            false => open("/proc/self/fd/2", flags, Mode::empty()).ok(),
        };
        Self { output, lines: VecDeque::new(), dropped: 0 }
    }

    /// Writes a line (without its newline), or keeps it for when there is room.
    pub fn line(&mut self, text: &str) {
        if self.lines.len() >= MAX_LINES {
            self.dropped += 1;
            return;
        }
        self.lines.push_back(format!("{text}\n").into_bytes());
        self.flush();
    }

    /// Whether lines are waiting.
    pub fn waiting(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The descriptor to wait on for room.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.output.as_ref().map_or(fd::borrow(2), AsFd::as_fd)
    }

    /// Writes what there is room for.
    pub fn flush(&mut self) {
        while let Some(mut line) = self.lines.pop_front() {
            match self.write(&line) {
                Ok(n) if n < line.len() => {
                    line.drain(..n);
                    self.lines.push_front(line);
                }
                Ok(_) => self.account_for_dropped(),
                Err(Errno::EINTR) => self.lines.push_front(line),
                Err(Errno::EAGAIN) => return self.lines.push_front(line),
                // stderr is broken (closed, full disk): there is nobody to tell.
                Err(_) => {}
            }
        }
    }

    fn account_for_dropped(&mut self) {
        if self.lines.is_empty() && self.dropped > 0 {
            let text = format!("sixtree: warning: {} lines lost: stderr was full\n", self.dropped);
            self.lines.push_back(text.into_bytes());
            self.dropped = 0;
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        if let Some(output) = &self.output {
            return nix::unistd::write(output, bytes);
        }
        use nix::sys::socket::{MsgFlags, send};
        match send(2, bytes, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::ENOTSOCK) => self.write_if_room(bytes),
            other => other,
        }
    }

    /// For a stderr that cannot be opened anew: asks for room first.
    fn write_if_room(&self, bytes: &[u8]) -> Result<usize, Errno> {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        let stderr = fd::borrow(2);
        let mut wanted = [PollFd::new(stderr, PollFlags::POLLOUT)];
        match poll(&mut wanted, PollTimeout::ZERO)? {
            0 => Err(Errno::EAGAIN),
            _ => nix::unistd::write(stderr, bytes.get(..4096).unwrap_or(bytes)),
        }
    }
}
