//! What the kernel offers beyond fork(2) for making children. It is found out when it is first
//! needed. Older kernels lack some of it, seccomp profiles refuse it, and an emulator of programs
//! for other machines (QEMU's user mode) makes no other processes than forks.
//!
//! What is known is known of the whole process, and of whatever is forked from it.

use nix::errno::Errno;
use nix::libc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Something that the kernel may offer.
#[derive(Debug)]
pub(super) struct Offer {
    known: AtomicU8,
    /// How to find out, where that takes a call of its own.
    ask: fn() -> bool,
}

const UNKNOWN: u8 = 0;
const THERE: u8 = 1;
const MISSING: u8 = 2;

/// A child that shares our memory until it executes its program: clone(2) with CLONE_VM.
pub(super) static SHARED_MEMORY: Offer = Offer::new(|| true);

/// A child that shares our table of descriptors until it takes a copy of the low ones alone:
/// clone(2) with CLONE_FILES, and close_range(2) with CLOSE_RANGE_UNSHARE (Linux 5.9).
pub(super) static SHARED_TABLE: Offer = Offer::new(|| {
    // Nothing is open at the highest number. If others have our table, it is a copy from here on.
    close_range(u32::MAX, u32::MAX, libc::CLOSE_RANGE_UNSHARE).is_ok()
});

impl Offer {
    const fn new(ask: fn() -> bool) -> Self {
        Self { known: AtomicU8::new(UNKNOWN), ask }
    }

    /// Whether to use it.
    pub(super) fn is_there(&self) -> bool {
        if self.known.load(Ordering::Relaxed) == UNKNOWN {
            self.learn((self.ask)());
        }
        self.known.load(Ordering::Relaxed) == THERE
    }

    /// Records whether the kernel has it.
    pub(super) fn learn(&self, is_there: bool) {
        self.known.store(if is_there { THERE } else { MISSING }, Ordering::Relaxed);
    }

    /// Records that a call that used it failed. Returns whether to do without it from now on: the
    /// reason may also be that there are too many processes, or too little memory.
    pub(super) fn is_refused(&self, why: Errno) -> bool {
        let is_refused = matches!(why, Errno::EINVAL | Errno::ENOSYS | Errno::EPERM);
        if is_refused {
            self.learn(false);
        }
        is_refused
    }
}

/// Closes or marks a range of descriptors, by close_range(2).
pub(super) fn close_range(first: u32, last: u32, flags: u32) -> Result<(), Errno> {
    // SAFETY: numbers only; whatever is closed belongs to a child, or is marked and stays.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    Errno::result(closed).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_once_and_done_without_when_it_is_refused() {
        let offer = Offer::new(|| true);
        assert!(!offer.is_refused(Errno::EAGAIN));
        assert!(offer.is_there());
        assert!(offer.is_refused(Errno::EINVAL));
        assert!(!offer.is_there());
    }
}
