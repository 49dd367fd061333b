//! The working directory of this process. It is that of the service that is being handled: one
//! chdir(2) then serves all that is done with its files.
//!
//! Operations that depend on it take a guard, which only entering a directory returns; while a
//! guard exists, nothing can change the directory.

use super::common_lock::CommonLock;
use super::service::Service;
use super::spare::Spare;
use crate::definition::HANDED_ON;
use crate::format::tally::{self, Death};
use crate::graph::ServiceId;
use crate::sys::lock::Lock;
use crate::sys::{errno, fifodir, file};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, UtimensatFlags, fchmodat, stat, utimensat};
use nix::sys::time::TimeSpec;
use std::cell::Cell;
use std::fs;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Where this process is.
#[derive(Debug, Default)]
pub(super) struct WorkingDirectory {
    /// The service whose directory it is.
    service: Option<ServiceId>,
    /// The descriptors that are reserved for the files of services.
    pub spare: Spare,
    /// What the services of the tree begin with.
    pub common: Option<CommonLock>,
}

/// A guard: the working directory is the one that was entered last.
#[derive(Debug)]
pub(super) struct Inside<'a> {
    /// Of the working directory, which nothing changes as long as this lives.
    pub spare: &'a Spare,
    /// The same.
    pub common: Option<&'a CommonLock>,
}

/// A guard: the working directory is that of a service.
#[derive(Debug)]
pub(super) struct ServiceDirectory<'a> {
    inside: Inside<'a>,
    /// The service's name in messages and in `argv[1]` of run.
    pub name: String,
    /// The files that it was made with, if it is one of the live tree.
    made_of: Option<MadeOf>,
    /// Whether it is, once that was looked at.
    unchanged: Cell<Option<bool>>,
}

/// Which of `HANDED_ON` a directory was made with, a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MadeOf(u64);

impl MadeOf {
    /// A directory that was made with these.
    pub(super) fn new(handed_on: &[&str]) -> Self {
        Self(handed_on.iter().filter_map(|name| bit(name)).fold(0, |all, bit| all | bit))
    }

    /// Whether it lacked a file. `false` for a file of another kind.
    fn lacks(self, file: &str) -> bool {
        bit(file).is_some_and(|bit| self.0 & bit == 0)
    }
}

fn bit(file: &str) -> Option<u64> {
    HANDED_ON.iter().position(|name| *name == file).and_then(|at| 1u64.checked_shl(at as u32))
}

/// The modification time of a directory that nobody but us has changed. Whatever is made, removed
/// or renamed in it sets another time, so that a single stat(2) replaces one for each file. It is
/// so long ago that no clock shows it again.
const UNCHANGED: TimeSpec = TimeSpec::new(1, 1);

/// Marks a directory as unchanged from now on.
fn mark_unchanged(directory: &str) -> Result<(), Errno> {
    let accessed = TimeSpec::UTIME_OMIT;
    utimensat(AT_FDCWD, directory, &accessed, &UNCHANGED, UtimensatFlags::FollowSymlink)
}

fn is_unchanged(directory: &str) -> bool {
    stat(directory).is_ok_and(|found| {
        TimeSpec::new(found.st_mtime as _, found.st_mtime_nsec as _) == UNCHANGED
    })
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
        let inside = self.inside();
        let (name, made_of) = (service.name.clone(), service.made_of);
        Ok(ServiceDirectory { inside, name, made_of, unchanged: Cell::new(None) })
    }

    /// Goes into a directory that is no service's.
    pub(super) fn enter_other(&mut self, directory: &Path) -> Result<Inside<'_>, Unreachable> {
        self.service = None;
        match nix::unistd::chdir(directory) {
            Ok(()) => Ok(self.inside()),
            Err(errno) => Err(Unreachable { directory: directory.to_owned(), errno, remedy: "" }),
        }
    }

    fn inside(&self) -> Inside<'_> {
        Inside { spare: &self.spare, common: self.common.as_ref() }
    }

    /// Forgets where this process is, because the services get other directories.
    pub(super) fn forget(&mut self) {
        self.service = None;
    }
}

