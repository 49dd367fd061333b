//! Signals that are read from a descriptor.

use nix::errno::Errno;
use nix::libc::c_int;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// Signals that are blocked, and read from a descriptor.
#[derive(Debug)]
pub struct SignalQueue {
    pending: SignalFd,
    /// What SIGCHLD did before.
    sigchld: SigHandler,
}

impl SignalQueue {
    /// Reads these signals from now on.
    pub fn catch(which: SigSet) -> Result<Self, Errno> {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&which), None)?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        let sigchld = super::signal::default_sigchld()?;
        Ok(Self { pending: SignalFd::with_flags(&which, flags)?, sigchld })
    }

    /// The number of the next signal that has come, if any.
    pub fn next(&self) -> Result<Option<c_int>, Errno> {
        let came = self.pending.read_signal()?;
        Ok(came.and_then(|signal| c_int::try_from(signal.ssi_signo).ok()))
    }

    /// Restores the signals in a child that becomes another program.
    pub fn release(&self) -> Result<(), Errno> {
        super::signal::release(self.sigchld)
    }
}

impl AsFd for SignalQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pending.as_fd()
    }
}
