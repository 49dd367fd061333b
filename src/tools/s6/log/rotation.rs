//! How `current` becomes an archive, one step after the other. Each step can be tried again, and
//! after each a crash leaves enough for the next start to go by.

use super::archive::{self, Suffix};
use super::files::{complete_mode, open_current};
use super::logdir::Logdir;
use super::processor;
use super::stage::Stage;
use super::warnings::Warnings;
use crate::sys::process::WaitStatus;
use crate::tools::die::show;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, renameat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat};
use nix::unistd::{Pid, fsync, unlink};

/// What could not be done.
struct Failure {
    what: &'static str,
    errno: Errno,
}

fn unable(what: &'static str) -> impl Fn(Errno) -> Failure {
    move |errno| Failure { what, errno }
}

/// How often a processor may fail when nothing else is left to do.
const LAST_ATTEMPTS: u32 = 3;

impl Logdir {
    /// Begins a rotation, unless one is under way.
    pub(super) fn rotate(&mut self, warnings: Warnings) {
        if self.stage == Stage::Idle {
            self.stage = Stage::Sync;
            self.go_on_rotating(warnings);
        }
    }

    /// Goes as far as it can.
    pub(super) fn go_on_rotating(&mut self, warnings: Warnings) {
        while !matches!(self.stage, Stage::Idle | Stage::Processing(_)) {
            match self.step(warnings) {
                Ok(next) => self.stage = next,
                Err(Failure { what, errno }) => {
                    let dir = show(&self.settings.dir);
                    warnings.unable(format_args!("{what} in logdir {dir}"), errno);
                    return self.retry_later();
                }
            }
        }
    }

    fn step(&mut self, warnings: Warnings) -> Result<Stage, Failure> {
        match self.stage {
            Stage::Idle | Stage::Processing(_) => Ok(self.stage),
            Stage::Sync => {
                fsync(&self.current).map_err(unable("fsync current"))?;
                Ok(Stage::Rename)
            }
            Stage::Rename => {
                self.rename(b"current", b"previous").map_err(unable("rename current"))?;
                Ok(Stage::Renew)
            }
            Stage::Renew => {
                let opened = open_current(&self.settings.dir);
                self.current = opened.map_err(unable("open current"))?;
                self.bytes = 0;
                Ok(Stage::Seal)
            }
            Stage::Seal => {
                let (file, follow) = (self.path(b"previous"), FchmodatFlags::FollowSymlink);
                fchmodat(AT_FDCWD, file.as_slice(), complete_mode(), follow)
                    .map_err(unable("chmod previous"))?;
                self.failures = 0;
                let archive = Stage::Archive(Suffix::Rotated);
                Ok(self.settings.processor.as_ref().map_or(archive, |_| Stage::Process))
            }
            Stage::Archive(suffix) => self.archive(b"previous", suffix, warnings),
            // Differs: the original takes what filled the file for not written while this runs, and
            // writes it to the next file again.
            Stage::Process => self.start_processor(warnings),
            Stage::SealProcessed => {
                self.sync(b"processed", Some(complete_mode())).map_err(unable("seal processed"))?;
                Ok(Stage::SyncState)
            }
            Stage::SyncState => {
                self.sync(b"newstate", None).map_err(unable("fsync newstate"))?;
                Ok(Stage::DropPrevious)
            }
            Stage::DropPrevious => match unlink(self.path(b"previous").as_slice()) {
                Ok(()) | Err(Errno::ENOENT) => Ok(Stage::KeepState),
                Err(e) => Err(unable("unlink previous")(e)),
            },
            Stage::KeepState => {
                self.rename(b"newstate", b"state").map_err(unable("rename newstate"))?;
                Ok(Stage::ArchiveProcessed)
            }
            Stage::ArchiveProcessed => self.archive(b"processed", Suffix::Rotated, warnings),
        }
    }

    fn rename(&self, from: &[u8], to: &[u8]) -> Result<(), Errno> {
        renameat(AT_FDCWD, self.path(from).as_slice(), AT_FDCWD, self.path(to).as_slice())
    }

    fn sync(&self, name: &[u8], mode: Option<Mode>) -> Result<(), Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CLOEXEC;
        let file = open(self.path(name).as_slice(), flags, Mode::empty())?;
        fsync(&file)?;
        mode.map_or(Ok(()), |mode| fchmod(&file, mode))
    }

    fn archive(&self, name: &[u8], suffix: Suffix, warnings: Warnings) -> Result<Stage, Failure> {
        let settings = &self.settings;
        let failed = |file: &[u8], e| warnings.unable_with("unlink", file, e);
        archive::finish(settings, name, suffix, failed).map_err(unable("archive a file"))?;
        Ok(Stage::Idle)
    }

    fn start_processor(&mut self, warnings: Warnings) -> Result<Stage, Failure> {
        let Some(processor) = &self.settings.processor else {
            return Ok(Stage::Archive(Suffix::Rotated));
        };
        let started = processor::start(warnings.process, processor, &self.settings.dir);
        Ok(Stage::Processing(started.map_err(unable("spawn processor"))?))
    }

    /// Hears that a child has ended; it may be the processor.
    pub(super) fn child_ended(&mut self, child: Pid, status: WaitStatus, warnings: Warnings) {
        if self.stage != Stage::Processing(child) {
            return;
        }
        if status.code() == Some(0) {
            self.stage = Stage::SealProcessed;
            return self.go_on_rotating(warnings);
        }
        let how = if status.code().is_some() { "failed" } else { "crashed" };
        warnings.say(format_args!("processor {how} in {}", show(&self.settings.dir)));
        self.failures = self.failures.saturating_add(1);
        self.stage = Stage::Process;
        self.retry_later();
    }

    /// When only this keeps the program from ending: archives unprocessed what the processor has
    /// failed on several times, as the next start would. The original waits for ever.
    pub(super) fn give_up_on_processor(&mut self, warnings: Warnings) {
        if self.stage == Stage::Process && self.failures >= LAST_ATTEMPTS {
            for name in [&b"processed"[..], b"newstate"] {
                let _ = unlink(self.path(name).as_slice());
            }
            self.stage = Stage::Archive(Suffix::Unprocessed);
            self.go_on_rotating(warnings);
        }
    }
}