/// The files by which others see and control a supervised service.
impl ServiceDirectory<'_> {
    /// Makes `event` as s6 does; true if it was not there. One that is there is left as it is. In a
    /// directory that is not ours, a new one may have got another group than ours.
    pub(super) fn make_event(&self, foreign: bool) -> Result<bool, Errno> {
        if !make_directory("event")? {
            return Ok(false);
        }
        if foreign {
            // Refused where the group is not ours either; the group that it has counts then.
            let _ = nix::unistd::chown("event", None, Some(nix::unistd::getegid()));
        }
        let mode = Mode::from_bits_truncate(0o3730);
        fchmodat(AT_FDCWD, "event", mode, FchmodatFlags::FollowSymlink)?;
        // Without the mark, listeners are looked for where there are none.
        let _ = mark_unchanged("event");
        Ok(true)
    }

    /// Whether nobody has listened to `event` since it was made.
    pub(super) fn is_event_unchanged(&self) -> bool {
        is_unchanged("event")
    }

    /// Marks the directory as what it was made of, and what supervision adds.
    pub(super) fn mark_as_made(&self) {
        // Without the mark, its files are looked for one by one.
        let _ = mark_unchanged(".");
    }

    /// Whether a file is known not to be there.
    pub(super) fn lacks(&self, file: &str) -> bool {
        if !self.made_of.is_some_and(|made_of| made_of.lacks(file)) {
            return false;
        }
        let unchanged = self.unchanged.get().unwrap_or_else(|| is_unchanged("."));
        self.unchanged.set(Some(unchanged));
        unchanged
    }

    /// Removes the FIFOs of `event` whose listeners have gone.
    pub(super) fn clean_event(&self) {
        // The next notification removes what is left.
        let _ = fifodir::clean(b"event");
    }

    /// Notifies the listeners of `event`.
    pub(super) fn notify(&self, letters: &[u8]) {
        // Without the directory there are no listeners.
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

    /// Removes the `supervise/death_tally` of an earlier supervision.
    ///
    /// Differs: the first death makes one, and not the beginning of supervision.
    pub(super) fn forget_deaths(&self) {
        // If that fails, s6-svdt only shows more.
        let _ = fs::remove_file(TALLY);
    }

    /// Adds to `supervise/death_tally`, which keeps the last `max`, a death that is at most the
    /// `number`th there.
    pub(super) fn add_to_tally(&self, death: Death, number: usize, max: usize) {
        let max = max.min(tally::MAX);
        let added = self.spare.lend(errno::of, || match number > max {
            true => Err(Errno::EFBIG.into()),
            false => file::append(TALLY, &death.encode()),
        });
        if added.is_ok() {
            return;
        }
        // If that fails, s6-svdt only shows less.
        let _ = self.spare.lend(errno::of, || {
            let mut deaths = match file::head_unfollowed(TALLY.as_bytes(), tally::MAX_BYTES) {
                Ok(before) => tally::decode(&before),
                // What is no file of ours is replaced by one.
                Err(Errno::ENOENT | Errno::ELOOP) => Vec::new(),
                Err(e) => return Err(e.into()),
            };
            deaths.push(death);
            let kept = &deaths[deaths.len().saturating_sub(max)..];
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

/// Opens a FIFO so that it never blocks and never ends; makes it (0600) if it is not there, or
/// something else is.
pub(super) fn open_fifo(path: &Path) -> Result<OwnedFd, Errno> {
    let make = || nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600));
    match make() {
        Ok(()) => {}
        Err(Errno::EEXIST) if is_fifo(path) => {}
        // Whatever it is, nobody can wake us by it.
        Err(Errno::EEXIST) => nix::unistd::unlink(path).and_then(|()| make())?,
        Err(e) => return Err(e),
    }
    let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(AT_FDCWD, path, flags, Mode::empty())
}

fn is_fifo(path: &Path) -> bool {
    let found = nix::sys::stat::lstat(path);
    found.is_ok_and(|found| found.st_mode & nix::libc::S_IFMT == nix::libc::S_IFIFO)
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
