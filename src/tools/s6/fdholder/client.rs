//! A client's side of the conversation with a descriptor-holding daemon: a request, an answer.

use super::{Held, MAX_ID, MAX_MESSAGE, decode_entries, encode_entry, encode_id, number_at};
use crate::format::tai::Tain;
use crate::sys::fd;
use crate::sys::ipc::{self, SocketKind};
use crate::sys::poll::Deadline;
use crate::sys::socket::MAX_FDS;
use crate::tools::Word;
use crate::tools::s6::message::{Message, Receiver, Sender};
use nix::errno::Errno;
use std::os::fd::{AsRawFd, OwnedFd};
use std::rc::Rc;

/// A connection to a daemon.
pub struct Client {
    deadline: Deadline,
    sender: Sender,
    receiver: Receiver,
    /// Closed with the connection.
    _socket: OwnedFd,
}

impl Client {
    /// Connects to the daemon at a path. All must be done by the deadline.
    pub fn connect(path: &[u8], deadline: Deadline) -> Result<Self, Errno> {
        let socket = ipc::new(SocketKind::Stream, true)?;
        ipc::connect(&socket, path)?;
        Self::on(socket, deadline)
    }

    /// Talks to the daemon on the other side of a connection.
    pub fn on(socket: OwnedFd, deadline: Deadline) -> Result<Self, Errno> {
        fd::set_nonblocking(socket.as_raw_fd(), true)?;
        let sender = Sender::new(socket.as_raw_fd());
        let receiver = Receiver::new(socket.as_raw_fd(), MAX_MESSAGE, MAX_FDS);
        Ok(Self { deadline, sender, receiver, _socket: socket })
    }

    /// Holds a descriptor under a name until a moment.
    pub fn store(&mut self, fd: Rc<OwnedFd>, id: &[u8], limit: Tain) -> Result<(), Errno> {
        let request = [b"S", encode_entry(short(id)?, limit).as_slice()].concat();
        self.ask(&request, vec![fd]).and_then(nothing)
    }

    /// Lets go of a descriptor.
    pub fn delete(&mut self, id: &[u8]) -> Result<(), Errno> {
        let request = [b"D", encode_id(short(id)?).as_slice()].concat();
        self.ask(&request, Vec::new()).and_then(nothing)
    }

    /// A copy of a descriptor; or itself, that the daemon lets go of.
    pub fn retrieve(&mut self, id: &[u8], delete: bool) -> Result<OwnedFd, Errno> {
        let request = [&[b'R', u8::from(delete)], encode_id(short(id)?).as_slice()].concat();
        let mut answer = self.ask(&request, Vec::new())?;
        match (answer.bytes.len(), answer.fds.len()) {
            (1, 1) => answer.fds.pop().ok_or(Errno::EPROTO),
            _ => Err(Errno::EPROTO),
        }
    }

    /// The names under which descriptors are held.
    pub fn list(&mut self) -> Result<Vec<Word>, Errno> {
        let answer = self.ask(b"L", Vec::new())?;
        let count = number_at(&answer.bytes, 1).ok_or(Errno::EPROTO)? as usize;
        let names = answer.bytes.get(5..).unwrap_or_default();
        let names: Vec<Word> = names.split_inclusive(|&b| b == 0).map(<[u8]>::to_vec).collect();
        if names.len() != count || !names.iter().all(|name| name.ends_with(b"\0")) {
            return Err(Errno::EPROTO);
        }
        Ok(names.iter().map(|name| name[..name.len() - 1].to_vec()).collect())
    }

    /// Copies of all descriptors, with their names.
    pub fn dump(&mut self) -> Result<Vec<(Word, Held)>, Errno> {
        let answer = self.ask(b"?", Vec::new())?;
        let numbers = (number_at(&answer.bytes, 1), number_at(&answer.bytes, 5));
        let (Some(messages), Some(total)) = numbers else { return Err(Errno::EPROTO) };
        let mut dump = Vec::new();
        for _ in 0..messages {
            let message = self.receiver.wait(self.deadline)?;
            let entries = decode_entries(&message.bytes).ok_or(Errno::EPROTO)?;
            if entries.len() != message.fds.len() {
                return Err(Errno::EPROTO);
            }
            dump.extend(
                entries
                    .into_iter()
                    .zip(message.fds)
                    .map(|((limit, id), fd)| (id.to_vec(), Held { fd: Rc::new(fd), limit })),
            );
        }
        if dump.len() == total as usize { Ok(dump) } else { Err(Errno::EPROTO) }
    }

    /// Holds all these descriptors, in the place of others of the same names.
    pub fn set_dump(&mut self, dump: &[(Word, Held)]) -> Result<(), Errno> {
        if dump.is_empty() {
            return Ok(());
        }
        let request = [b"!", &(dump.len() as u32).to_be_bytes()[..]].concat();
        self.ask(&request, Vec::new())?;
        for part in dump.chunks(MAX_FDS) {
            let entries = part.iter().map(|(id, held)| encode_entry(id, held.limit));
            let message = [b".".to_vec()].into_iter().chain(entries).flatten();
            let fds = part.iter().map(|(_, held)| held.fd.clone()).collect();
            self.sender.put(&message.collect::<Word>(), fds);
            self.sender.wait(self.deadline)?;
            // After all but the last, the answer is that there must be more.
            match self.answer().and_then(nothing) {
                Ok(()) | Err(Errno::EAGAIN) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn ask(&mut self, request: &[u8], fds: Vec<Rc<OwnedFd>>) -> Result<Message, Errno> {
        self.sender.put(request, fds);
        self.sender.wait(self.deadline)?;
        self.answer()
    }

    /// The next answer, unless it is an error.
    fn answer(&mut self) -> Result<Message, Errno> {
        let answer = self.receiver.wait(self.deadline)?;
        match answer.bytes.first() {
            Some(0) => Ok(answer),
            Some(&errno) => Err(Errno::from_raw(errno.into())),
            None => Err(Errno::EPROTO),
        }
    }
}

/// A name that is not too long.
fn short(id: &[u8]) -> Result<&[u8], Errno> {
    if id.len() > MAX_ID { Err(Errno::ENAMETOOLONG) } else { Ok(id) }
}

/// An answer that says no more than that all is well.
fn nothing(answer: Message) -> Result<(), Errno> {
    if answer.bytes.len() == 1 && answer.fds.is_empty() { Ok(()) } else { Err(Errno::EPROTO) }
}
