//! One supervised service directory: the files by which the world sees and drives it, byte for
//! byte those of s6-supervise. Every path is relative: the caller is in the service directory.

use crate::engine::{Exit, Longrun};
use crate::format::status::{self, Status};
use crate::format::tai::Tain;
use crate::format::tally::{self, Death};
use crate::sys::lock::Lock;
use crate::sys::{clock, fifodir, file};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, openat};
use nix::sys::stat::{Mode, SFlag, mknod};
use nix::unistd::Pid;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What PID 1 keeps of a service.
#[derive(Debug)]
pub struct Service {
    /// Its name in messages and in `argv[1]` of run: `NAME`, or `NAME/log`.
    pub name: String,
    /// Its live directory; for a oneshot, that in which its scripts run.
    pub directory: PathBuf,
    /// The directory itself, for one that was found in the scan directory: its name there may go
    /// before it does.
    pub handle: Option<OwnedFd>,
    /// While it is supervised.
    pub supervision: Option<Supervision>,
    /// The pipe in which it tells its readiness.
    pub readiness: Option<OwnedFd>,
    /// The processes of its scripts.
    pub processes: Processes,
    /// How the last script of a oneshot ended.
    pub last_script: Option<Exit>,
    /// What stands in `supervise/status`, but for what the engine knows. Of a oneshot, the stamp
    /// alone counts: when its last script started or ended.
    pub status: Status,
    /// `supervise/status` may not be what it should be.
    pub stale: bool,
    /// What stands there.
    written: Option<[u8; status::LENGTH]>,
    /// Its `event` was made just now: nobody can be listening yet.
    pub fresh: bool,
}

/// The processes of a service that are alive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Processes {
    /// `run`.
    pub run: Option<Pid>,
    /// `finish`.
    pub finish: Option<Pid>,
    /// `up`, `down` or `reload`.
    pub oneshot: Option<Pid>,
    /// The `run` that finish is told of.
    pub last_run: Option<Pid>,
}

/// What is open while a directory is supervised.
#[derive(Debug)]
pub struct Supervision {
    /// `supervise/control`, for reading; it never sees an end of file.
    pub control: OwnedFd,
    /// `supervise/lock`, held.
    _lock: Lock,
}

/// Why a directory cannot be supervised.
#[derive(Debug, thiserror::Error)]
pub enum Unsupervisable {
    /// Another supervisor holds the lock.
    #[error("another supervisor is already running on it: stop that one first")]
    Locked,
    /// One of its files cannot be made.
    #[error("unable to make {}: {}", .0, .1.desc())]
    File(&'static str, Errno),
}

impl Service {
    /// A service that is not supervised yet.
    pub fn new(name: String, directory: PathBuf) -> Self {
        let status = Status::not_started(stamp(), false);
        let processes = Processes::default();
        Self {
            name,
            directory,
            handle: None,
            supervision: None,
            readiness: None,
            processes,
            last_script: None,
            status,
            stale: false,
            written: None,
            fresh: false,
        }
    }

    /// One that was found in the scan directory.
    pub fn found(name: String, directory: PathBuf) -> Self {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let handle = open(&directory, flags, Mode::empty()).ok();
        Self { handle, ..Self::new(name, directory) }
    }

    /// Goes into its directory.
    pub fn enter(&self) -> Result<(), Errno> {
        match &self.handle {
            Some(handle) => nix::unistd::fchdir(handle),
            None => nix::unistd::chdir(&self.directory),
        }
    }

