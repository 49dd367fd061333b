//! Signals as one more descriptor to wait on.

use nix::errno::Errno;
use nix::libc::c_int;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// Signals that are read, and interrupt nothing.
#[derive(Debug)]
pub struct Signals {
    pending: SignalFd,
    /// The signals that were blocked before.
    before: SigSet,
}

impl Signals {
    /// Reads these signals from now on.
    pub fn catch(which: SigSet) -> Result<Self, Errno> {
        if which.contains(Signal::SIGCHLD) {
            // SAFETY: the default is no code of ours. Ignored, it would take the zombies along.
            unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
        }
        let mut before = SigSet::empty();
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&which), Some(&mut before))?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self { pending: SignalFd::with_flags(&which, flags)?, before })
    }

    /// The number of the next signal that has come, if any.
    pub fn next(&self) -> Result<Option<c_int>, Errno> {
        let came = self.pending.read_signal()?;
        Ok(came.and_then(|signal| c_int::try_from(signal.ssi_signo).ok()))
    }

    /// Lets signals through as before: for a child that becomes another program.
    pub fn release(&self) -> Result<(), Errno> {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.before), None)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pending.as_fd()
    }
}
