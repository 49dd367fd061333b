//! The lock that says who supervises a directory (`supervise/lock`, `.s6-svscan/lock`).

use super::fd::borrow;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, FcntlArg, Flock, FlockArg, OFlag, fcntl, open, openat};
use nix::libc;
use nix::sys::stat::Mode;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

/// How often a lock is asked for that is waited for so long only: fcntl(2) cannot time out.
const ASK_AGAIN: Duration = Duration::from_millis(10);

/// How a lock's file is opened. Its directory may be another's: a link in its place is an error.
const OPEN: OFlag = OFlag::O_RDWR
    .union(OFlag::O_CREAT)
    .union(OFlag::O_NOFOLLOW)
    .union(OFlag::O_NONBLOCK)
    .union(OFlag::O_CLOEXEC);

/// A lock that is held until it is dropped, also by children that still have the descriptor.
///
/// It is one of fcntl(2), for s6-svok and its like, and one of flock(2) too. The former belongs to
/// the open file, so that it outlives a look at it from the same process.
#[derive(Debug)]
pub struct Lock(Flock<OwnedFd>);

impl Lock {
    /// Takes the lock, creating the file (with `mode`, less the umask) if need be. `None`: someone
    /// else has it.
    pub fn take(file: &[u8], mode: u32) -> Result<Option<Self>, Errno> {
        Self::on(openat(AT_FDCWD, file, OPEN, Mode::from_bits_truncate(mode))?)
    }

    /// The same on a file that is open for reading and writing.
    pub fn on(file: OwnedFd) -> Result<Option<Self>, Errno> {
        let claim = whole_file(libc::F_WRLCK);
        let taken = match fcntl(&file, FcntlArg::F_OFD_SETLK(&claim)) {
            // A kernel without open-file locks (as in some sandboxes): one of this process.
            Err(Errno::EINVAL) => fcntl(&file, FcntlArg::F_SETLK(&claim)),
            other => other,
        };
        match taken
            .and_then(|_| Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| e))
        {
            Ok(file) => Ok(Some(Self(file))),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(e) => Err(e),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it releases the lock as well, once no child has it.
        let _ = fcntl(self.0.as_fd(), FcntlArg::F_OFD_SETLK(&whole_file(libc::F_UNLCK)));
    }
}

/// What kind of lock a process claims for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// One that others may share.
    Shared,
    /// One of its own.
    Exclusive,
}

/// How long to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    None,
    /// So long.
    For(Duration),
    /// Until it is there.
    Endless,
}

/// Locks an open file, by fcntl(2), for this process and what it becomes (but not its children)
/// until it closes any descriptor of that file. EBUSY: someone else has it; ETIMEDOUT: has kept it.
pub fn claim(fd: RawFd, kind: Claim, patience: Patience) -> Result<(), Errno> {
    let lock = whole_file(match kind {
        Claim::Shared => libc::F_RDLCK,
        Claim::Exclusive => libc::F_WRLCK,
    });
    let deadline = match patience {
        Patience::None => Some(Instant::now()),
        Patience::For(span) => Instant::now().checked_add(span),
        Patience::Endless => None,
    };
    loop {
        let wait = match deadline {
            None => FcntlArg::F_SETLKW(&lock),
            Some(_) => FcntlArg::F_SETLK(&lock),
        };
        match fcntl(borrow(&fd), wait) {
            Err(Errno::EINTR) => {}
            Err(Errno::EAGAIN | Errno::EACCES) if patience == Patience::None => {
                return Err(Errno::EBUSY);
            }
            Err(Errno::EAGAIN | Errno::EACCES) => {
                let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
                let left = left.filter(|left| !left.is_zero()).ok_or(Errno::ETIMEDOUT)?;
                std::thread::sleep(left.min(ASK_AGAIN));
            }
            other => return other.map(drop),
        }
    }
}

/// Waits for a lock of fcntl(2) on `file`, and leaves it held at descriptor `fd`, across an exec.
pub fn wait_for(file: &[u8], fd: RawFd) -> Result<(), Errno> {
    let file = open(file, OPEN, Mode::from_bits_truncate(0o644))?;
    super::fd::place(fd, file)?;
    fcntl(super::fd::borrow(&fd), FcntlArg::F_SETLKW(&whole_file(libc::F_WRLCK))).map(drop)
}

/// Whether someone has the lock. A file that does not exist is not locked.
pub fn is_locked(file: &[u8]) -> Result<bool, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = match open(file, flags, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(false),
        other => other?,
    };
    let mut answer = whole_file(libc::F_RDLCK);
    fcntl(&file, FcntlArg::F_GETLK(&mut answer))?;
    Ok(i32::from(answer.l_type) != libc::F_UNLCK)
}

fn whole_file(kind: libc::c_int) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn a_lock_is_seen_until_it_is_dropped() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        let name = file.as_os_str().as_bytes();
        assert_eq!(is_locked(name), Ok(false), "there is no file yet");
        let lock = Lock::take(name, 0o644).unwrap().unwrap();
        assert_eq!(is_locked(name), Ok(true));
        assert!(Lock::take(name, 0o644).unwrap().is_none());
        assert_eq!(is_locked(name), Ok(true), "the attempt has not dropped it");
        drop(lock);
        assert_eq!(is_locked(name), Ok(false));
        let user_of_flock = open(name, OFlag::O_RDWR, Mode::empty()).unwrap();
        let user_of_flock = Flock::lock(user_of_flock, FlockArg::LockExclusive).unwrap();
        assert!(Lock::take(name, 0o644).unwrap().is_none());
        drop(user_of_flock);
    }
}
