//! Signals, as one more descriptor.

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The signals that mean something to a supervisor.
const WATCHED: &[Signal] = &[
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGPWR,
    Signal::SIGWINCH,
    Signal::SIGALRM,
    Signal::SIGABRT,
];

/// Lets none of these signals through until they are watched, nor those of a terminal. Until then
/// they wait; PID 1 would lose them.
pub fn hold() -> Result<(), Errno> {
    let mut blocked = watched();
    for terminal in [Signal::SIGTTOU, Signal::SIGTTIN, Signal::SIGTSTP] {
        blocked.add(terminal);
    }
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&blocked), None)
}

fn watched() -> SigSet {
    WATCHED.iter().copied().collect()
}

/// The watched signals, blocked everywhere else.
#[derive(Debug)]
pub struct Signals(SignalFd);

impl Signals {
    /// Blocks the signals of a supervisor and those of a terminal, and ignores SIGPIPE.
    pub fn watch() -> Result<Self, Errno> {
        hold()?;
        crate::sys::process::set_signal(Signal::SIGPIPE, SigHandler::SigIgn)?;
        crate::sys::process::set_signal(Signal::SIGCHLD, SigHandler::SigDfl)?;
        SignalFd::with_flags(&watched(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).map(Self)
    }

    /// The next signal that has come, if any, and the pid of its sender: 0 is not of our namespace.
    pub fn next(&mut self) -> Option<(Signal, u32)> {
        let info = self.0.read_signal().ok()??;
        Some((Signal::try_from(info.ssi_signo as i32).ok()?, info.ssi_pid))
    }

    /// The descriptor to wait on.
    pub fn fd(&self) -> &SignalFd {
        &self.0
    }
}
