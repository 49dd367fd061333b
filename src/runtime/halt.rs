//! The FIFO of s6-linux-init-shutdownd, through which `halt`, `poweroff` and `reboot` ask for a
//! stop.

use super::Runtime;
use super::control::{LETTERS, letters};
use super::directory::open_fifo;
use crate::engine::{Event, Time};
use crate::format::shutdown::Message;
use crate::sys::errno;
use nix::errno::Errno;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// The FIFO, and the delayed stop.
#[derive(Debug)]
pub(super) struct HaltFifo {
    fifo: OwnedFd,
    /// The beginning of a message.
    bytes: Vec<u8>,
    /// When a stop that was put off begins.
    stop_at: Option<Time>,
}

impl HaltFifo {
    /// Makes the FIFO in the scan directory.
    pub(super) fn open(scan_directory: &Path) -> Result<Self, Errno> {
        let directory = scan_directory.join("s6-linux-init-shutdownd");
        std::fs::create_dir_all(&directory).map_err(|e| errno::of(&e))?;
        let fifo = open_fifo(&directory.join("fifo"))?;
        Ok(Self { fifo, bytes: Vec::new(), stop_at: None })
    }

    /// The descriptor to wait on.
    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fifo
    }

    /// When a stop that was put off begins.
    pub(super) fn due(&self) -> Option<Time> {
        self.stop_at
    }

    /// Reads the messages that have come. Each was written at once: where no more bytes wait, the
    /// beginning of a message is no more than a stray letter.
    fn read(&mut self) -> Vec<Message> {
        let read = letters(self.fifo.as_raw_fd());
        let is_all = read.len() < LETTERS;
        self.bytes.extend(read);
        let messages = std::iter::from_fn(|| Message::take(&mut self.bytes)).collect();
        if is_all {
            self.bytes.clear();
        }
        messages
    }
}

impl Runtime {
    /// Does what the messages ask for.
    pub(super) fn read_halt(&mut self) {
        let now = self.now();
        let messages = self.halt.as_mut().map(HaltFifo::read).unwrap_or_default();
        for message in messages {
            let stop_at = match message {
                Message::Cancel => None,
                Message::Stop(stop) if stop.delay.is_zero() => {
                    self.note_stop("halt");
                    self.feed(Event::Stop);
                    continue;
                }
                Message::Stop(stop) => {
                    self.note_stop("shutdown");
                    let delay_ms = u64::try_from(stop.delay.as_millis()).unwrap_or(u64::MAX);
                    Some(Time(now.0.saturating_add(delay_ms)))
                }
            };
            if let Some(halt) = &mut self.halt {
                halt.stop_at = stop_at;
            }
        }
    }

    /// Begins the stop that was put off, if it is time to.
    pub(super) fn stop_if_due(&mut self) {
        let now = self.now();
        if let Some(halt) = &mut self.halt
            && halt.stop_at.is_some_and(|at| at <= now)
        {
            halt.stop_at = None;
            self.feed(Event::Stop);
        }
    }
}
