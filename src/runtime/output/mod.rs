//! The output process, as PID 1 sees it: a child that is started when something is to be shown by
//! it, and again when it dies. All that must outlive it is held here: the pipes of services, those
//! on the way to the container's stdout and stderr, and the memory of what was said. PID 1 reads
//! none of it.

mod follow;
mod parts;

use crate::engine::Time;
use crate::format::output::{LogMode, LogSettings};
use crate::graph::ServiceId;
use crate::sys::fd;
use nix::errno::Errno;
use nix::unistd::Pid;
use parts::{HeldSource, OutputParts};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// At the end, how long nothing may come on until what is left is given up.
const STANDSTILL: Duration = Duration::from_secs(5);

/// Descriptors below this are left to whoever started the container, who may use them to hold back
/// its boot.
const LEAST: RawFd = 10;

/// What PID 1 itself says is shown under this name.
const OWN_NAME: &str = "init";

/// The sinks: the container's stdout, its stderr, and the FIFO of the catch-all logger.
const CATCH_ALL: usize = 2;

/// What may be shown by it, and it itself while it is needed.
#[derive(Debug, Default)]
pub(crate) struct OutputHolder {
    settings: LogSettings,
    /// The container's stdout and stderr, if ours lead to the output process.
    container: Option<(OwnedFd, OwnedFd)>,
    parts: Option<OutputParts>,
    /// Where `sixtree logs` may ask.
    socket_path: Option<PathBuf>,
    /// What the catch-all logger reads, if there is one.
    catch_all: Option<RawFd>,
    /// Loss that has been reported: a sink.
    lost: Vec<u32>,
    /// It has been said that a service goes without.
    lack_said: bool,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// A service.
    Service(ServiceId),
    /// The CMD.
    Cmd,
}

