//! The protocol of the control socket, `s6-rc/control` in the run directory: what the s6-rc
//! commands and `sixtree` ask PID 1, and what it replies. It is one JSON object a line, over a
//! stream.
//!
//! A client sends one request, with its descriptors 0 to 2 beside the first byte (oneshots run
//! with the caller's stdio), and reads answers until a last one ([`Answer::is_last`]). While it
//! waits it may send [`Request::Abort`]; going away means the same.
//!
//! Each request says which version of the protocol it is written in, and which release wrote it:
//! `{"version":1,"release":"0.1.0","request":"states"}`. PID 1 answers requests of its own version
//! only; to others it answers [`Answer::Error`], whose form is the same in every version.

mod codec;
mod status;

pub use status::{
    BootTimes, HealthState, HealthStatus, JournalEntry, JournalPage, RestStatus, ScriptEnd,
    ServiceKind, ServiceStatus, ServiceTimes, StartFailure, StatusPage, StepTime, SupervisorStatus,
    TreeStatus, WhyDown,
};

use super::wire::{ListItem, wire_enum, wire_struct};
use thiserror::Error;

/// The version of the protocol: another one for each change that a release could misunderstand.
pub const VERSION: u32 = 1;

/// The release that this is.
pub const RELEASE: &str = env!("CARGO_PKG_VERSION");

/// The socket, within the run directory.
pub const CONTROL: &str = "s6-rc/control";

/// The longest line that either side takes, in bytes: the states of some 20,000 services.
pub const MAX_LINE: usize = 2 << 20;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// `s6-rc change`, `start` and `stop`.
    Change(ChangeRequest),
    /// `s6-rc reload`, without any closure.
    Reload(Reload),
    /// `s6-rc list` and `diff`: which services are up.
    States,
    /// `sixtree status`: all that is known of the services with this number and higher ones. An
    /// answer may have only some of them: `next` is the number to ask for then.
    Status(u32),
    /// `sixtree timing`: what took how long at boot.
    Timing,
    /// `sixtree logs`: the messages that PID 1 remembers, from this entry on.
    Journal(u64),
    /// `s6-rc-update`, when all that must stop has stopped: another database is to be the live one.
    Update(Update),
    /// `sixtree scale`: so many instances of a service there are to be. Those that are too many
    /// leave the tree if they are down; else they stay in it, and nothing needs them any more.
    Scale(Scale),
    /// Give up the request under way: what has not started need not start.
    Abort,
}
wire_enum!(Request {
    "change": Change { 0: change: ChangeRequest }
    "reload": Reload { 0: reload: Reload }
    "states": States {}
    "status": Status { 0: first: u32 }
    "timing": Timing {}
    "journal": Journal { 0: first: u64 }
    "update": Update { 0: update: Update }
    "scale": Scale { 0: scale: Scale }
    "abort": Abort {}
});

/// A change of state, in the words of s6-rc's options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeRequest {
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
wire_struct!(
    ChangeRequest, some:
    names, down, prune, all, essential, timeout_ms, wait, dry_run_ms
);

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
wire_struct!(Reload, some: names, timeout_ms, wait, dry_run_ms);

/// A switch to another compiled database, in which what is up stays up under its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The database's directory, as an absolute path.
    pub database: String,
    /// Services that have another name in the new database: old and new.
    pub renamed: Vec<(String, String)>,
}
wire_struct!(Update, all: database, renamed);

/// How many instances of a service there are to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// The service.
    pub name: String,
    /// How many.
    pub count: u32,
}
wire_struct!(Scale, all: name, count);

/// What PID 1 answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Something happened on the way.
    Say(Say),
    /// The request has come to its end.
    Done(Outcome),
    /// Every service, in the order of the database.
    States(Vec<State>),
    /// All that is known of some services.
    Status(StatusPage),
    /// How long the boot and each service took.
    Timing(BootTimes),
    /// The messages that PID 1 remembers.
    Journal(JournalPage),
    /// The request cannot be done at all. Clients of every version understand this.
    Error {
        /// What the client exits with: 3 unknown identifier, 4 bad database, 111 system.
        code: u8,
        /// What is wrong.
        text: String,
    },
}
wire_enum!(Answer {
    "say": Say { 0: say: Say }
    "done": Done { 0: outcome: Outcome }
    "states": States { 0: states: Vec<State> }
    "status": Status { 0: page: StatusPage }
    "timing": Timing { 0: times: BootTimes }
    "journal": Journal { 0: page: JournalPage }
    "error": Error { code: code: u8, text: text: String }
});

/// A line for the client's stderr.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Say {
    /// The lowest verbosity that shows it: 1 warnings, 2 transitions, 3 decisions.
    pub level: u8,
    /// How bad it is.
    pub severity: SaySeverity,
    /// What happened.
    pub what: What,
    /// To which service; empty where it is not about one.
    pub service: String,
    /// The whole line, after `NAME: SEVERITY: `.
    pub text: String,
}
wire_struct!(Say, all: level, severity, what, service, text);

/// How bad what happened is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SaySeverity {
    /// `info`
    #[default]
    Info,
    /// `warning`
    Warning,
    /// `fatal`
    Fatal,
}
wire_enum!(SaySeverity {
    "info": Info {}
    "warning": Warning {}
    "fatal": Fatal {}
});

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    #[default]
    Other,
}
wire_enum!(What {
    "starting": Starting {}
    "started": Started {}
    "not_started": NotStarted {}
    "stopping": Stopping {}
    "stopped": Stopped {}
    "not_stopped": NotStopped {}
    "reloading": Reloading {}
    "reloaded": Reloaded {}
    "not_reloaded": NotReloaded {}
    "already": Already {}
    "essential": Essential {}
    "other": Other {}
});

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Done,
    /// Some transition failed.
    #[default]
    Failed,
    /// `-t` was over.
    TimedOut,
    /// Another change is under way, and `-b` was not given.
    Busy,
    /// It was aborted, or the container stops.
    Aborted,
}
wire_enum!(Outcome {
    "done": Done {}
    "failed": Failed {}
    "timed_out": TimedOut {}
    "busy": Busy {}
    "aborted": Aborted {}
});

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
wire_struct!(State, all: name, up, wanted);
impl ListItem for State {}

/// Why a line could not be understood.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// Not JSON, or not what a message looks like.
    #[error("not a message of the control protocol: {0}")]
    Invalid(String),
    /// A request in another version of the protocol.
    #[error(
        "PID 1 is sixtree {RELEASE}, which speaks version {VERSION} of the control protocol; this \
         command is sixtree {release}, which speaks version {version}"
    )]
    Version {
        /// Whose request it is.
        release: String,
        /// The version that it is written in.
        version: u32,
    },
    /// A request that does not say which version it is written in.
    #[error("a request must say in which version of the control protocol it is written")]
    NoVersion,
    /// Longer than [`MAX_LINE`].
    #[error("a line of more than {MAX_LINE} bytes")]
    TooLong,
}

impl SaySeverity {
    /// The word for it in a message.
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Fatal => "fatal",
        }
    }
}

impl Answer {
    /// Whether it is the last answer to its request.
    pub fn is_last(&self) -> bool {
        !matches!(self, Self::Say(_))
    }
}

/// Assembles lines from the pieces that a socket delivers, and never holds more than [`MAX_LINE`]
/// of an unfinished one.
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
    /// Takes the next whole line, without its newline. [`Malformed::TooLong`] is final: the
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
