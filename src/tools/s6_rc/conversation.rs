//! One request to PID 1, and what it answers.

use super::live::Trouble;
use crate::format::request::{Answer, CONTROL, Lines, Outcome, RELEASE, Request, Say, State};
use crate::sys::poll::{Deadline, readable};
use crate::sys::{fd, socket};
use crate::tools::die::reason;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;

/// A connection to PID 1 on which a request has been sent.
struct Conversation {
    socket: OwnedFd,
    lines: Lines,
    signals: Option<SignalFd>,
}

/// What comes next in a conversation.
enum Event {
    /// PID 1 said something.
    Answer(Answer),
    /// A signal came that asks to give up.
    Signal(Signal),
}

impl Conversation {
    /// Connects to the PID 1 that keeps the live directory, and asks. Signals, if given, are
    /// events of the conversation.
    fn begin(live: &Path, request: &Request, signals: Option<SignalFd>) -> Result<Self, Trouble> {
        let name = Path::new(CONTROL).file_name().unwrap_or_default();
        let path = live.join(name);
        let socket = socket::connect(&path).map_err(|e| {
            let shown = path.display();
            Trouble::new(
                111,
                format!("unable to take locks: {} (asking PID 1 at {shown})", reason(e)),
            )
        })?;
        let conversation = Self { socket, lines: Lines::default(), signals };
        conversation.send(request)?;
        Ok(conversation)
    }

    /// Waits for what comes next.
    fn next(&mut self) -> Result<Event, Trouble> {
        loop {
            let line = self.lines.take().map_err(|e| Trouble::new(111, e.to_string()))?;
            if let Some(line) = line {
                return Answer::decode(&line).map(Event::Answer).map_err(|e| {
                    let text = format!(
                        "unable to understand PID 1, which is of another release than this \
                         command (sixtree {RELEASE}): {e}. Restart the container, or use the \
                         program that PID 1 runs (/proc/1/exe, as a rule) in the place of sixtree"
                    );
                    Trouble::new(111, text)
                });
            }
            if let Some(signal) = self.wait()? {
                return Ok(Event::Signal(signal));
            }
            self.receive()?;
        }
    }

    /// Asks for more, or something else, on the same connection.
    fn send(&self, request: &Request) -> Result<(), Trouble> {
        let stdio = Stdio::open();
        let bytes = request.encode();
        let (mut rest, mut fds) = (bytes.as_slice(), stdio.numbers.as_slice());
        while !rest.is_empty() {
            match socket::send(self.socket.as_fd(), rest, fds) {
                Ok(n) => rest = &rest[n..],
                // It has said why.
                Err(Errno::EPIPE) => return Ok(()),
                Err(e) => return Err(Trouble::system("unable to ask PID 1", e)),
            }
            fds = &[];
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Trouble> {
        let mut buffer = [0; 8192];
        match socket::receive(self.socket.as_fd(), &mut buffer, &mut Vec::new()) {
            Ok(0) => Err(Trouble::new(111, "PID 1 hung up before it had answered")),
            Ok(n) => {
                self.lines.push(buffer.get(..n).unwrap_or_default());
                Ok(())
            }
            Err(e) => Err(Trouble::system("unable to read what PID 1 says", e)),
        }
    }

    /// Waits for PID 1, or for a signal.
    fn wait(&mut self) -> Result<Option<Signal>, Trouble> {
        let Some(signals) = &mut self.signals else { return Ok(None) };
        let fds = [self.socket.as_fd(), signals.as_fd()];
        let ready =
            readable(&fds, Deadline::NEVER).map_err(|e| Trouble::system("unable to poll", e))?;
        if !ready.contains(&1) {
            return Ok(None);
        }
        let came = signals.read_signal().map_err(|e| Trouble::system("signalfd", e))?;
        Ok(came.and_then(|info| Signal::try_from(info.ssi_signo as i32).ok()))
    }
}

/// From now on, TERM and INT can be read.
fn heed_signals() -> Result<SignalFd, Trouble> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.add(Signal::SIGINT);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None)
        .and_then(|()| SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC))
        .map_err(|e| Trouble::system("unable to trap signals", e))
}

/// What is heard while a request is under way.
pub enum Heard {
    /// Something happened.
    Say(Say),
    /// A signal came, and the request is being given up.
    GivingUp(Signal),
}

/// Asks PID 1 for something that takes its time, and hands on what is heard until it is done. TERM
/// and INT give it up.
pub fn converse(
    live: &Path,
    request: &Request,
    mut hear: impl FnMut(Heard) -> Result<(), Trouble>,
) -> Result<Outcome, Trouble> {
    let signals = heed_signals()?;
    let mut conversation = Conversation::begin(live, request, Some(signals))?;
    loop {
        match conversation.next()? {
            Event::Answer(Answer::Say(say)) => hear(Heard::Say(say))?,
            Event::Answer(Answer::Done(outcome)) => return Ok(outcome),
            Event::Answer(Answer::Error { code, text }) => return Err(Trouble::new(code, text)),
            Event::Answer(_) => return Err(unexpected()),
            Event::Signal(signal) => {
                hear(Heard::GivingUp(signal))?;
                conversation.send(&Request::Abort)?;
            }
        }
    }
}

/// Asks which services are up.
pub fn states(live: &Path) -> Result<Vec<State>, Trouble> {
    match ask(live, &Request::States)? {
        Answer::States(states) => Ok(states),
        _ => Err(unexpected()),
    }
}

/// An answer that does not belong to the request.
pub fn unexpected() -> Trouble {
    Trouble::new(111, "PID 1 answered something else than what it was asked")
}

/// Asks something that is answered at once.
pub fn ask(live: &Path, request: &Request) -> Result<Answer, Trouble> {
    match Conversation::begin(live, request, None)?.next()? {
        Event::Answer(Answer::Error { code, text }) => Err(Trouble::new(code, text)),
        Event::Answer(answer) => Ok(answer),
        Event::Signal(_) => Err(unexpected()),
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
