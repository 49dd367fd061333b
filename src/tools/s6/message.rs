//! Messages with descriptors through local sockets, as skalibs has them: how many bytes (4 bytes),
//! how many descriptors (2), the bytes; the descriptors travel beside the first byte.
//! Reference: <https://skarnet.org/software/skalibs/libunixonacid/unixmessage.html>.

use crate::sys::fd::borrow;
use crate::sys::poll::{self, Deadline};
use crate::sys::socket;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::rc::Rc;

/// What is sent at once.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What came beside them.
    pub fds: Vec<OwnedFd>,
}

/// The length of what precedes the bytes.
const HEADER: usize = 6;

/// The end of a non-blocking socket where messages arrive.
#[derive(Debug)]
pub(super) struct Receiver {
    socket: RawFd,
    /// The most bytes that a message may have.
    max_bytes: usize,
    /// The most descriptors that one may have.
    max_fds: usize,
    bytes: Vec<u8>,
    fds: VecDeque<OwnedFd>,
}

impl Receiver {
    /// Reads messages of at most so many bytes and descriptors.
    pub(super) fn new(socket: RawFd, max_bytes: usize, max_fds: usize) -> Self {
        Self { socket, max_bytes, max_fds, bytes: Vec::new(), fds: VecDeque::new() }
    }

