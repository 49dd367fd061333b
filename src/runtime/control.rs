//! Orders from outside that come through FIFOs, one letter each.

use super::directory::open_fifo;
use super::halt::HaltFifo;
use super::poller::Source;
use super::{Role, Runtime};
use crate::engine::{Control, Event, Target};
use crate::format::control;
use crate::graph::ServiceId;
use crate::sys::errno;
use crate::sys::fd;
use crate::sys::lock::Lock;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// How many letters are read from a FIFO at a time.
pub(super) const LETTERS: usize = 64;

impl Runtime {
    /// Opens the FIFOs and the socket by which this process is controlled.
    pub(super) fn open_controls(&mut self) {
        if self.settings.role == Role::Supervise {
            return;
        }
        let scan = self.open_scan_control();
        if let Err((file, e)) = scan {
            let text = format!("unable to open {}: {}", file.display(), errno::text(e));
            self.reporter.warn(&format!("sixtree: warning: {text}: s6-svscanctl will not work"));
        }
        if let Some(ready) = self.settings.ready.take() {
            // Whoever waits for it sees that it is closed.
            let _ = fd::write_all(ready, b"\n");
            fd::close(ready);
        }
        if self.settings.role != Role::Container {
            return;
        }
        let halt = HaltFifo::open(&self.settings.scan_directory)
            .and_then(|halt| self.poller.watch(halt.fd(), Source::Halt).map(|()| halt));
        match halt {
            Ok(halt) => self.halt = Some(halt),
            Err(e) => self.reporter.warn(&format!(
                "sixtree: warning: unable to make the FIFO of halt: {}: use kill -TERM 1",
                errno::text(e)
            )),
        }
        if let Err(e) = self.listen() {
            self.reporter.warn(&format!(
                "sixtree: warning: unable to listen for s6-rc: {}: s6-rc will not work",
                errno::text(e)
            ));
        }
    }

    fn open_scan_control(&mut self) -> Result<(), (PathBuf, Errno)> {
        let directory = self.settings.scan_directory.join(".s6-svscan");
        let fail = |e: std::io::Error| (directory.clone(), errno::of(&e));
        std::fs::create_dir_all(&directory).map_err(fail)?;
        // The lock is taken before anyone can send orders.
        let lock = directory.join("lock");
        let held = Lock::take(lock.as_os_str().as_bytes(), 0o600).map_err(|e| (lock, e))?;
        let fifo = directory.join("control");
        let opened = open_fifo(&fifo)
            .and_then(|opened| self.poller.watch(&opened, Source::Scan).map(|()| opened))
            .map_err(|e| (fifo, e))?;
        self.scan.open(opened, held);
        Ok(())
    }

    /// Reads a service's `supervise/control`.
    pub(super) fn read_control(&mut self, id: ServiceId) {
        let Some(service) = self.services.get(&id) else { return };
        let Some(supervision) = &service.supervision else { return };
        for letter in letters(supervision.control.as_raw_fd()) {
            self.note_control(id, letter);
            if let Some(order) = order(letter) {
                self.feed(Event::Control(id, order));
            }
        }
    }

    /// Reads what s6-svscanctl wrote.
    pub(super) fn read_scan_control(&mut self) {
        let Some(fifo) = self.scan.control() else { return };
        for letter in letters(fifo) {
            match letter {
                b'z' => self.reap(),
                b'a' => self.rescan(),
                b'n' => self.feed(Event::Prune { loggers: false }),
                b'N' => self.feed(Event::Prune { loggers: true }),
                b'h' => self.rescan_and_prune(),
                b't' | b'i' => self.leave(false, false),
                b'q' => self.leave(true, false),
                b'b' => self.leave(false, true),
                other => {
                    let shown = char::from(other);
                    self.reporter.warn(&format!(
                        "s6-svscan: warning: received unknown control command: {shown}"
                    ));
                }
            }
        }
    }

    /// Leaves the scan directory; a container stops.
    pub(super) fn leave(&mut self, loggers: bool, at_once: bool) {
        match self.settings.role {
            Role::Container => {
                self.note_stop("s6-svscanctl");
                self.feed(Event::Stop);
            }
            Role::Scan | Role::Supervise => {
                self.scan.leave();
                self.feed(Event::Leave { loggers, at_once });
            }
        }
    }
}

/// What a control letter orders; unknown ones are ignored, as s6-supervise ignores them.
fn order(letter: u8) -> Option<Control> {
    Some(match letter {
        b'u' => Control::Up { permanently: false },
        b'U' => Control::Up { permanently: true },
        b'd' => Control::Down { permanently: false },
        b'D' => Control::Down { permanently: true },
        b'o' => Control::Once,
        b'O' => Control::AtMostOnce { permanently: false },
        // Differs: s6-supervise 2.15 ignores `Q` (off by one); its page says what it should do.
        b'Q' => Control::AtMostOnce { permanently: true },
        b'x' => Control::Exit,
        b'r' => Control::Restart,
        b'l' => Control::Reload,
        b'p' => Control::Pause(Target::Process),
        b'c' => Control::Continue(Target::Process),
        b'P' => Control::Pause(Target::Group),
        b'C' => Control::Continue(Target::Group),
        b'K' => Control::KillGroup,
        other => Control::Signal(control::signal_of(other)?),
    })
}

/// The letters that wait in a FIFO.
pub(super) fn letters(fifo: RawFd) -> Vec<u8> {
    let mut buffer = [0; LETTERS];
    match fd::read(fifo, &mut buffer) {
        Ok(n) => buffer[..n].to_vec(),
        Err(_) => Vec::new(),
    }
}
