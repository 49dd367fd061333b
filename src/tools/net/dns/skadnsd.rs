//! skadnsd: looks up names for the program that has started it, by the protocol of libskadns.
//! Reference: <https://skarnet.org/software/s6-dns/skadns/skadnsd.html>.
//!
//! Messages have their length in front. The client says hello on stdin; it is answered on stdout,
//! where the outcome of each request follows at once, and on a channel for what comes later: a pipe
//! whose number the environment tells, or one that is sent through stdout, if that is a socket.
//!
//! | message | bytes |
//! |---|---|
//! | ask | id (2), `Q`, type (2), deadline (12, TAI64N, or zeros), name |
//! | cancel | id (2), `q` |
//! | outcome of a request | errno (1) |
//! | answer | id (2), errno (1), packet |

use super::config::Config;
use super::dump::Trace;
use super::failure::Failure;
use super::message::Question;
use super::name::Name;
use super::query::Query;
use crate::format::decimal;
use crate::format::tai::Tain;
use crate::sys::poll::{self, Deadline};
use crate::sys::{clock, fd, signal, socket};
use crate::tools::s6::outbox::Outbox;
use crate::tools::{Environment, Exit, Next, Process, Word};
use domain::base::Rtype;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::Signal;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

const HELLO: &[u8] = b"skadns v1.0 (b)\n";
const WELCOME: &[u8] = b"skadns v1.0 (a)\n";
/// What tells the number of the channel.
const CHANNEL: &[u8] = b"SKALIBS_CHILD_SPAWN_FDS";
/// How long the client may take to say hello.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest request: a name has up to 255 bytes.
const LONGEST_REQUEST: usize = 17 + 255;
/// No more requests are read while this waits for the client.
const MOST_OUTPUT: usize = 1 << 20;

/// `skadnsd`
pub(super) fn run(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
    let config = Config::load(process)?;
    let server = Server::greet(config, &process.env);
    server
        .map_err(process.unable("sync with client"))?
        .serve()
        .map_err(process.unable("handle messages from client"))?;
    Ok(Next::Exit(0))
}

struct Server {
    config: Config,
    input: Vec<u8>,
    /// Requests' outcomes.
    output: Outbox,
    /// Where answers go.
    channel: RawFd,
    /// The same, if it is ours.
    _own_channel: Option<OwnedFd>,
    answers: Outbox,
    /// The questions on their way, by the client's numbers.
    queries: Vec<(u16, Query)>,
}

impl Server {
    /// Waits for the client's hello, and answers it.
    fn greet(config: Config, env: &Environment) -> Result<Self, Errno> {
        let deadline = Deadline::after(PATIENCE);
        let mut input = Vec::new();
        let hello = loop {
            if let Some(message) = take(&mut input)? {
                break message;
            }
            let ready =
                poll::wait(&mut [PollFd::new(fd::borrow(&0), PollFlags::POLLIN)], deadline)?;
            if !ready {
                return Err(Errno::ETIMEDOUT);
            }
            if !read(&mut input)? {
                return Err(Errno::EPIPE);
            }
        };
        if hello != HELLO {
            return Err(Errno::EPROTO);
        }
        let (channel, own) = match env.get(CHANNEL) {
            Some(number) => (inherited(number)?, None),
            None => {
                let (theirs, ours) = fd::pipe_above_2()?;
                socket::send(fd::borrow(&1), b"|", &[theirs.as_raw_fd()])?;
                (ours.as_raw_fd(), Some(ours))
            }
        };
        let (mut output, mut answers) = (Outbox::default(), Outbox::default());
        put(&mut output, &[WELCOME]);
        put(&mut answers, &[WELCOME]);
        let queries = Vec::new();
        Ok(Self { config, input, output, channel, _own_channel: own, answers, queries })
    }

    /// Serves until the client is done.
    fn serve(mut self) -> Result<(), Errno> {
        loop {
            while let Some(request) = take(&mut self.input)? {
                let errno = self.request(&request).ok_or(Errno::EPROTO)?;
                put(&mut self.output, &[&[errno]]);
            }
            let (input, output, channel) = self.wait()?;
            if input && !read(&mut self.input)? {
                return Ok(());
            }
            if output {
                flush(1, &mut self.output)?;
            }
            if channel {
                flush(self.channel, &mut self.answers)?;
            }
        }
    }

