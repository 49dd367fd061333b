//! One request to PID 1, and what it answers.

use crate::format::request::{Answer, CONTROL, Lines, Request, State};
use crate::sys::poll::{Deadline, readable};
use crate::sys::{fd, socket};
use crate::tools::die::reason;
use crate::tools::{Next, Process};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;

/// A connection to PID 1 on which a request has been sent.
pub struct Conversation<'a> {
    process: &'a Process,
    socket: OwnedFd,
    lines: Lines,
    signals: Option<SignalFd>,
}

/// What comes next in a conversation.
pub enum Event {
    /// PID 1 said something.
    Answer(Answer),
    /// A signal came that asks to give up.
    Signal(Signal),
}

impl<'a> Conversation<'a> {
    /// Connects to the PID 1 that keeps the live directory, and asks. Signals, if given, are
    /// events of the conversation.
    pub fn begin(
        process: &'a Process,
        live: &Path,
        request: &Request,
        signals: Option<SignalFd>,
    ) -> Result<Self, Next> {
        let name = Path::new(CONTROL).file_name().unwrap_or_default();
        let path = live.join(name);
        let socket = socket::connect(&path).map_err(|e| {
            let shown = path.display();
            let text = format!("unable to take locks: {} (asking PID 1 at {shown})", reason(e));
            process.fatal(111, &text)
        })?;
        let conversation = Self { process, socket, lines: Lines::default(), signals };
        conversation.send(request)?;
        Ok(conversation)
    }

    /// Waits for what comes next.
    pub fn next(&mut self) -> Result<Event, Next> {
        loop {
            let line = self.lines.take().map_err(|e| self.process.fatal(111, &e.to_string()))?;
            if let Some(line) = line {
                let answer = Answer::decode(&line);
                return answer
                    .map(Event::Answer)
                    .map_err(|e| self.process.fatal(111, &format!("PID 1 said nonsense: {e}")));
            }
            if let Some(signal) = self.wait()? {
                return Ok(Event::Signal(signal));
            }
            self.receive()?;
        }
    }

    /// Asks for more, or something else, on the same connection.
    pub fn send(&self, request: &Request) -> Result<(), Next> {
        let stdio = Stdio::open();
        let bytes = request.encode();
        let (mut rest, mut fds) = (bytes.as_slice(), stdio.numbers.as_slice());
        while !rest.is_empty() {
            match socket::send(&self.socket, rest, fds) {
                Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                Err(e) => return Err(self.process.fatal_errno("unable to ask PID 1", e)),
            }
            fds = &[];
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Next> {
        let mut buffer = [0; 8192];
        match socket::receive(&self.socket, &mut buffer, &mut Vec::new()) {
            Ok(0) => Err(self.process.fatal(111, "PID 1 hung up before it had answered")),
            Ok(n) => {
                self.lines.push(buffer.get(..n).unwrap_or_default());
                Ok(())
            }
            Err(e) => Err(self.process.fatal_errno("unable to read what PID 1 says", e)),
        }
    }

    /// Waits for PID 1, or for a signal.
    fn wait(&mut self) -> Result<Option<Signal>, Next> {
        let Some(signals) = &mut self.signals else { return Ok(None) };
        let fds = [self.socket.as_fd(), signals.as_fd()];
        let ready = readable(&fds, Deadline::after_ms(0))
            .map_err(|e| self.process.fatal_errno("unable to poll", e))?;
        if !ready.contains(&1) {
            return Ok(None);
        }
        let came = signals.read_signal().map_err(|e| self.process.fatal_errno("signalfd", e))?;
        Ok(came.and_then(|info| Signal::try_from(info.ssi_signo as i32).ok()))
    }
}

/// From now on, TERM and INT can be read.
pub fn heed_signals(process: &Process) -> Result<SignalFd, Next> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGINT);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)
        .and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC))
        .map_err(|e| process.fatal_errno("unable to trap signals", e))
}

/// Asks which services are up.
pub fn states(process: &Process, live: &Path) -> Result<Vec<State>, Next> {
    let mut conversation = Conversation::begin(process, live, &Request::States, None)?;
    match conversation.next()? {
        Event::Answer(Answer::States(states)) => Ok(states),
        Event::Answer(Answer::Error { code, text }) => Err(process.fatal(code, &text)),
        Event::Answer(_) | Event::Signal(_) => Err(process.fatal(111, "PID 1 said nonsense")),
    }
}

/// Descriptors 0 to 2, with /dev/null for those that are closed.
struct Stdio {
    numbers: Vec<RawFd>,
    _opened: Vec<OwnedFd>,
}

impl Stdio {
    fn open() -> Self {
        let (mut numbers, mut opened) = (Vec::new(), Vec::new());
        for number in 0..3 {
            if fd::is_open(number) {
                numbers.push(number);
            } else if let Ok(null) = null() {
                numbers.push(null.as_raw_fd());
                opened.push(null);
            }
        }
        Self { numbers, _opened: opened }
    }
}

fn null() -> Result<OwnedFd, Errno> {
    open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
}
