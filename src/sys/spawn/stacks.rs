//! Stacks for children that share our memory. Below each is a page that nobody may touch: a child
//! that needed more would end, and not write into the memory of another.

use crate::sys::machine::page_size;
use nix::errno::Errno;
use nix::libc::c_void;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use std::num::NonZeroUsize;
use std::ptr::NonNull;

/// The least size of a stack: several times what a child needs (a test measures that), with room
/// for the frame of a signal handler.
const BYTES: usize = 16_384;

/// Stacks of equal size.
#[derive(Debug)]
pub(super) struct Stacks {
    base: NonNull<c_void>,
    /// Which of them can be used by now.
    usable: Box<[bool]>,
    /// Bytes of the page below each.
    guard: usize,
    /// Bytes of each.
    bytes: usize,
}

impl Stacks {
    /// Reserves addresses for so many. They take no memory until they are used.
    pub(super) fn reserve(count: usize) -> Result<Self, Errno> {
        let guard = page_size();
        let bytes = BYTES.next_multiple_of(guard);
        let all = NonZeroUsize::new((guard + bytes) * count).ok_or(Errno::EINVAL)?;
        let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE | MapFlags::MAP_STACK;
        // SAFETY: wherever the kernel likes, nothing of ours is there.
        let base = unsafe { mmap_anonymous(None, all, ProtFlags::PROT_NONE, flags) }?;
        Ok(Self { base, usable: vec![false; count].into(), guard, bytes })
    }

    /// The upper end of one of them, where its owner begins.
    pub(super) fn top(&mut self, index: usize) -> Result<*mut u8, Errno> {
        let usable = self.usable.get_mut(index).ok_or(Errno::EINVAL)?;
        let begin = index * (self.guard + self.bytes) + self.guard;
        // SAFETY: an index below their number: it is within what was reserved.
        let bottom = unsafe { self.base.byte_add(begin) };
        if !*usable {
            let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
            // SAFETY: as above, and nobody uses it yet.
            unsafe { mprotect(bottom, self.bytes, access) }?;
            *usable = true;
        }
        // SAFETY: its end, which is within what was reserved, or the end of that.
        let top = unsafe { bottom.byte_add(self.bytes) };
        Ok(top.as_ptr().cast())
    }
}

/// Whoever still uses one of them keeps all: see `Nursery`.
impl Drop for Stacks {
    fn drop(&mut self) {
        let all = (self.guard + self.bytes) * self.usable.len();
        // SAFETY: what was reserved, and nobody uses it any more.
        let _ = unsafe { munmap(self.base, all) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Stacks {
        /// The bytes of a stack that is in use, or was.
        pub(crate) fn contents(&mut self, index: usize) -> &mut [u8] {
            let top = self.top(index).unwrap();
            // SAFETY: the stack is below its top.
            let bottom = unsafe { top.sub(self.bytes) };
            // SAFETY: so many bytes are there, and those who used them are gone.
            unsafe { std::slice::from_raw_parts_mut(bottom, self.bytes) }
        }
    }

    #[test]
    fn they_are_apart_and_can_be_written_to() {
        let mut stacks = Stacks::reserve(3).unwrap();
        let tops: Vec<usize> = (0..3).map(|at| stacks.top(at).unwrap() as usize).collect();
        assert!(tops.windows(2).all(|two| two[1] - two[0] == stacks.bytes + stacks.guard));
        for at in 0..3 {
            let all = stacks.contents(at);
            assert!(all.len() >= BYTES && all.iter().all(|&byte| byte == 0));
            all.fill(1);
        }
        assert_eq!(stacks.top(3), Err(Errno::EINVAL));
    }
}