    /// Waits until there is something to do. Whether stdin can be read, and what be written.
    fn wait(&mut self) -> Result<(bool, bool, bool), Errno> {
        let mut fds: Vec<_> = self.queries.iter().map(|(_, query)| query.poll_fd()).collect();
        let deadlines = self.queries.iter().map(|(_, query)| query.deadline());
        let deadline = deadlines.fold(Deadline::NEVER, Deadline::or_sooner);
        let reads = self.answers.pending().len() + self.output.pending().len() < MOST_OUTPUT;
        let writes = |outbox: &Outbox| !outbox.is_empty();
        let wanted = [
            (0, PollFlags::POLLIN, reads),
            (1, PollFlags::POLLOUT, writes(&self.output)),
            (self.channel, PollFlags::POLLOUT, writes(&self.answers)),
        ];
        let queries = fds.len();
        for (number, flags, _) in wanted.iter().filter(|(_, _, wanted)| *wanted) {
            fds.push(PollFd::new(fd::borrow(number), *flags));
        }
        poll::wait(&mut fds, deadline)?;
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        let (of_queries, others) = ready.split_at(queries);
        self.advance(of_queries);
        let mut others = others.iter().copied();
        let [input, output, channel] =
            wanted.map(|(_, _, wanted)| wanted && others.next().unwrap_or(false));
        Ok((input, output, channel))
    }

    fn advance(&mut self, ready: &[bool]) {
        let mut ready = ready.iter();
        let answers = &mut self.answers;
        self.queries.retain_mut(|(id, query)| {
            let result = query.advance(ready.next().is_some_and(|ready| *ready));
            match &result {
                None => {}
                Some(Ok(answer)) => put(answers, &[&id.to_be_bytes(), &[0], answer.as_bytes()]),
                Some(Err(e)) => put(answers, &[&id.to_be_bytes(), &[errno(*e)]]),
            }
            result.is_none()
        });
    }

    /// Does what is asked; the errno that says how that went. `None`: it is no request.
    fn request(&mut self, request: &[u8]) -> Option<u8> {
        let (id, rest) = request.split_first_chunk()?;
        let id = u16::from_be_bytes(*id);
        match rest.split_first()? {
            (b'Q', rest) => {
                let (rtype, rest) = rest.split_first_chunk()?;
                let (deadline, name) = rest.split_first_chunk()?;
                let rtype = Rtype::from_int(u16::from_be_bytes(*rtype));
                Some(self.ask(id, rtype, limit(deadline)?, name).err().map_or(0, errno))
            }
            (b'q', []) => {
                let before = self.queries.len();
                self.queries.retain(|(asked, _)| *asked != id);
                Some(if self.queries.len() < before { 0 } else { Errno::ENOENT as u8 })
            }
            _ => None,
        }
    }

    fn ask(&mut self, id: u16, rtype: Rtype, limit: Deadline, name: &[u8]) -> Result<(), Failure> {
        let name = Name::from_wire(name).ok_or(Errno::EINVAL)?;
        let question = Question::new(&name, rtype, true);
        let query = Query::start(question, &self.config.servers, limit, Trace::default())?;
        self.queries.push((id, query));
        Ok(())
    }
}

/// The channel that the client has opened for us.
fn inherited(number: &[u8]) -> Result<RawFd, Errno> {
    let number = decimal::parse(number);
    number.filter(|number| *number > 1 && fd::is_open(*number)).ok_or(Errno::EPROTO)
}

/// The moment that a stamp names; zeros name none.
fn limit(stamp: &[u8; 12]) -> Option<Deadline> {
    if *stamp == [0; 12] {
        return Some(Deadline::NEVER);
    }
    let left = Tain::unpack(stamp)?.saturating_since(Tain::from_utc(clock::utc()));
    Some(Deadline::after(left))
}

/// How the protocol names a failure.
fn errno(failure: Failure) -> u8 {
    let errno = match failure {
        Failure::TimedOut => Errno::ETIMEDOUT,
        Failure::NoServer => Errno::ENETUNREACH,
        Failure::NoSuchDomain => Errno::ENOENT,
        Failure::Malformed => Errno::EPROTO,
        Failure::NameTooLong => Errno::ENAMETOOLONG,
        Failure::System(errno) => errno,
    };
    errno as u8
}

/// Reads from stdin; false: that was all.
fn read(input: &mut Vec<u8>) -> Result<bool, Errno> {
    let mut chunk = [0; 4096];
    match fd::read(0, &mut chunk) {
        Ok(0) => return Ok(false),
        Ok(n) => input.extend_from_slice(&chunk[..n]),
        Err(Errno::EAGAIN) => {}
        Err(e) => return Err(e),
    }
    Ok(true)
}

/// Takes a message that is there whole.
fn take(input: &mut Vec<u8>) -> Result<Option<Vec<u8>>, Errno> {
    let Some((length, rest)) = input.split_first_chunk() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > LONGEST_REQUEST {
        return Err(Errno::EMSGSIZE);
    }
    let Some(message) = rest.get(..length).map(<[u8]>::to_vec) else { return Ok(None) };
    input.drain(..4 + length);
    Ok(Some(message))
}

fn put(outbox: &mut Outbox, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    outbox.end().extend_from_slice(&(length as u32).to_be_bytes());
    parts.iter().for_each(|part| outbox.end().extend_from_slice(part));
}

fn flush(to: RawFd, outbox: &mut Outbox) -> Result<(), Errno> {
    match fd::write_ready(to, outbox.pending()) {
        Ok(n) => outbox.advance(n),
        Err(Errno::EAGAIN) => {}
        Err(e) => return Err(e),
    }
    Ok(())
}
