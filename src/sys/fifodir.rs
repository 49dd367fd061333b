//! Directories of events (`event/`): a listener puts a FIFO into it, and a notifier writes to all
//! that it finds. Reference: <https://skarnet.org/software/s6/fifodir.html>.

use super::{clock, directory, fd};
use crate::format::fifodir::{is_listener, listener};
use crate::format::tai::Tain;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat};
use nix::libc;
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, fstat, stat};
use nix::unistd::{Gid, UnlinkatFlags, unlink, unlinkat};
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many entries of a directory a notifier looks at: a full one must not hold it up.
const MAX_ENTRIES: usize = 16_384;

/// Makes a directory of events: for everyone, or only for the members of a group. One that exists
/// already must be ours, and stays as it is unless `force` is given.
pub fn make(dir: &[u8], group: Option<Gid>, force: bool) -> Result<(), Errno> {
    match nix::unistd::mkdir(dir, Mode::S_IRWXU) {
        Ok(()) => {}
        Err(Errno::EEXIST) => {
            let found = stat(dir)?;
            if found.st_uid != nix::unistd::getuid().as_raw() {
                return Err(Errno::EACCES);
            }
            if found.st_mode & libc::S_IFMT != libc::S_IFDIR {
                return Err(Errno::ENOTDIR);
            }
            if !force {
                return Ok(());
            }
        }
        Err(e) => return Err(e),
    }
    if group.is_some() {
        nix::unistd::chown(dir, None, group)?;
    }
    let mode = Mode::from_bits_truncate(if group.is_some() { 0o3730 } else { 0o1733 });
    fchmodat(AT_FDCWD, dir, mode, FchmodatFlags::FollowSymlink)
}

/// Notifies all listeners, and returns how many. `events` arrive together, or not at all with a
/// listener that has not read for long. Where there is no descriptor for that, it is an error, and
/// none of them has got it. The caller must not be killed by SIGPIPE.
pub fn notify(dir: &[u8], events: &[u8]) -> Result<usize, Errno> {
    let (mut notified, mut short) = (0, None);
    each_listener(dir, |dir, name| match open_listener(dir, name) {
        Ok(fifo) => match nix::unistd::write(&fifo, events) {
            Ok(n) if n == events.len() => notified += 1,
            Err(Errno::EPIPE) => remove(dir, name),
            Ok(_) | Err(_) => {}
        },
        Err(Errno::ENXIO) => remove(dir, name),
        Err(e @ (Errno::EMFILE | Errno::ENFILE)) => short = Some(e),
        Err(_) => {}
    })?;
    match short {
        Some(e) if notified == 0 => Err(e),
        Some(_) | None => Ok(notified),
    }
}

/// Removes the FIFOs whose listeners have gone.
pub fn clean(dir: &[u8]) -> Result<(), Errno> {
    each_listener(dir, |dir, name| {
        if open_listener(dir, name).is_err_and(|e| e == Errno::ENXIO) {
            remove(dir, name);
        }
    })
}

/// Someone who listens to a directory; no longer when dropped.
#[derive(Debug)]
pub struct Listener {
    fifo: OwnedFd,
    path: Vec<u8>,
}

impl Listener {
    /// Listens from now on. The events are read without blocking.
    pub fn subscribe(dir: &[u8]) -> Result<Self, Errno> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let unique = u64::from(std::process::id()) << 12 | count & 0xfff;
        let name = listener(Tain::from_utc(clock::utc()), unique);
        let hidden = [dir, b"/.", &name].concat();
        let path = [dir, b"/", name.as_slice()].concat();
        nix::unistd::mkfifo(hidden.as_slice(), Mode::S_IRUSR | Mode::S_IWUSR)?;
        // Open for writing too, so that it never comes to an end.
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
        let fifo = open(hidden.as_slice(), flags, Mode::empty()).and_then(|fifo| {
            fchmod(&fifo, Mode::from_bits_truncate(0o622))?;
            nix::fcntl::renameat(AT_FDCWD, hidden.as_slice(), AT_FDCWD, path.as_slice())?;
            Ok(fifo)
        });
        match fifo {
            Ok(fifo) => Ok(Self { fifo, path }),
            Err(e) => {
                // The error that led here is the one to report.
                let _ = unlink(hidden.as_slice());
                Err(e)
            }
        }
    }

    /// Adds the events that have come to `events`; at most a few kilobytes at a time.
    pub fn read(&self, events: &mut Vec<u8>) -> Result<(), Errno> {
        let mut chunk = [0; 4096];
        match fd::read(self.fifo.as_raw_fd(), &mut chunk) {
            Ok(n) => events.extend_from_slice(&chunk[..n]),
            Err(Errno::EAGAIN) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fifo.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Notifiers remove a FIFO that nobody reads.
        let _ = unlink(self.path.as_slice());
    }
}

