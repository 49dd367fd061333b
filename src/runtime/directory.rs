//! The working directory of this process. It is that of the service that is being handled: one
//! chdir(2) then serves all that is done with its files.
//!
//! What depends on it takes a guard, which only the way there gives; as long as a guard is alive,
//! nothing can lead elsewhere.

use super::service::Service;
use super::spare::Spare;
use crate::format::tally::{self, Death};
use crate::graph::ServiceId;
use crate::sys::lock::Lock;
use crate::sys::{errno, fifodir, file};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, mknod};
use std::fs;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Where this process is.
#[derive(Debug, Default)]
pub(super) struct WorkingDirectory {
    /// The service whose directory it is.
    service: Option<ServiceId>,
    /// What may be used for files of services where there is no other descriptor.
    pub spare: Spare,
}

/// This process is in a directory that was chosen for what is done next.
#[derive(Debug)]
pub(super) struct Inside<'a> {
    /// Of the working directory, which nothing changes as long as this lives.
    pub spare: &'a Spare,
}

/// It is in the directory of a service.
#[derive(Debug)]
pub(super) struct ServiceDirectory<'a> {
    inside: Inside<'a>,
    /// The service's name in messages and in `argv[1]` of run.
    pub name: String,
}

impl<'a> Deref for ServiceDirectory<'a> {
    type Target = Inside<'a>;

    fn deref(&self) -> &Self::Target {
        &self.inside
    }
}

/// A directory that cannot be entered.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}{remedy}", .directory.display(), errno::text(*.errno))]
pub(super) struct Unreachable {
    directory: PathBuf,
    /// Why.
    pub errno: Errno,
    remedy: &'static str,
}

/// How `run` has ended.
const TALLY: &str = "supervise/death_tally";

/// What to do where a live directory has gone.
const REMOVED: &str = ": it was removed while the container runs; let what cleans /run leave \
    /run/s6, /run/s6-rc and /run/service alone, and restart the container";

impl WorkingDirectory {
    /// Goes into a service's directory.
    pub(super) fn enter(
        &mut self,
        id: ServiceId,
        service: &Service,
    ) -> Result<ServiceDirectory<'_>, Unreachable> {
        if self.service != Some(id) {
            self.service = None;
            let moved = match &service.handle {
                Some(handle) => nix::unistd::fchdir(handle),
                None => nix::unistd::chdir(&service.directory),
            };
            moved.map_err(|errno| {
                let remedy = if errno == Errno::ENOENT { REMOVED } else { "" };
                Unreachable { directory: service.directory.clone(), errno, remedy }
            })?;
            self.service = Some(id);
        }
        let inside = Inside { spare: &self.spare };
        Ok(ServiceDirectory { inside, name: service.name.clone() })
    }

    /// Goes into a directory that is no service's.
    pub(super) fn enter_other(&mut self, directory: &Path) -> Result<Inside<'_>, Unreachable> {
        self.service = None;
        match nix::unistd::chdir(directory) {
            Ok(()) => Ok(Inside { spare: &self.spare }),
            Err(errno) => Err(Unreachable { directory: directory.to_owned(), errno, remedy: "" }),
        }
    }

    /// Services get other directories: whose this one is must be found out anew.
    pub(super) fn forget(&mut self) {
        self.service = None;
    }
}

