//! The settings of the runtime, which /init, s6-svscan or s6-supervise make.

use super::Absences;
use crate::definition::Word;
use crate::sys::spawn::Program;
use nix::errno::Errno;
use std::os::fd::{OwnedFd, RawFd};
use std::path::PathBuf;
use std::time::Instant;

/// Finds a program and checks what can be checked before a child becomes it: that it is there and
/// executable, and its interpreter too.
pub(crate) type Launch = fn(argv: Vec<Word>, env: &[Word]) -> Result<Program, Errno>;

/// How to run.
pub(crate) struct RuntimeSettings {
    /// /run, or what stands in its place.
    pub run_directory: PathBuf,
    /// The scan directory.
    pub scan_directory: PathBuf,
    /// The environment of services, as `KEY=VALUE`.
    pub env: Vec<Word>,
    /// The CMD.
    pub cmd: Option<Cmd>,
    /// How much to say: 0 nothing, 1 warnings, 2 transitions, 3 decisions.
    pub verbosity: u8,
    /// How programs are found and started.
    pub launch: Launch,
    /// Whether this is PID 1 of its namespace, whose every process it may signal.
    pub pid_1: bool,
    /// What this process is.
    pub role: Role,
    /// The RLIMIT_NOFILE (soft, hard) to give back to children.
    pub nofile: Option<(u64, u64)>,
    /// The default stdout and stderr of services.
    pub outputs: (i32, i32),
    /// The ends of the catch-all logger's FIFO that are kept open here.
    pub catch_all: Vec<OwnedFd>,
    /// The catch-all log, if it is not copied to stderr: its last lines are reported when a failed
    /// boot ends the container.
    pub hidden_log: Option<PathBuf>,
    /// Whether the CMD gets the signals: its pid is then in `s6/cmdpid`.
    pub cmd_receives_signals: bool,
    /// Whether each longrun has a process that is called `s6-supervise NAME`.
    pub supervisors: bool,
    /// How often the memory of services is looked at that have a limit, in ms.
    pub sample_ms: u32,
    /// How often to scan without an order to, in ms; 0 is never.
    pub rescan_ms: u64,
    /// What the boot leaves out.
    pub absences: Absences,
    /// When this process began.
    pub begun: Instant,
    /// What it did before the services: a word, and when it was over, in µs since then.
    pub steps: Vec<(&'static str, u64)>,
    /// Where to write a newline once the scan directory can be controlled.
    pub ready: Option<RawFd>,
}

/// What this process is; it decides what signals mean, and what happens at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A container's init.
    Container,
    /// s6-svscan: the owner of a scan directory.
    Scan,
    /// s6-supervise: the supervisor of one service.
    Supervise,
}

/// The container's CMD.
pub(crate) struct Cmd {
    /// Its words.
    pub argv: Vec<Word>,
    /// The directory in which /init was started.
    pub directory: PathBuf,
    /// Its environment.
    pub env: Vec<Word>,
    /// Its stdout and stderr.
    pub outputs: (i32, i32),
}