fn each_listener(path: &[u8], mut act: impl FnMut(&OwnedFd, &CStr)) -> Result<(), Errno> {
    let mut reader = directory::Reader::open(path)?;
    let mut seen = 0;
    let mut names: Vec<CString> = Vec::new();
    while seen < MAX_ENTRIES {
        let entries = reader.names()?;
        if entries.is_empty() {
            break;
        }
        seen += entries.len();
        let listeners = entries.into_iter().filter(|(name, _)| is_listener(name));
        names.extend(listeners.filter_map(|(name, _)| CString::new(name).ok()));
    }
    names.iter().for_each(|name| act(reader.directory(), name));
    Ok(())
}

/// Opens a listener's FIFO for writing. Whatever else someone has put there under such a name is
/// not written to: the directory may be open to everyone.
fn open_listener(dir: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let fifo = openat(dir, name, flags | OFlag::O_NOCTTY, Mode::empty())?;
    let is_fifo = fstat(&fifo)?.st_mode & libc::S_IFMT == libc::S_IFIFO;
    if is_fifo { Ok(fifo) } else { Err(Errno::EINVAL) }
}

fn remove(dir: &OwnedFd, name: &CStr) {
    // Another notifier may have removed it, and the next one tries again.
    let _ = unlinkat(dir, name, UnlinkatFlags::NoRemoveDir);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;
    use tempfile::TempDir;

    fn fifodir(scratch: &TempDir) -> PathBuf {
        let dir = scratch.path().join("event");
        make(dir.as_os_str().as_bytes(), None, false).unwrap();
        dir
    }

    #[test]
    fn every_listener_hears_and_the_dead_are_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let path = fifodir(&scratch);
        let dir = path.as_os_str().as_bytes();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o1733);
        let (one, two) = (Listener::subscribe(dir).unwrap(), Listener::subscribe(dir).unwrap());
        assert_eq!(notify(dir, b"dD"), Ok(2));
        let stale = path.join("ftrig1:@400000006553f12500000005:AAAAAA");
        std::fs::rename(std::ffi::OsStr::from_bytes(&two.path), &stale).unwrap();
        drop(two);
        assert_eq!(notify(dir, b"u"), Ok(1));
        assert!(!stale.exists());
        let mut events = Vec::new();
        one.read(&mut events).unwrap();
        assert_eq!(events, b"dDu");
        one.read(&mut events).unwrap();
        assert_eq!(events.len(), 3, "nothing more to read is no error");
        drop(one);
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
    }

    #[test]
    fn a_slow_listener_holds_nobody_up_and_what_is_no_fifo_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let path = fifodir(&scratch);
        let dir = path.as_os_str().as_bytes();
        let _slow = Listener::subscribe(dir).unwrap();
        let victim = path.join("victim");
        std::fs::write(&victim, "precious").unwrap();
        let link = path.join("ftrig1:@400000006553f12500000005:AAAAAA");
        std::os::unix::fs::symlink(&victim, link).unwrap();
        let full = (0..100).map(|_| notify(dir, &[b'u'; 4096]).unwrap()).sum::<usize>();
        assert!((1..100).contains(&full));
        assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
        clean(dir).unwrap();
        assert_eq!(std::fs::read_dir(&path).unwrap().count(), 3);
    }
}
