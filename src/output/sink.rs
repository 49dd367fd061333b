//! Where lines go: the container's stdout and stderr, or the FIFO of the catch-all logger.
//!
//! What is on its way stands in a pipe that PID 1 holds, and is moved on from there by splice(2),
//! which takes out of it exactly what has arrived: a line is never torn, nor passed on twice, when
//! this process is killed. What cannot be spliced to (a terminal, a file that is appended to, a
//! socket) gets a copy, of which the last may then come twice.

use super::peek::{Peeker, capacity};
use crate::sys::fd;
use crate::sys::nonblocking::NonblockingWriter;
use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, splice};
use nix::libc::{S_IFIFO, S_IFMT, S_IFREG};
use nix::sys::stat::fstat;
use std::io::IsTerminal;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// Both ends of a pipe that PID 1 holds too.
#[derive(Debug)]
pub(super) struct HeldPipe {
    pub(super) read: OwnedFd,
    pub(super) write: OwnedFd,
}

/// How the descriptor of a sink takes what is for it.
#[derive(Debug)]
enum Way {
    Splice,
    Copy(NonblockingWriter),
}

/// A place that lines go to.
#[derive(Debug)]
pub(super) struct Sink {
    target: RawFd,
    /// Closed with the sink; the container's own descriptors are not.
    _owned: Option<OwnedFd>,
    way: Way,
    pipe: HeldPipe,
    in_pipe: usize,
    capacity: usize,
    /// What the pipe has no room for.
    rest: Vec<u8>,
    /// Nobody will read anything of it any more.
    is_closed: bool,
    /// It has been said that something was lost.
    loss_said: bool,
    /// The process before this one had put something into the pipe.
    had_some: bool,
}

/// How far what is for a sink has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SinkProgress {
    /// All of it has arrived.
    Empty,
    /// It has no room.
    Full,
    /// It was lost, and nobody knows of it yet.
    Lost(Errno),
}

impl Sink {
    /// A sink behind a pipe, in which there may be something of the process before this one.
    pub(super) fn new(target: RawFd, owned: Option<OwnedFd>, pipe: HeldPipe) -> Self {
        let kind = fstat(fd::borrow(&target)).map(|found| found.st_mode & S_IFMT);
        let way = match kind {
            Ok(S_IFIFO | S_IFREG) => Way::Splice,
            Ok(_) | Err(_) => Way::Copy(NonblockingWriter::new(target)),
        };
        let in_pipe = fd::readable_bytes(pipe.read.as_raw_fd()).unwrap_or(0);
        let capacity = capacity(&pipe.write);
        Self {
            target,
            _owned: owned,
            way,
            pipe,
            in_pipe,
            capacity,
            rest: Vec::new(),
            is_closed: false,
            loss_said: false,
            had_some: in_pipe > 0,
        }
    }

    /// How much it should be given at a time.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether it is a terminal.
    pub(super) fn is_terminal(&self) -> bool {
        fd::borrow(&self.target).is_terminal()
    }

