//! What the s6-rc commands and PID 1 say to each other: one JSON object a line, over the stream
//! socket `s6-rc/control` of the run directory.
//!
//! A client sends one request, with its descriptors 0 to 2 beside the first byte (oneshots run
//! with the caller's stdio), and reads answers until a last one ([`Answer::is_last`]). While it
//! waits it may send [`Request::Abort`]; going away means the same.

mod json;

pub use json::Words;

use serde_json::{Map, Value};
use thiserror::Error;

/// The socket, within the run directory.
pub const CONTROL: &str = "s6-rc/control";

/// The longest line that either side takes, in bytes: the states of some 20,000 services.
pub const MAX_LINE: usize = 2 << 20;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `s6-rc change`, `start` and `stop`.
    Change(Change),
    /// `s6-rc reload`, without any closure.
    Reload(Reload),
    /// `s6-rc list` and `diff`: which services are up.
    States,
    /// `sixtree status`: all that is known of the services with this number and higher ones. Not
    /// all of them are told at once: `next` says what to ask for then.
    Status(u32),
    /// `sixtree timing`: what took how long at boot.
    Timing,
    /// `sixtree logs`: what PID 1 remembers of itself, from this entry on.
    Journal(u64),
    /// `s6-rc-update`, when all that must stop has stopped: another database is to be the live one.
    Update(Update),
    /// Give up the request under way: what has not started need not start.
    Abort,
}

/// A change of state, in the words of s6-rc's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The services and bundles named, before any closure.
    pub names: Vec<String>,
    /// `-d` or `-D` rather than `-u`.
    pub down: bool,
    /// `-p`.
    pub prune: bool,
    /// `-a`: what is up is selected too.
    pub all: bool,
    /// `-e` or `-D`: essential services may be stopped.
    pub essential: bool,
    /// `-t`, in ms; 0 is for ever.
    pub timeout_ms: u64,
    /// `-b`: wait for a change under way, rather than fail as busy.
    pub wait: bool,
    /// `-n`: say what would be done, as if each transition took so many ms, and do nothing.
    pub dry_run_ms: Option<u64>,
}

/// Services that are to read their configuration again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// The services and bundles named.
    pub names: Vec<String>,
    /// `-t`, in ms; 0 is for ever.
    pub timeout_ms: u64,
    /// `-b`.
    pub wait: bool,
    /// `-n`.
    pub dry_run_ms: Option<u64>,
}

/// A switch to another compiled database, in which what is up stays up under its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The database's directory, as an absolute path.
    pub database: String,
    /// Services that have another name in the new database: old and new.
    pub renamed: Vec<(String, String)>,
}

/// What PID 1 answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Something happened on the way.
    Say(Say),
    /// The request has come to its end.
    Done(Outcome),
    /// Every service, in the order of the database.
    States(Vec<State>),
    /// One object that holds what was asked for: status, timing, journal.
    Told(Map<String, Value>),
    /// The request cannot be done at all.
    Error {
        /// What the client exits with: 3 unknown identifier, 4 bad database, 111 system.
        code: u8,
        /// What is wrong.
        text: String,
    },
}

/// A line for the client's stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Say {
    /// The lowest verbosity that shows it: 1 warnings, 2 transitions, 3 decisions.
    pub level: u8,
    /// How bad it is.
    pub severity: Severity,
    /// What happened.
    pub what: What,
    /// To which service; empty where it is not about one.
    pub service: String,
    /// The whole line, after `NAME: SEVERITY: `.
    pub text: String,
}

/// How bad what happened is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// `info`
    Info,
    /// `warning`
    Warning,
    /// `fatal`
    Fatal,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// `service X: starting`
    Starting,
    /// `service X successfully started`
    Started,
    /// `unable to start service X: …`
    NotStarted,
    /// `service X: stopping`
    Stopping,
    /// `service X successfully stopped`
    Stopped,
    /// `unable to stop service X: …`
    NotStopped,
    /// `service X: reloading`
    Reloading,
    /// `service X successfully reloaded`
    Reloaded,
    /// `unable to reload service X: …`
    NotReloaded,
    /// `service X: already up`, or `down`
    Already,
    /// `service X is marked as essential, not stopping it`
    Essential,
    /// Anything else: the text says it.
    Other,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Done,
    /// Some transition failed.
    Failed,
    /// `-t` was over.
    TimedOut,
    /// Another change is under way, and `-b` was not given.
    Busy,
    /// It was aborted, or the container stops.
    Aborted,
}

/// What s6-rc knows of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Its name.
    pub name: String,
    /// It is up.
    pub up: bool,
    /// It is wanted up explicitly, not as a dependency.
    pub wanted: bool,
}

/// Why a line could not be understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// Not JSON, or no object.
    #[error("not a line of JSON that holds an object")]
    NotAnObject,
    /// The word that says what the line is.
    #[error("unknown kind of message: {0}")]
    Kind(String),
    /// A field that is absent, or of another type.
    #[error("field {0} is missing, or not what it should be")]
    Field(&'static str),
    /// Longer than [`MAX_LINE`].
    #[error("a line of more than {MAX_LINE} bytes")]
    TooLong,
}

impl Answer {
    /// Whether nothing comes after it.
    pub fn is_last(&self) -> bool {
        !matches!(self, Self::Say(_))
    }
}

/// Puts lines together from what a socket gives, piece by piece, and never holds more than
/// [`MAX_LINE`] of an unfinished one.
#[derive(Debug, Default)]
pub struct Lines {
    held: Vec<u8>,
    scanned: usize,
}

impl Lines {
    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }
    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.held.len()
    }
    /// Takes the next whole line, without its newline. [`Malformed::TooLong`] is for ever: the
    /// connection is to be closed.
    pub fn take(&mut self) -> Result<Option<Vec<u8>>, Malformed> {
        let unseen = self.held.get(self.scanned..).unwrap_or_default();
        match unseen.iter().position(|&b| b == b'\n') {
            Some(at) => {
                let end = self.scanned + at;
                let rest = self.held.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.held, rest);
                line.truncate(end);
                self.scanned = 0;
                Ok(Some(line))
            }
            None if self.held.len() > MAX_LINE => Err(Malformed::TooLong),
            None => {
                self.scanned = self.held.len();
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_whole_however_they_arrive() {
        let mut lines = Lines::default();
        lines.push(b"one\ntw");
        assert_eq!(lines.take(), Ok(Some(b"one".to_vec())));
        assert_eq!(lines.take(), Ok(None));
        lines.push(b"o\n\n");
        assert_eq!(lines.take(), Ok(Some(b"two".to_vec())));
        assert_eq!(lines.take(), Ok(Some(b"".to_vec())));
        assert_eq!(lines.take(), Ok(None));
        lines.push(&vec![b'x'; MAX_LINE + 1]);
        assert_eq!(lines.take(), Err(Malformed::TooLong));
    }
}