/// The files by which the world sees and drives a supervised service.
impl ServiceDirectory<'_> {
    /// Makes `event` as s6 does; true if it was not there. One that is there is left as it is. In a
    /// directory that is not ours, a new one may have got another group than ours.
    pub(super) fn make_event(&self, foreign: bool) -> Result<bool, Errno> {
        if !make_directory("event")? {
            return Ok(false);
        }
        if foreign {
            let _ = nix::unistd::chown("event", None, Some(nix::unistd::getegid()));
        }
        let mode = Mode::from_bits_truncate(0o3730);
        fchmodat(AT_FDCWD, "event", mode, FchmodatFlags::FollowSymlink)?;
        Ok(true)
    }

    /// Removes the FIFOs of `event` whose listeners have gone.
    pub(super) fn clean_event(&self) {
        // What stays there is removed by the next notification.
        let _ = fifodir::clean(b"event");
    }

    /// Notifies the listeners of `event`.
    pub(super) fn notify(&self, letters: &[u8]) {
        // Without the directory there is nobody who listens.
        let _ = self.spare.lend(|e| *e, || fifodir::notify(b"event", letters));
    }

    /// Makes `supervise`; true if it was not there.
    pub(super) fn make_supervise(&self) -> Result<bool, Errno> {
        make_directory("supervise")
    }

    /// Takes `supervise/lock`; `None`: another supervisor has it.
    pub(super) fn lock(&self) -> Result<Option<Lock>, Errno> {
        Lock::take(b"supervise/lock", 0o644)
    }

    /// Opens `supervise/control`.
    pub(super) fn open_control(&self) -> Result<OwnedFd, Errno> {
        open_fifo(Path::new("supervise/control"))
    }

    /// Writes the first `supervise/status`, before there is a control for which anyone waits.
    pub(super) fn write_first_status(&self, bytes: &[u8]) -> std::io::Result<()> {
        file::write("supervise/status", bytes)
    }

    /// Replaces `supervise/status`: readers never see it half written, nor empty. On a full disk it
    /// is written over, which takes no room.
    pub(super) fn replace_status(&self, bytes: &[u8]) -> std::io::Result<()> {
        self.spare
            .lend(errno::of, || file::replace("supervise/status", bytes))
            .or_else(|_| file::overwrite(Path::new("supervise/status"), bytes))
    }

    /// Empties `supervise/death_tally`; `first`: it is not there yet.
    pub(super) fn empty_tally(&self, first: bool) {
        // Without it only s6-svdt has less to show.
        let _ = match first {
            true => {
                let mode = Mode::from_bits_truncate(0o644);
                mknod(TALLY, SFlag::S_IFREG, mode, 0).map_err(Into::into)
            }
            false => file::replace(TALLY, &[]),
        };
    }

    /// Appends to `supervise/death_tally`, which keeps the last `max`.
    pub(super) fn append_to_tally(&self, death: Death, max: usize) {
        // As above: only s6-svdt has less to show.
        let _ = self.spare.lend(errno::of, || {
            let mut deaths = match file::head_unfollowed(TALLY.as_bytes(), tally::MAX_BYTES) {
                Ok(before) => tally::decode(&before),
                // What is no file of ours is replaced by one.
                Err(Errno::ENOENT | Errno::ELOOP) => Vec::new(),
                Err(e) => return Err(e.into()),
            };
            deaths.push(death);
            let kept = &deaths[deaths.len().saturating_sub(max.min(tally::MAX))..];
            file::replace(TALLY, &tally::encode(kept))
        });
    }

    /// Makes `down`, or removes it.
    pub(super) fn set_down(&self, present: bool) -> std::io::Result<()> {
        match present {
            true => self.spare.lend(errno::of, || file::write("down", &[])),
            false => fs::remove_file("down"),
        }
    }
}

/// Opens a FIFO so that it never blocks and never ends; makes it (0600) if it is not there.
pub(super) fn open_fifo(path: &Path) -> Result<OwnedFd, Errno> {
    match nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(e) => return Err(e),
    }
    let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(AT_FDCWD, path, flags, Mode::empty())
}

/// Makes a directory (0700); true if it was not there. Where a dangling link stands in its place,
/// makes what the link points to (a read-only service directory with a writable /run).
fn make_directory(path: &str) -> Result<bool, Errno> {
    let mode = Mode::from_bits_truncate(0o700);
    match nix::unistd::mkdir(path, mode) {
        Ok(()) => Ok(true),
        Err(Errno::EEXIST) if Path::new(path).is_dir() => Ok(false),
        Err(Errno::EEXIST) => {
            let target = fs::read_link(path).map_err(|_| Errno::ENOTDIR)?;
            nix::unistd::mkdir(&target, mode).map(|()| true)
        }
        Err(e) => Err(e),
    }
}
