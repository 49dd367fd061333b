//! Looking at what is in a pipe without taking it out: whoever comes after this process finds what
//! it has not yet passed on.

use crate::sys::fd;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SpliceFFlags, fcntl, tee};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// How much is looked at in one go: what a pipe holds unless it is told otherwise.
pub(super) const MOST: usize = 64 << 10;

/// A pipe for copies, and what was seen last.
#[derive(Debug)]
pub(super) struct Peeker {
    read: OwnedFd,
    write: OwnedFd,
    seen: Vec<u8>,
    taken: Vec<u8>,
}

impl Peeker {
    /// One that has seen nothing.
    pub(super) fn new() -> Result<Self, Errno> {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        // Other than zeros, so that its pages are there: a kill must not come between two of them,
        // as it does where the kernel has to fetch one while it copies.
        let taken = vec![1; MOST];
        Ok(Self { read, write, seen: vec![0; MOST], taken })
    }

    /// Looks at the front of a pipe: how many bytes there are. 0: it is at its end. EAGAIN: it is
    /// empty.
    pub(super) fn peek(&mut self, pipe: &OwnedFd) -> Result<usize, Errno> {
        let count = tee(pipe, &self.write, MOST, SpliceFFlags::SPLICE_F_NONBLOCK)?;
        let mut at = 0;
        while let Some(rest) = self.seen.get_mut(at..count).filter(|rest| !rest.is_empty()) {
            at += fd::read(self.read.as_raw_fd(), rest)?;
        }
        Ok(count)
    }

    /// The bytes that were seen last.
    pub(super) fn seen(&self, count: usize) -> &[u8] {
        self.seen.get(..count).unwrap_or_default()
    }

    /// By what the bytes that were seen last are known again, so many of them: their ends.
    pub(super) fn mark(&self, count: usize) -> u64 {
        const END: usize = 256;
        let seen = self.seen(count);
        let ends = [
            seen.get(..END).unwrap_or(seen),
            seen.get(count.saturating_sub(END)..).unwrap_or(seen),
        ];
        // FNV-1a
        ends.iter().flat_map(|end| end.iter()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        })
    }

    /// Takes bytes out of a pipe in which they have been seen, as which they can still be used.
    pub(super) fn take(&mut self, pipe: &OwnedFd, mut count: usize) -> Result<(), Errno> {
        while count > 0 {
            let buffer = self.taken.get_mut(..count.min(MOST)).unwrap_or_default();
            match fd::read(pipe.as_raw_fd(), buffer)? {
                0 => return Ok(()),
                n => count -= n,
            }
        }
        Ok(())
    }
}

/// How many bytes a pipe holds, at best.
pub(super) fn capacity(pipe: impl AsFd) -> usize {
    let size = fcntl(pipe, FcntlArg::F_GETPIPE_SZ).ok();
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_stays_until_it_is_taken() {
        let (read, write) = nix::unistd::pipe().unwrap();
        let mut peeker = Peeker::new().unwrap();
        assert_eq!(peeker.peek(&read), Err(Errno::EAGAIN));
        fd::write_all(write.as_raw_fd(), b"hello").unwrap();
        assert_eq!(peeker.peek(&read), Ok(5));
        peeker.take(&read, 2).unwrap();
        assert_eq!(peeker.seen(5), b"hello");
        assert_eq!(peeker.peek(&read), Ok(3));
        assert_eq!(peeker.seen(3), b"llo");
        drop(write);
        peeker.take(&read, 3).unwrap();
        assert_eq!(peeker.peek(&read), Ok(0));
    }
}
