//! s6-ioconnect: connects stdin and stdout with two other descriptors, in both directions.
//! Reference: <https://skarnet.org/software/s6/s6-ioconnect.html>.

use crate::sys::fd;
use crate::sys::poll::{self, Deadline};
use crate::sys::signal;
use crate::sys::signalfd::SignalQueue;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{Shutdown, shutdown};
use nix::sys::stat::fstat;
use std::os::fd::{AsFd, RawFd};

/// Bytes under way in one direction at most.
const ROOM: usize = 65_536;

/// `s6-ioconnect [ -t timeout ] [ -r fdr ] [ -w fdw ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "0167t:r:w:")?;
    let timeout_ms = options.number(process, 't', 0u32)?;
    let number = |letter, usual| {
        let number = options.number(process, letter, usual)?;
        if number < 3 { Err(process.usage()) } else { Ok(number) }
    };
    let (remote_in, remote_out) = (number('r', 6)?, number('w', 7)?);
    let mut flows = [
        Flow { from: End::new(process, 0)?, to: End::new(process, remote_out)?, bytes: Vec::new() },
        Flow { from: End::new(process, remote_in)?, to: End::new(process, 1)?, bytes: Vec::new() },
    ];
    signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
    let signals = SigSet::from_iter([Signal::SIGTERM]);
    let signals = SignalQueue::catch(signals).map_err(process.unable("trap SIGTERM"))?;
    while flows.iter().any(|flow| flow.to.is_open()) {
        let idle = flows.iter().all(|flow| flow.bytes.is_empty());
        let deadline = if idle { Deadline::after_ms(timeout_ms) } else { Deadline::NEVER };
        let Some(ready) = wait(&flows, &signals, deadline).map_err(process.unable("poll"))? else {
            return Ok(Next::Exit(1));
        };
        let stop = signals.next().map_err(process.unable("read signals"))?.is_some();
        for (flow, ready) in flows.iter_mut().zip(ready) {
            flow.go_on(process, ready);
            if stop {
                flow.end_input();
            }
        }
    }
    Ok(Next::Exit(0))
}

/// One side of a flow, until it is closed.
struct End {
    number: Option<RawFd>,
    is_socket: bool,
}

impl End {
    fn new(process: &Process, number: RawFd) -> Result<Self, Exit> {
        let stat = fstat(fd::borrow(&number))
            .map_err(process.unable(format_args!("fstat fd {number}")))?;
        let is_socket = stat.st_mode & libc::S_IFMT == libc::S_IFSOCK;
        Ok(Self { number: Some(number), is_socket })
    }
    fn is_open(&self) -> bool {
        self.number.is_some()
    }
    fn close(&mut self, how: Shutdown) {
        let Some(number) = self.number.take() else { return };
        if self.is_socket {
            let _ = shutdown(number, how);
        }
        fd::close(number);
    }
}

/// One direction.
struct Flow {
    from: End,
    to: End,
    bytes: Vec<u8>,
}

/// What can be done about a flow.
#[derive(Clone, Copy, Default)]
struct Ready {
    read: bool,
    write: bool,
    broken: bool,
}

impl Flow {
    fn wants_input(&self) -> Option<&RawFd> {
        self.from.number.as_ref().filter(|_| self.bytes.len() < ROOM)
    }

    fn go_on(&mut self, process: &Process, ready: Ready) {
        if ready.write {
            self.write(process);
        } else if ready.broken {
            self.end();
        }
        if ready.read && self.from.is_open() {
            self.read(process);
        }
    }

    fn write(&mut self, process: &Process) {
        let Some(to) = self.to.number else { return };
        match fd::write_ready(to, &self.bytes) {
            Ok(n) => drop(self.bytes.drain(..n)),
            Err(Errno::EAGAIN) => {}
            Err(e) => {
                process.warn_errno(format_args!("unable to write to fd {to}"), e);
                return self.end();
            }
        }
        if self.bytes.is_empty() && !self.from.is_open() {
            self.end();
        }
    }

    fn read(&mut self, process: &Process) {
        let Some(from) = self.from.number else { return };
        let mut chunk = [0; 8192];
        match fd::read(from, &mut chunk) {
            Ok(0) => self.end_input(),
            Ok(n) => self.bytes.extend_from_slice(&chunk[..n]),
            Err(Errno::EAGAIN) => {}
            Err(e) => {
                process.warn_errno(format_args!("unable to read from fd {from}"), e);
                self.end_input();
            }
        }
    }

    /// Reads no more; the output ends when all is written.
    fn end_input(&mut self) {
        self.from.close(Shutdown::Read);
        if self.bytes.is_empty() {
            self.to.close(Shutdown::Write);
        }
    }

    fn end(&mut self) {
        self.bytes.clear();
        self.end_input();
    }
}

/// Adds a descriptor to those that are waited for, and returns where it is among them.
fn place<'a>(
    fds: &mut Vec<PollFd<'a>>,
    number: Option<&'a RawFd>,
    flags: PollFlags,
) -> Option<usize> {
    fds.push(PollFd::new(fd::borrow(number?), flags));
    Some(fds.len() - 1)
}

/// Waits until there is something to do; `None`: the deadline has passed.
fn wait(
    flows: &[Flow; 2],
    signals: &SignalQueue,
    deadline: Deadline,
) -> Result<Option<[Ready; 2]>, Errno> {
    let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
    let places = flows.each_ref().map(|flow| {
        let wants_output = !flow.bytes.is_empty();
        let output = if wants_output { PollFlags::POLLOUT } else { PollFlags::empty() };
        let input = place(&mut fds, flow.wants_input(), PollFlags::POLLIN);
        (input, place(&mut fds, flow.to.number.as_ref(), output))
    });
    if !poll::wait(&mut fds, deadline)? {
        return Ok(None);
    }
    let came = |place: Option<usize>| {
        place.and_then(|place| fds.get(place)?.revents()).unwrap_or(PollFlags::empty())
    };
    Ok(Some(places.map(|(input, output)| Ready {
        read: !came(input).is_empty(),
        write: came(output).contains(PollFlags::POLLOUT),
        broken: came(output).intersects(PollFlags::POLLERR | PollFlags::POLLHUP),
    })))
}
