//! Low numbers that are reserved for descriptors that are lent to a child: it takes over only low
//! ones, and once thousands are open, none of the low numbers would be free.

use super::LOW;
use crate::sys::fd;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{dup3, pipe2};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// The first of these numbers. The descriptors that a supervisor opens first, and keeps, are below.
const FIRST: RawFd = LOW / 2;

/// The reserved numbers that are free. Each is held open by an end of a closed pipe.
#[derive(Debug)]
pub(super) struct Slots {
    nothing: Option<OwnedFd>,
    free: Vec<OwnedFd>,
}

impl Slots {
    /// Reserves what is free between `FIRST` and `LOW`.
    pub(super) fn reserve() -> Self {
        let nothing = pipe2(OFlag::O_CLOEXEC).ok().map(|(read, _)| read);
        let reserve = |_| {
            let slot = fd::duplicate(nothing.as_ref()?, FIRST).ok()?;
            Some(slot).filter(|slot| slot.as_raw_fd() < LOW)
        };
        let free = (FIRST..LOW).map_while(reserve).collect();
        Self { nothing, free }
    }

    /// How many are free.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Copies descriptors to so many reserved numbers. `None`: there are too few, or it fails.
    pub(super) fn lend(&mut self, descriptors: &[RawFd]) -> Option<Vec<OwnedFd>> {
        let first = self.free.len().checked_sub(descriptors.len())?;
        let mut lent = self.free.split_off(first);
        let copies = lent.iter_mut().zip(descriptors);
        let copied: Result<(), Errno> = copies
            .into_iter()
            .try_for_each(|(slot, from)| dup3(fd::borrow(from), slot, OFlag::O_CLOEXEC));
        if copied.is_ok() {
            return Some(lent);
        }
        self.take_back(lent);
        None
    }

    /// Closes the copies; their numbers stay reserved.
    pub(super) fn take_back(&mut self, lent: Vec<OwnedFd>) {
        let Some(nothing) = &self.nothing else { return };
        let emptied = lent.into_iter().filter_map(|mut slot| {
            let emptied = dup3(nothing, &mut slot, OFlag::O_CLOEXEC);
            emptied.is_ok().then_some(slot)
        });
        self.free.extend(emptied);
    }
}

/// The numbers of what was lent.
pub(super) fn numbers(lent: &[OwnedFd]) -> impl Iterator<Item = RawFd> {
    lent.iter().map(AsRawFd::as_raw_fd)
}
