//! One question on its way: which server is asked, by which protocol, and for how long.
//! Reference: <https://skarnet.org/software/s6-dns/libs6dns/s6dns-engine.html>.
//!
//! | while | what happens | what follows |
//! |---|---|---|
//! | asking by UDP | an answer | done; by TCP from the first server on, if it is truncated |
//! | | the server fails | the next server; the same one again only in later rounds |
//! | | the server refuses | the next server; this one is not asked again |
//! | | no answer in time | the next server; after the last one the next round, which waits longer |
//! | asking by TCP | an answer | done |
//! | | anything else, or no answer in time | the next server; each is asked once |

use super::dump::Trace;
use super::failure::Failure;
use super::message::{Answer, Malformed, Question};
use crate::sys::inet::{self, Protocol};
use crate::sys::poll::Deadline;
use crate::sys::random;
use domain::base::iana::Rcode;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{MsgFlags, recv, send};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

/// The port of DNS servers.
const PORT: u16 = 53;
/// How many seconds each server has in each round, where it shall ask others.
const ROUNDS_OF_CACHE: &[u64] = &[3, 11, 45];
/// The same where it answers by itself.
const ROUNDS_OF_SERVER: &[u64] = &[1, 3, 11, 45];
/// How long a server may take for each of the two directions of TCP.
const TCP_TIME: Duration = Duration::from_secs(10);
/// The longest datagram: we announce no other size.
const LONGEST_DATAGRAM: usize = 512;

/// A question on its way.
pub struct Query {
    asking: Asking,
    stage: Stage,
    /// When the server has had its time.
    step: Deadline,
    /// When all have.
    limit: Deadline,
}

/// What is asked, and whom.
struct Asking {
    question: Question,
    /// The servers; none in the place of one that is not to be asked again.
    servers: Vec<Option<IpAddr>>,
    /// The place of the one that is being asked.
    place: usize,
    trace: Trace,
}

/// What the query is waiting for.
enum Stage {
    /// A datagram, in this round.
    Udp { round: usize, socket: OwnedFd },
    /// A connection, and then what goes through it.
    Tcp { socket: OwnedFd, stream: Stream },
}

/// What goes through a connection: a message with its length in front.
enum Stream {
    /// What is left of the question.
    Out(Vec<u8>),
    /// What has come of the answer.
    In(Vec<u8>),
}

/// What is the matter with a server: it is left for the next one.
enum Trouble {
    /// It may be better in the next round.
    Fails,
    /// It will never be better.
    Refuses,
}

impl From<Errno> for Trouble {
    fn from(_: Errno) -> Self {
        Self::Fails
    }
}

impl From<Malformed> for Trouble {
    fn from(_: Malformed) -> Self {
        Self::Fails
    }
}

impl Query {
    /// Asks the first server that can be asked.
    pub fn start(
        question: Question,
        servers: &[IpAddr],
        limit: Deadline,
        trace: Trace,
    ) -> Result<Self, Failure> {
        let servers = servers.iter().copied().map(Some).collect();
        let mut asking = Asking { question, servers, place: 0, trace };
        let (stage, step) = asking.by_udp(0)?;
        Ok(Self { asking, stage, step, limit })
    }

    /// What to wait for.
    pub fn poll_fd(&self) -> PollFd<'_> {
        match &self.stage {
            Stage::Tcp { socket, stream: Stream::Out(_) } => {
                PollFd::new(socket.as_fd(), PollFlags::POLLOUT)
            }
            Stage::Tcp { socket, .. } | Stage::Udp { socket, .. } => {
                PollFd::new(socket.as_fd(), PollFlags::POLLIN)
            }
        }
    }

    /// Until when to wait for it.
    pub fn deadline(&self) -> Deadline {
        self.step.or_sooner(self.limit)
    }

    /// Goes on: either what was waited for is there, or time has passed. Whatever strangers send,
    /// this ends: each server has a time of its own.
    pub fn advance(&mut self, ready: bool) -> Option<Result<Answer, Failure>> {
        if self.limit.has_passed() {
            return Some(Err(Failure::TimedOut));
        }
        let news = if ready { self.receive() } else { Ok(None) };
        let trouble = match news {
            Ok(Some(answer)) => return Some(Ok(answer)),
            Ok(None) if !self.step.has_passed() => return None,
            Ok(None) => Trouble::Fails,
            Err(trouble) => trouble,
        };
        self.go_on_from(&trouble).err().map(Err)
    }

    /// Leaves the server for the next one.
    fn go_on_from(&mut self, trouble: &Trouble) -> Result<(), Failure> {
        if let (Trouble::Refuses, Some(server)) = (trouble, self.asking.current_mut()) {
            *server = None;
        }
        self.asking.place += 1;
        let next = match self.stage {
            Stage::Udp { round, .. } => self.asking.by_udp(round)?,
            Stage::Tcp { .. } => self.asking.by_tcp()?,
        };
        (self.stage, self.step) = next;
        Ok(())
    }

    /// Takes what has come: the answer, if it is complete.
    fn receive(&mut self) -> Result<Option<Answer>, Trouble> {
        let packet = match &mut self.stage {
            Stage::Udp { socket, .. } => datagram(socket)?,
            Stage::Tcp { socket, stream: Stream::In(bytes) } => message(socket, bytes)?,
            Stage::Tcp { .. } => {
                self.write()?;
                None
            }
        };
        let Some(packet) = packet else { return Ok(None) };
        let by_udp = matches!(self.stage, Stage::Udp { .. });
        match self.asking.question.is_answered_by(&packet)? {
            true => self.judge(Answer::new(packet), by_udp),
            // Anybody can send a datagram.
            false if by_udp => Ok(None),
            false => Err(Trouble::Fails),
        }
    }

    fn judge(&mut self, answer: Answer, by_udp: bool) -> Result<Option<Answer>, Trouble> {
        self.asking.trace.received(answer.as_bytes());
        if answer.is_truncated() && by_udp {
            self.asking.place = 0;
            (self.stage, self.step) = self.asking.by_tcp().map_err(|_| Trouble::Fails)?;
            return Ok(None);
        }
        match answer.rcode() {
            _ if answer.is_truncated() => Err(Trouble::Fails),
            Rcode::NOERROR | Rcode::NXDOMAIN => Ok(Some(answer)),
            Rcode::FORMERR | Rcode::NOTIMP | Rcode::REFUSED => Err(Trouble::Refuses),
            _ => Err(Trouble::Fails),
        }
    }

    /// Writes some of the question to the connection; after the last of it, the answer is due.
    fn write(&mut self) -> Result<(), Errno> {
        let Stage::Tcp { socket, stream } = &mut self.stage else { return Ok(()) };
        let Stream::Out(left) = stream else { return Ok(()) };
        match send(socket.as_raw_fd(), left, MsgFlags::MSG_NOSIGNAL) {
            Ok(n) => drop(left.drain(..n)),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
        if left.is_empty() {
            *stream = Stream::In(Vec::new());
            self.step = Deadline::after(TCP_TIME);
            self.asking.trace.sent(self.asking.question.as_bytes());
        }
        Ok(())
    }
}