impl OutputHolder {
    /// Nothing is shown by it yet.
    pub(crate) fn new(settings: LogSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Where `sixtree logs` may ask, once there is something to ask for.
    pub(crate) fn answer_at(&mut self, socket: &Path) {
        self.socket_path = Some(socket.to_owned());
        if let Some(parts) = &mut self.parts {
            parts.listen(socket);
        }
    }

    /// What the catch-all logger reads.
    pub(crate) fn set_catch_all(&mut self, fifo: RawFd) {
        self.catch_all = Some(fifo);
    }

    /// Where services are not shown as they are, our own stdout and stderr go through the output
    /// process from now on, and so do those of whatever we start.
    pub(crate) fn take_over(&mut self) -> Result<(), Errno> {
        if matches!(self.settings.mode, LogMode::Plain | LogMode::None) {
            return Ok(());
        }
        let container =
            (fd::duplicate(fd::borrow(&1), LEAST)?, fd::duplicate(fd::borrow(&2), LEAST)?);
        let own = HeldSource::new(OWN_NAME, self.settings.mode, [0, 1])?;
        let mut parts = OutputParts::new()?;
        parts.start((container.0.as_raw_fd(), container.1.as_raw_fd()))?;
        if let Some([stdout, stderr]) = &own.write {
            fd::copy(1, stdout.as_raw_fd())?;
            fd::copy(2, stderr.as_raw_fd())?;
        }
        parts.add(own);
        parts.tell(self.settings);
        self.container = Some(container);
        self.parts = Some(parts);
        Ok(())
    }

    /// The container's own stdout and stderr.
    pub(crate) fn container(&self) -> (RawFd, RawFd) {
        match &self.container {
            Some((stdout, stderr)) => (stdout.as_raw_fd(), stderr.as_raw_fd()),
            None => (1, 2),
        }
    }

    /// Where our own stdout and stderr lead: to the output process, or where services write.
    pub(super) fn own(&self, services: (RawFd, RawFd)) -> (RawFd, RawFd) {
        if self.container.is_some() && self.catch_all.is_none() { (1, 2) } else { services }
    }

    /// The descriptors that somebody writes to who is shown by the output process, if that is so.
    /// `plain` are those that they would have otherwise.
    pub(super) fn ends(
        &mut self,
        writer: Writer,
        name: &str,
        mode: Option<LogMode>,
        plain: (RawFd, RawFd),
    ) -> Result<Option<(RawFd, RawFd)>, Errno> {
        let mode = mode.unwrap_or(self.settings.mode);
        if mode == LogMode::Plain {
            return Ok(None);
        }
        let (Some(stdout), Some(stderr)) = (self.sink_of(plain.0), self.sink_of(plain.1)) else {
            return Ok(None);
        };
        let fifo = self.catch_all;
        let parts = self.parts()?;
        if stdout == CATCH_ALL || stderr == CATCH_ALL {
            parts.add_catch_all(fifo)?;
        }
        let id = match parts.known(writer, name) {
            Some(id) => id,
            None => {
                let id = parts.add(HeldSource::new(name, mode, [stdout, stderr])?);
                match writer {
                    Writer::Service(service) => drop(parts.by_service.insert(service, id)),
                    Writer::Cmd => parts.cmd = Some(id),
                }
                id
            }
        };
        Ok(parts.writes(id))
    }

    fn sink_of(&self, number: RawFd) -> Option<usize> {
        let (stdout, stderr) = self.container();
        match number {
            _ if Some(number) == self.catch_all => Some(CATCH_ALL),
            _ if number == stdout => Some(0),
            _ if number == stderr => Some(1),
            _ => None,
        }
    }

    fn parts(&mut self) -> Result<&mut OutputParts, Errno> {
        if self.parts.is_none() {
            let mut parts = OutputParts::new()?;
            // Number 0 is our own, who write to the container's as we always did.
            parts.sources.push(None);
            self.socket_path.iter().for_each(|path| parts.listen(path));
            self.parts = Some(parts);
        }
        self.parts.as_mut().ok_or(Errno::ENOMEM)
    }

    /// The process, if it runs.
    pub(super) fn pid(&self) -> Option<Pid> {
        self.parts.as_ref()?.process.as_ref().map(|process| process.pid)
    }

    /// When to start it again.
    pub(super) fn due(&self) -> Option<Time> {
        self.parts.as_ref()?.start_at
    }

    /// Nobody writes to services' pipes any more: what is in them is read to the end. Whether it
    /// has been.
    pub(super) fn let_services_end(&mut self) -> bool {
        let settings = self.settings;
        let Some(parts) = &mut self.parts else { return true };
        parts.is_finishing = true;
        parts.sources.iter_mut().skip(1).flatten().for_each(|held| held.write = None);
        parts.tell(settings);
        let is_over = parts.sources.iter().skip(1).all(Option::is_none);
        if is_over {
            parts.sinks.truncate(CATCH_ALL);
            parts.catch_all = None;
        }
        is_over
    }

    /// Waits until all that was said is shown, for as long as it comes on. Our own stdout and
    /// stderr are the container's again.
    pub(crate) fn finish(mut self) {
        let (settings, container) = (self.settings, self.container());
        if self.container.is_some() {
            // They are open.
            let _ = fd::copy(1, container.0).and_then(|()| fd::copy(2, container.1));
        }
        let Some(mut parts) = self.parts.take() else { return };
        parts.is_finishing = true;
        parts.sources.iter_mut().flatten().for_each(|held| held.write = None);
        let (mut left, mut seen_at) = (parts.left(), Instant::now());
        loop {
            if parts.process.is_none() && parts.start(container).is_err() {
                return;
            }
            parts.tell(settings);
            if parts.wait_for_end(Duration::from_millis(100)) {
                return;
            }
            let now_left = parts.left();
            if now_left != left {
                (left, seen_at) = (now_left, Instant::now());
            } else if seen_at.elapsed() >= STANDSTILL {
                return parts.kill();
            }
        }
    }

    /// A service has gone: what is left in its pipes is read.
    pub(super) fn forget_service(&mut self, id: ServiceId) {
        let Some(parts) = &mut self.parts else { return };
        let known = parts.by_service.remove(&id);
        let held = known.and_then(|id| parts.sources.get_mut(id as usize));
        if let Some(Some(held)) = held {
            held.write = None;
        }
    }

    fn forget_source(&mut self, id: u32) {
        let Some(parts) = &mut self.parts else { return };
        let place = parts.sources.get_mut(id as usize).filter(|_| id > 0);
        // One that somebody may still write to is told anew.
        if let Some(place) = place
            && place.as_ref().is_some_and(|held| held.write.is_none())
        {
            *place = None;
        }
    }
}