    /// Begins its supervision, as s6-supervise starts up: directories, lock, FIFO. The engine has
    /// the status written and the event told.
    pub fn supervise(&mut self) -> Result<(), Unsupervisable> {
        use Unsupervisable::File;
        self.fresh = make_event_directory(self.handle.is_some()).map_err(|e| File("event", e))?;
        let first = make_directory("supervise").map_err(|e| File("supervise", e))?;
        self.status = Status::not_started(stamp(), false);
        let bytes = self.status.encode();
        // There is no control yet: nobody can wait for this one.
        let written = first && file::write("supervise/status", &bytes).is_ok();
        self.written = written.then_some(bytes);
        let lock = Lock::take(b"supervise/lock", 0o644)
            .map_err(|e| File("supervise/lock", e))?
            .ok_or(Unsupervisable::Locked)?;
        let control = open_fifo("supervise/control").map_err(|e| File("supervise/control", e))?;
        if !self.fresh {
            let _ = fifodir::clean(b"event");
        }
        if first {
            let mode = Mode::from_bits_truncate(0o644);
            let _ = mknod("supervise/death_tally", SFlag::S_IFREG, mode, 0);
        } else {
            let _ = file::write("supervise/death_tally", &[]);
        }
        self.supervision = Some(Supervision { control, _lock: lock });
        Ok(())
    }

    /// Ends its supervision.
    pub fn unsupervise(&mut self) {
        self.supervision = None;
        self.readiness = None;
    }

    /// A script of a oneshot ended.
    pub fn script_ended(&mut self, exit: Exit) {
        self.processes.oneshot = None;
        self.last_script = Some(exit);
        self.status.stamp = stamp();
    }

    /// Replaces `supervise/status` by what the engine and the processes say now.
    pub fn update_status(&mut self, longrun: &Longrun) {
        let pid = self.processes.run.or(self.processes.finish);
        self.status.pid = pid.map_or(0, |p| p.as_raw() as u64);
        self.status.finishing = self.processes.run.is_none() && self.processes.finish.is_some();
        // "Not started yet" is written as paused and ready at once.
        self.status.paused = longrun.paused() || longrun.never_started();
        self.status.want_up = longrun.wanted();
        self.status.ready = longrun.ready() || longrun.never_started();
        self.write_status();
    }

    /// Readers never see it half written, nor empty: not even the first one, for which they may
    /// be waiting. A failure here (a full disk) must not stop supervision, and there is no one to
    /// tell. What stands there already is not written again, however many letters have come.
    fn write_status(&mut self) {
        let bytes = self.status.encode();
        self.stale = false;
        if self.written == Some(bytes) {
            return;
        }
        let written = file::replace("supervise/status", &bytes);
        self.written = written.is_ok().then_some(bytes);
    }

    /// Appends a death to `supervise/death_tally`, which keeps the last `max`.
    pub fn tally(&self, exit: Exit, max: usize) {
        let (exit_code, signal) = match exit {
            Exit::Code(code) => (code, 0),
            Exit::Signal(signal) => (128u8.wrapping_add(signal), signal),
        };
        let before = file::head(b"supervise/death_tally", tally::MAX_BYTES).unwrap_or_default();
        let mut deaths = tally::decode(&before);
        deaths.push(Death { stamp: self.status.stamp, exit_code, signal });
        let from = deaths.len().saturating_sub(max.min(tally::MAX));
        let kept = deaths.get(from..).unwrap_or_default();
        let _ = file::replace("supervise/death_tally", &tally::encode(kept));
    }
}

/// The time now, as status files have it.
pub fn stamp() -> Tain {
    Tain::from_utc(clock::utc())
}

/// Opens a FIFO so that it never blocks and never ends; makes it (0600) if it is not there.
pub fn open_fifo(path: &str) -> Result<OwnedFd, Errno> {
    match nix::unistd::mkfifo(path, Mode::from_bits_truncate(0o600)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(e) => return Err(e),
    }
    let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    openat(AT_FDCWD, path, flags, Mode::empty())
}

/// Makes `event` as s6 does; true if it was not there. One that is there is left as it is. In a
/// directory that is not ours, a new one may have got another group than ours.
fn make_event_directory(foreign: bool) -> Result<bool, Errno> {
    if !make_directory("event")? {
        return Ok(false);
    }
    if foreign {
        let _ = nix::unistd::chown("event", None, Some(nix::unistd::getegid()));
    }
    nix::sys::stat::fchmodat(
        nix::fcntl::AT_FDCWD,
        "event",
        Mode::from_bits_truncate(0o3730),
        nix::sys::stat::FchmodatFlags::FollowSymlink,
    )?;
    Ok(true)
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
