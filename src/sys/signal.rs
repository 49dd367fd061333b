//! Signals: which are ignored, and which are read from a descriptor.

use nix::errno::Errno;
use nix::sys::signal::{SigHandler, Signal, signal};

/// Ignores a signal, here and in whatever this process becomes.
pub fn ignore(which: Signal) -> Result<(), Errno> {
    // SAFETY: ignoring is no code of ours.
    unsafe { signal(which, SigHandler::SigIgn) }.map(drop)
}
