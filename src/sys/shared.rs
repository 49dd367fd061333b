//! Memory that outlives a process: part of a file that exists in memory alone, and is mapped.
//!
//! Nobody else uses it at the same time, but whoever uses it next finds it as it was when its user
//! died, between any two of these operations.

use nix::errno::Errno;
use nix::libc::off_t;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap};
use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering, fence};

/// Some of it. What lies beyond its end reads as zeros, and is not written.
#[derive(Debug)]
pub struct SharedMemory {
    start: NonNull<c_void>,
    length: usize,
}

/// Makes such a file. It is empty, and is closed on exec.
pub fn memory_file(name: &str) -> Result<OwnedFd, Errno> {
    memfd_create(name, MFdFlags::MFD_CLOEXEC)
}

impl SharedMemory {
    /// Maps part of a file, which is made long enough. `offset` is a multiple of the page size.
    /// Without a file it is memory that ends with this process.
    pub fn map(file: Option<BorrowedFd>, offset: usize, length: usize) -> Result<Self, Errno> {
        let size = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
        let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let Some(file) = file else {
            // SAFETY: a new mapping anywhere.
            let start = unsafe { mmap_anonymous(None, size, access, MapFlags::MAP_PRIVATE) }?;
            return Ok(Self { start, length });
        };
        let end = offset.checked_add(length).ok_or(Errno::EINVAL)? as off_t;
        if nix::sys::stat::fstat(file)?.st_size < end {
            nix::unistd::ftruncate(file, end)?;
        }
        // SAFETY: the same; the file is never made shorter.
        let start =
            unsafe { mmap(None, size, access, MapFlags::MAP_SHARED, file, offset as off_t) }?;
        Ok(Self { start, length })
    }

    /// The word at a place, which is a multiple of its size.
    pub fn load(&self, at: usize) -> u64 {
        self.word(at).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Replaces the word at a place. What was written before is there when this is, and what is
    /// written later is not yet.
    pub fn store(&self, at: usize, value: u64) {
        self.word(at).into_iter().for_each(|word| word.store(value, Ordering::Release));
        fence(Ordering::SeqCst);
    }

    fn word(&self, at: usize) -> Option<&AtomicU64> {
        let is_within = at.checked_add(8).is_some_and(|end| end <= self.length);
        if !is_within || !at.is_multiple_of(8) {
            return None;
        }
        // SAFETY: it is within the mapping.
        let word = unsafe { self.start.as_ptr().cast::<u8>().add(at) };
        // SAFETY: it is aligned, and nobody else uses the mapping.
        Some(unsafe { AtomicU64::from_ptr(word.cast()) })
    }

    /// Copies bytes from a place.
    pub fn read(&self, at: usize, bytes: &mut [u8]) {
        if at.checked_add(bytes.len()).is_some_and(|end| end <= self.length) {
            // SAFETY: it is within the mapping.
            let from = unsafe { self.start.as_ptr().cast::<u8>().add(at) };
            // SAFETY: so many bytes are there; `bytes` is no part of the mapping.
            unsafe { std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), bytes.len()) };
        }
    }

    /// Copies bytes to a place.
    pub fn write(&self, at: usize, bytes: &[u8]) {
        if at.checked_add(bytes.len()).is_some_and(|end| end <= self.length) {
            // SAFETY: it is within the mapping.
            let to = unsafe { self.start.as_ptr().cast::<u8>().add(at) };
            // SAFETY: so many bytes are there; `bytes` is no part of the mapping.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: it was mapped here, and nothing points into it any more.
        let _ = unsafe { munmap(self.start, self.length) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn the_next_user_finds_it_as_it_was() {
        let file = memory_file("test").unwrap();
        let first = SharedMemory::map(Some(file.as_fd()), 65_536, 4096).unwrap();
        first.write(100, b"hello");
        first.store(8, 7);
        drop(first);
        let next = SharedMemory::map(Some(file.as_fd()), 65_536, 4096).unwrap();
        let mut bytes = [0; 5];
        next.read(100, &mut bytes);
        assert_eq!((next.load(8), &bytes), (7, b"hello"));
        let other = SharedMemory::map(Some(file.as_fd()), 0, 4096).unwrap();
        assert_eq!(other.load(8), 0);
    }

    #[test]
    fn there_is_nothing_beyond_its_end() {
        let memory = SharedMemory::map(None, 0, 4096).unwrap();
        memory.write(4090, b"0123456");
        memory.store(4092, 1);
        memory.store(4096, 1);
        assert_eq!((memory.load(4088), memory.load(4096), memory.load(usize::MAX)), (0, 0, 0));
    }
}
