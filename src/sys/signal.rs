//! Signals: which are ignored, and which are waited for one after the other.

use super::raw;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use std::time::{Duration, Instant};

/// Ignores a signal, here and in whatever this process becomes.
pub fn ignore(which: Signal) -> Result<(), Errno> {
    ignore_number(which as u8)
}

/// The same for a signal of any number, a real-time one too.
pub fn ignore_number(number: u8) -> Result<(), Errno> {
    // SAFETY: ignoring is no code of ours; a number that is no signal is refused.
    let before = unsafe { libc::signal(i32::from(number), libc::SIG_IGN) };
    if before == libc::SIG_ERR { Err(Errno::last()) } else { Ok(()) }
}

/// Lets a signal act by default.
pub fn set_default(which: Signal) -> Result<(), Errno> {
    raw::set_default_signal(which as usize)
}

/// Lets every signal act by default, those too that whoever started this process ignored: TERM must
/// stop what is started from here. The C library would leave out those that it keeps for itself.
pub fn set_all_default() {
    for number in 1..=LAST {
        // It cannot fail but for KILL and STOP, which act by default anyway.
        let _ = raw::set_default_signal(number);
    }
}

/// The last of the kernel's signals.
const LAST: usize = 64;

/// Makes SIGCHLD act by default, since children of a process that ignores it vanish without their
/// status. Returns what it did before.
pub fn default_sigchld() -> Result<SigHandler, Errno> {
    // SAFETY: the default action is no code of ours.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }
}

/// Prepares a child's signals for its program, as the originals do: none is blocked, whatever was
/// before, and SIGCHLD is ignored if the parent was started so.
pub fn release(sigchld: SigHandler) -> Result<(), Errno> {
    if matches!(sigchld, SigHandler::SigIgn) {
        ignore(Signal::SIGCHLD)?;
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

/// Signals that do not act on this process, but are returned by `next`; until it is dropped. No
/// other signal is blocked meanwhile, nor any of them afterwards.
pub struct Caught {
    set: SigSet,
    sigchld: SigHandler,
}

impl Caught {
    /// Catches the signals of these numbers. Those that nobody can catch are passed over.
    pub fn new(numbers: impl IntoIterator<Item = u8>) -> Result<Self, Errno> {
        let set = set(&numbers.into_iter().collect::<Vec<u8>>());
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&set), None)?;
        Ok(Self { set, sigchld: default_sigchld()? })
    }

    /// The next signal that comes. None: the deadline has passed.
    pub fn next(&self, deadline: Option<Instant>) -> Result<Option<u8>, Errno> {
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match wait(&self.set, left) {
                Ok(number) => return Ok(Some(number)),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Restores the signals in a child that has just been forked.
    pub fn release(&self) -> Result<(), Errno> {
        release(self.sigchld)
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // It cannot fail: an empty mask, and a signal that may be ignored.
        let _ = self.release();
    }
}

/// A set of signals of any number, real-time ones too.
pub fn set(numbers: &[u8]) -> SigSet {
    let mut raw = *SigSet::empty().as_ref();
    for &number in numbers {
        // SAFETY: `raw` is an initialised set; a number that is no signal is refused.
        unsafe { libc::sigaddset(&raw mut raw, i32::from(number)) };
    }
    // SAFETY: an initialised set.
    unsafe { SigSet::from_sigset_t_unchecked(raw) }
}

/// Takes the next pending signal of a set, all of which are blocked. EAGAIN: none came in time.
pub fn wait(set: &SigSet, timeout: Option<Duration>) -> Result<u8, Errno> {
    let timeout = timeout.map(|t| *nix::sys::time::TimeSpec::from_duration(t).as_ref());
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: both point to values that outlive the call, or to nothing.
    let number = unsafe { libc::sigtimedwait(set.as_ref(), std::ptr::null_mut(), timeout) };
    Errno::result(number).map(|number| number as u8)
}

#[cfg(test)]
mod tests {
    use crate::format::signal::parse;

    #[test]
    fn the_numbers_of_the_names_are_those_of_the_kernel() {
        for signal in nix::sys::signal::Signal::iterator() {
            assert_eq!(parse(signal.as_str().as_bytes()), Some(signal as u8), "{signal}");
        }
    }
}
