//! A logging directory: lines go to `current`, which is archived when it is full.
//! Reference: <https://skarnet.org/software/s6/s6-log.html#logdir>.

use super::archive;
use super::files::{clean_size, complete_mode, file_mode, open_current, recover};
use super::script::Settings;
use super::stage::Stage;
use super::warnings::Warnings;
use crate::sys::lock::Lock;
use crate::sys::poll::Deadline;
use crate::tools::die::show;
use crate::tools::s6::outbox::Outbox;
use crate::tools::{Exit, Process};
use memchr::{memchr, memrchr};
use nix::errno::Errno;
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{fsync, mkdir, write};
use std::os::fd::OwnedFd;

/// One read hardly ever gives more than this, in bytes, with a stamp on each line. What is more
/// counts as a backlog.
const AT_ONCE: usize = 32 << 10;

/// An open logging directory.
pub(super) struct Logdir {
    /// What the script says about it.
    pub settings: Settings,
    /// Nobody else writes to the directory as long as this is held.
    _lock: Lock,
    /// The file `current`.
    pub(super) current: OwnedFd,
    /// How many bytes it has.
    pub(super) bytes: u64,
    /// What is still to be written to it.
    pub outbox: Outbox,
    /// How far a rotation has come.
    pub(super) stage: Stage,
    /// How often its processor has failed.
    pub(super) failures: u32,
    /// When to try again what has failed.
    pub retry: Deadline,
    /// When to rotate, whatever the size.
    pub next_period: Deadline,
    /// Whether it was said that nothing can be written.
    complained: bool,
}

impl Logdir {
    /// Opens the directory, making it if need be, and cleans up after a crash.
    pub(super) fn open(process: &Process, settings: Settings) -> Result<Self, Exit> {
        let dir = settings.dir.as_slice();
        let unable = |what: &str| process.unable(format!("{what} {}", show(dir)));
        match mkdir(dir, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(e) => return Err(unable("mkdir")(e)),
        }
        let lock_file = archive::path(dir, b"lock");
        let lock = Lock::take(&lock_file, 0o666)
            .map_err(process.unable(format_args!("open {}", show(&lock_file))))?
            .ok_or(Errno::EBUSY)
            .map_err(process.unable(format_args!("lock {}", show(&lock_file))))?;
        let bytes = match clean_size(dir).map_err(unable("stat current in"))? {
            Some(bytes) => bytes,
            None => {
                recover(&settings).map_err(unable("recover logdir"))?;
                0
            }
        };
        let current = open_current(dir).map_err(unable("open current in"))?;
        fchmod(&current, file_mode()).map_err(unable("chmod current in"))?;
        Ok(Self {
            _lock: lock,
            current,
            bytes,
            outbox: Outbox::default(),
            stage: Stage::Idle,
            failures: 0,
            retry: Deadline::NEVER,
            next_period: settings.period.map_or(Deadline::NEVER, Deadline::after),
            complained: false,
            settings,
        })
    }

    /// The path of one of its files.
    pub(super) fn path(&self, name: &[u8]) -> Vec<u8> {
        archive::path(&self.settings.dir, name)
    }

    /// Whether nothing is left to be written, and no rotation under way.
    pub(super) fn is_settled(&self) -> bool {
        self.outbox.is_empty() && self.stage == Stage::Idle
    }

    /// Writes what can be written, and rotates when the file is full.
    pub(super) fn flush(&mut self, warnings: Warnings) {
        while !self.outbox.is_empty() && self.may_write() {
            let pending = self.outbox.pending();
            let n = self.fitting(pending);
            match write(&self.current, &pending[..n]) {
                Ok(0) => return self.cannot_write(Errno::ENOSPC, warnings),
                Ok(n) => {
                    let ends_line = pending.get(n - 1) == Some(&b'\n');
                    self.outbox.advance(n);
                    self.bytes += n as u64;
                    self.complained = false;
                    if ends_line && self.is_full() && self.stage == Stage::Idle {
                        self.rotate(warnings);
                    }
                }
                Err(Errno::EINTR) => {}
                Err(e) => return self.cannot_write(e, warnings),
            }
        }
    }

    /// Whether `current` takes bytes now. While an archive is processed it does, until it is full.
    fn may_write(&self) -> bool {
        match self.stage {
            Stage::Idle => true,
            stage => stage.has_new_file() && !self.is_full(),
        }
    }

    fn is_full(&self) -> bool {
        self.bytes + self.settings.tolerance >= self.settings.file_size
    }

    /// How many of these bytes go to this file. What was read at once is written at once, whole
    /// lines of it, even if the first of them fills the file: a kill while it is rotated, which
    /// takes as long as the disk does, is not to find the others here. A backlog goes up to the
    /// line that fills the file.
    fn fitting(&self, pending: &[u8]) -> usize {
        if pending.len() <= AT_ONCE {
            return memrchr(b'\n', pending).map_or(pending.len(), |at| at + 1);
        }
        let room = self.settings.file_size.saturating_sub(self.settings.tolerance + self.bytes);
        let from = usize::try_from(room).unwrap_or(usize::MAX).saturating_sub(1);
        let tail = pending.get(from..).unwrap_or_default();
        memchr(b'\n', tail).map_or(pending.len(), |at| from + at + 1)
    }

    fn cannot_write(&mut self, e: Errno, warnings: Warnings) {
        if !std::mem::replace(&mut self.complained, true) {
            warnings.unable_with("write to", &self.path(b"current"), e);
        }
        self.retry_later();
    }

    pub(super) fn retry_later(&mut self) {
        self.retry = Deadline::after(self.settings.retry);
    }

    /// Does what the clock says: tries again, rotates.
    pub(super) fn look_at_clock(&mut self, warnings: Warnings) {
        if self.retry.has_passed() {
            self.retry = Deadline::NEVER;
            self.go_on_rotating(warnings);
        }
        if self.next_period.has_passed() {
            self.next_period = self.settings.period.map_or(Deadline::NEVER, Deadline::after);
            self.flush(warnings);
            self.rotate(warnings);
        }
    }

    /// Marks `current` as complete: the next writer goes on with it.
    pub(super) fn seal(&self) -> Result<(), Errno> {
        fsync(&self.current)?;
        fchmod(&self.current, complete_mode())
    }
}