    /// Whether it takes more: nothing is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.in_pipe == 0 && self.rest.is_empty()
    }

    /// The descriptor to wait on for room.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match &self.way {
            Way::Splice => fd::borrow(&self.target),
            Way::Copy(writer) => writer.as_fd(),
        }
    }

    /// Whether something was on its way when this process began.
    pub(super) fn had_some(&self) -> bool {
        self.had_some
    }

    /// Puts lines into the pipe, from where `flush` moves them on.
    pub(super) fn put(&mut self, lines: &[u8]) {
        if !self.is_closed {
            self.rest.extend_from_slice(lines);
            // What is wrong shows when it is moved on.
            let _ = self.fill();
        }
    }

    /// Moves on what is on its way.
    pub(super) fn flush(&mut self, peeker: &mut Peeker) -> SinkProgress {
        while !self.is_empty() {
            if let Err(e) = self.fill() {
                return self.lose(e, peeker);
            }
            match self.move_on(peeker) {
                Ok(count) => self.in_pipe = self.in_pipe.saturating_sub(count),
                Err(Errno::EAGAIN) => return SinkProgress::Full,
                Err(Errno::EINTR) => {}
                Err(e) => return self.lose(e, peeker),
            }
        }
        SinkProgress::Empty
    }

    /// Puts into the pipe what it has room for.
    fn fill(&mut self) -> Result<(), Errno> {
        if self.rest.is_empty() {
            return Ok(());
        }
        match nix::unistd::write(&self.pipe.write, &self.rest) {
            Ok(count) => {
                self.in_pipe += count;
                self.rest.drain(..count);
                Ok(())
            }
            Err(Errno::EAGAIN | Errno::EINTR) if self.in_pipe > 0 => Ok(()),
            Err(e) => Err(e),
        }
    }

    fn move_on(&mut self, peeker: &mut Peeker) -> Result<usize, Errno> {
        if let Way::Copy(writer) = &self.way {
            let seen = peeker.peek(&self.pipe.read)?;
            let count = writer.write(peeker.seen(seen))?;
            peeker.take(&self.pipe.read, count)?;
            return Ok(count);
        }
        let flags = SpliceFFlags::SPLICE_F_NONBLOCK | SpliceFFlags::SPLICE_F_MOVE;
        let target = fd::borrow(&self.target);
        match splice(&self.pipe.read, None, target, None, self.in_pipe, flags) {
            // A file that is appended to, or one whose file system has no splice.
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                self.way = Way::Copy(NonblockingWriter::new(self.target));
                Ok(0)
            }
            other => other,
        }
    }

    /// What is on its way is lost.
    fn lose(&mut self, why: Errno, peeker: &mut Peeker) -> SinkProgress {
        let is_over = [Errno::EPIPE, Errno::EBADF, Errno::EIO, Errno::ECONNRESET];
        self.is_closed |= is_over.contains(&why);
        self.rest.clear();
        // It has been counted: so much is there.
        let _ = peeker.take(&self.pipe.read, self.in_pipe);
        self.in_pipe = 0;
        match std::mem::replace(&mut self.loss_said, true) {
            true => SinkProgress::Empty,
            false => SinkProgress::Lost(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::IntoRawFd;

    fn pipe() -> HeldPipe {
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_NONBLOCK).unwrap();
        HeldPipe { read, write }
    }

    fn sends(sink: &mut Sink, lines: &[u8], peeker: &mut Peeker) -> SinkProgress {
        sink.put(lines);
        sink.flush(peeker)
    }

    fn sink(target: OwnedFd) -> Sink {
        Sink::new(target.as_raw_fd(), Some(target), pipe())
    }

    #[test]
    fn what_a_full_pipe_does_not_take_waits() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let mut peeker = Peeker::new().unwrap();
        let mut sink = sink(write);
        let line = vec![b'x'; 100_000];
        assert_eq!(sends(&mut sink, &line, &mut peeker), SinkProgress::Full);
        assert!(!sink.is_empty());
        let mut seen = vec![0; 100_000];
        let mut got = 0;
        while got < line.len() {
            got += fd::read(read.as_raw_fd(), &mut seen[got..]).unwrap();
            sink.flush(&mut peeker);
        }
        assert!(sink.is_empty() && seen == line);
        drop(read);
        assert_eq!(sends(&mut sink, b"x", &mut peeker), SinkProgress::Lost(Errno::EPIPE));
        assert_eq!(sends(&mut sink, b"x", &mut peeker), SinkProgress::Empty);
        assert!(sink.is_closed);
    }

    #[test]
    fn what_cannot_be_spliced_to_gets_a_copy() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("log");
        let file = std::fs::File::options().create(true).append(true).open(&path).unwrap();
        let mut peeker = Peeker::new().unwrap();
        let mut sink = Sink::new(file.into_raw_fd(), None, pipe());
        assert_eq!(sends(&mut sink, b"one\n", &mut peeker), SinkProgress::Empty);
        assert_eq!(sends(&mut sink, b"two\n", &mut peeker), SinkProgress::Empty);
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    }

    #[test]
    fn what_was_on_its_way_arrives_with_the_next_process() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let held = pipe();
        fd::write_all(held.write.as_raw_fd(), b"left\n").unwrap();
        let mut peeker = Peeker::new().unwrap();
        let mut sink = Sink::new(write.as_raw_fd(), Some(write), held);
        assert_eq!(sink.flush(&mut peeker), SinkProgress::Empty);
        assert_eq!(peeker.peek(&read), Ok(5));
        assert_eq!(peeker.seen(5), b"left\n");
    }
}