impl Asking {
    fn current_mut(&mut self) -> Option<&mut Option<IpAddr>> {
        self.servers.get_mut(self.place)
    }

    /// Sends the question to the next server that takes a datagram, in this round or a later one.
    fn by_udp(&mut self, mut round: usize) -> Result<(Stage, Deadline), Failure> {
        let recursive = self.question.is_recursive();
        let rounds = if recursive { ROUNDS_OF_CACHE } else { ROUNDS_OF_SERVER };
        while let Some(seconds) = rounds.get(round) {
            while let Some(server) = self.servers.get(self.place) {
                if let Some(server) = *server
                    && let Ok(socket) = self.send_to(server)
                {
                    let step = Deadline::after(Duration::from_secs(*seconds));
                    return Ok((Stage::Udp { round, socket }, step));
                }
                self.place += 1;
            }
            self.place = 0;
            round += 1;
        }
        Err(Failure::NoServer)
    }

    /// Begins a connection to the next server to which that is possible.
    fn by_tcp(&mut self) -> Result<(Stage, Deadline), Failure> {
        while let Some(server) = self.servers.get(self.place) {
            if let Some(server) = *server
                && let Ok(socket) = self.connect(server, Protocol::Tcp)
            {
                let question = self.question.as_bytes();
                let length = (question.len() as u16).to_be_bytes();
                let stream = Stream::Out([&length[..], question].concat());
                return Ok((Stage::Tcp { socket, stream }, Deadline::after(TCP_TIME)));
            }
            self.place += 1;
        }
        Err(Failure::NoServer)
    }

    /// The kernel takes a port at random; with the id, that is what an answer must know.
    fn connect(&mut self, server: IpAddr, protocol: Protocol) -> Result<OwnedFd, Errno> {
        let mut id = [0; 2];
        random::fill(&mut id);
        self.question.set_id(id);
        self.trace.sending(protocol, server, self.question.as_bytes());
        let socket = inet::new(server, protocol)?;
        inet::connect(&socket, SocketAddr::new(server, PORT))?;
        Ok(socket)
    }

    fn send_to(&mut self, server: IpAddr) -> Result<OwnedFd, Errno> {
        let socket = self.connect(server, Protocol::Udp)?;
        send(socket.as_raw_fd(), self.question.as_bytes(), MsgFlags::MSG_NOSIGNAL)?;
        self.trace.sent(self.question.as_bytes());
        Ok(socket)
    }
}

/// A datagram that may be an answer, if one has come.
fn datagram(socket: &OwnedFd) -> Result<Option<Vec<u8>>, Errno> {
    let mut packet = vec![0; LONGEST_DATAGRAM + 1];
    match recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
        Ok(n) if n <= LONGEST_DATAGRAM => {
            packet.truncate(n);
            Ok(Some(packet))
        }
        Ok(_) | Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Reads more of a message; it is returned when it is complete.
fn message(socket: &OwnedFd, bytes: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Errno> {
    let mut chunk = [0; 4096];
    match recv(socket.as_raw_fd(), &mut chunk, MsgFlags::empty()) {
        Ok(0) => return Err(Errno::EPIPE),
        Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(None),
        Err(e) => return Err(e),
    }
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes(*length));
    Ok(rest.get(..length).map(<[u8]>::to_vec))
}