    /// Whether no message has come in part.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next message, if it can be had without waiting. EPIPE: there will be none. EPROTO: what
    /// came is none.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Errno> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            let (mut chunk, mut fds) = ([0; 8192], Vec::new());
            match socket::receive(borrow(&self.socket), &mut chunk, &mut fds) {
                Ok(0) => return Err(Errno::EPIPE),
                Ok(n) => self.bytes.extend_from_slice(chunk.get(..n).unwrap_or_default()),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(e) => return Err(e),
            }
            self.fds.extend(fds);
            // Those of a message, and of the one after it whose first bytes came with its last.
            if self.fds.len() > 2 * self.max_fds {
                return Err(Errno::EPROTO);
            }
        }
    }

    /// The next message. ETIMEDOUT: it has not come in time.
    pub(super) fn wait(&mut self, deadline: Deadline) -> Result<Message, Errno> {
        loop {
            if let Some(message) = self.next()? {
                return Ok(message);
            }
            until(self.socket, PollFlags::POLLIN, deadline)?;
        }
    }

    /// Takes a message that is here whole.
    fn take(&mut self) -> Result<Option<Message>, Errno> {
        let Some((length, rest)) = self.bytes.split_first_chunk() else { return Ok(None) };
        let Some((count, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        let count = usize::from(u16::from_be_bytes(*count));
        if length > self.max_bytes || count > self.max_fds {
            return Err(Errno::EPROTO);
        }
        let Some(bytes) = rest.get(..length) else { return Ok(None) };
        if self.fds.len() < count {
            return Ok(None);
        }
        let bytes = bytes.to_vec();
        self.bytes.drain(..HEADER + length);
        Ok(Some(Message { bytes, fds: self.fds.drain(..count).collect() }))
    }
}

/// The end of a non-blocking socket where messages leave.
#[derive(Debug)]
pub(super) struct Sender {
    socket: RawFd,
    /// What is left to send of each message, and the descriptors until they have gone.
    queue: VecDeque<(Vec<u8>, Vec<Rc<OwnedFd>>)>,
}

impl Sender {
    /// Sends messages through a socket.
    pub(super) fn new(socket: RawFd) -> Self {
        Self { socket, queue: VecDeque::new() }
    }

    /// Whether all is sent.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Appends a message.
    pub(super) fn put(&mut self, bytes: &[u8], fds: Vec<Rc<OwnedFd>>) {
        let (length, count) =
            ((bytes.len() as u32).to_be_bytes(), (fds.len() as u16).to_be_bytes());
        self.queue.push_back(([&length[..], &count, bytes].concat(), fds));
    }

    /// Sends what can be sent without waiting. Whether that is all.
    pub(super) fn flush(&mut self) -> Result<bool, Errno> {
        while let Some((bytes, fds)) = self.queue.front_mut() {
            let numbers: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
            match socket::send(borrow(&self.socket), bytes, &numbers) {
                Ok(n) if n >= bytes.len() => drop(self.queue.pop_front()),
                Ok(n) => {
                    fds.clear();
                    bytes.drain(..n);
                }
                Err(Errno::EAGAIN) => return Ok(false),
                Err(e) => return Err(e),
            }
        }
        Ok(true)
    }

    /// Sends all. ETIMEDOUT: not in time.
    pub(super) fn wait(&mut self, deadline: Deadline) -> Result<(), Errno> {
        while !self.flush()? {
            until(self.socket, PollFlags::POLLOUT, deadline)?;
        }
        Ok(())
    }
}

/// Waits until a socket is ready.
pub(super) fn until(socket: RawFd, flags: PollFlags, deadline: Deadline) -> Result<(), Errno> {
    let ready = poll::wait(&mut [PollFd::new(borrow(&socket), flags)], deadline)?;
    if ready { Ok(()) } else { Err(Errno::ETIMEDOUT) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::fd;
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

    fn ends() -> (OwnedFd, OwnedFd) {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        socketpair(AddressFamily::Unix, SockType::Stream, None, flags).unwrap()
    }

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let (a, b) = ends();
        let mut sender = Sender::new(a.as_raw_fd());
        let mut receiver = Receiver::new(b.as_raw_fd(), 1 << 20, 1);
        let (read, write) = fd::pipe_above_2().unwrap();
        sender.put(b"one", vec![Rc::new(write)]);
        sender.put(b"", vec![]);
        sender.put(&vec![7; 1 << 20], vec![]);
        assert!(!sender.flush().unwrap(), "that does not fit into a socket");
        let one = receiver.next().unwrap().unwrap();
        assert_eq!((one.bytes.as_slice(), one.fds.len()), (&b"one"[..], 1));
        fd::write_all(one.fds[0].as_raw_fd(), b"x").unwrap();
        drop(one);
        assert_eq!(fd::read_to_end(read.as_raw_fd()), Ok(b"x".to_vec()), "no copy is left open");
        assert!(receiver.next().unwrap().unwrap().bytes.is_empty());
        let mut large = None;
        while large.is_none() {
            large = receiver.next().unwrap();
            sender.flush().unwrap();
        }
        assert!(sender.is_empty() && receiver.is_empty());
        assert_eq!(large.unwrap().bytes, vec![7; 1 << 20]);
        drop(a);
        assert_eq!(receiver.next().err(), Some(Errno::EPIPE));
    }

    #[test]
    fn the_bytes_are_those_of_skalibs() {
        let (a, b) = ends();
        let mut sender = Sender::new(a.as_raw_fd());
        let copy = Rc::new(a.try_clone().unwrap());
        sender.put(b"ab", vec![copy.clone(), copy]);
        assert!(sender.flush().unwrap());
        let mut bytes = [0; 9];
        assert_eq!(fd::read(b.as_raw_fd(), &mut bytes), Ok(8));
        assert_eq!(&bytes, b"\0\0\0\x02\0\x02ab\0");
    }

    #[test]
    fn what_is_too_long_or_claims_too_much_is_refused() {
        for header in [b"\0\0\0\x05\0\0", b"\0\0\0\0\0\x02"] {
            let (a, b) = ends();
            fd::write_all(a.as_raw_fd(), header).unwrap();
            let mut receiver = Receiver::new(b.as_raw_fd(), 4, 1);
            assert_eq!(receiver.wait(Deadline::NEVER).err(), Some(Errno::EPROTO));
        }
    }

    #[test]
    fn descriptors_that_no_message_claims_are_not_hoarded() {
        let (a, b) = ends();
        let mut receiver = Receiver::new(b.as_raw_fd(), 4, 1);
        let copies = [a.as_raw_fd(); 3];
        socket::send(borrow(&a.as_raw_fd()), b"\0", &copies[..2]).unwrap();
        assert!(receiver.next().unwrap().is_none(), "one for each of two messages");
        socket::send(borrow(&a.as_raw_fd()), b"\0", &copies).unwrap();
        assert_eq!(receiver.next().err(), Some(Errno::EPROTO));
    }
}
