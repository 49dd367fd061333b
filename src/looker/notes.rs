//! What services say of themselves: the messages of sd_notify(3). All of them send to one socket;
//! the kernel says whose a message is.
//! Reference: <https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html>.

use super::watched::Watched;
use crate::format::look::Sighting;
use crate::sys::socket::{self, SignedMessage};
use crate::sys::usage;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// How many messages are taken in one wake-up, so that a flood of them cannot starve the rest.
const BATCH: usize = 64;

/// The most messages of unknown senders that are kept, and how long: the order to look at a
/// service may come after its first message.
const MAX_HELD: usize = 64;
const HELD_FOR: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// The longest status that is told, in bytes.
const LONGEST_STATUS: usize = 200;

/// Messages that have come.
#[derive(Default)]
pub(crate) struct NotifyQueue {
    held: VecDeque<(SignedMessage, Instant)>,
}

impl NotifyQueue {
    /// Takes what has come.
    pub(crate) fn receive(&mut self, socket: RawFd) {
        for _ in 0..BATCH {
            let Ok(message) = socket::receive_signed(socket) else { return };
            if self.held.len() < MAX_HELD {
                self.held.push_back((message, Instant::now()));
            }
        }
    }

    /// When to look again for the senders of what is held.
    pub(crate) fn due(&self) -> Option<Instant> {
        let first = self.held.front()?;
        Some((first.1 + HELD_FOR).min(Instant::now() + LOOK_AGAIN))
    }

    /// What the messages say, and which service says it. A message of a process that belongs to no
    /// service that may send one is dropped.
    pub(crate) fn take(
        &mut self,
        watched: &mut BTreeMap<u32, Watched>,
        now: Instant,
    ) -> Vec<(u32, Sighting)> {
        let mut found = Vec::new();
        // A message goes with the descriptors that came along: for BARRIER=1, their end is the
        // answer, and what was sent before has been handled by then.
        for (message, came) in std::mem::take(&mut self.held) {
            match sender(message.pid, watched) {
                Some(watched) => {
                    let service = watched.watch.service;
                    for note in parse(&message.bytes) {
                        found.extend(heed(note, watched, now).map(|what| (service, what)));
                    }
                }
                None if now.duration_since(came) < HELD_FOR => {
                    self.held.push_back((message, came));
                }
                None => {}
            }
        }
        found
    }
}

/// The service that a process belongs to, if it may send messages.
fn sender(pid: i32, watched: &mut BTreeMap<u32, Watched>) -> Option<&mut Watched> {
    let may = |pid: i32| watched.values().any(|w| w.watch.notifies && w.watch.pid == pid);
    let owner = usage::owner(usage::of_process(pid)?, &usage::of_process, &may)?;
    watched.values_mut().find(|watched| watched.watch.notifies && watched.watch.pid == owner)
}

/// What a line of a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum NotifyLine {
    /// Something for PID 1.
    Tell(Sighting),
    /// `WATCHDOG=1`.
    Alive,
}

fn heed(note: NotifyLine, watched: &mut Watched, now: Instant) -> Option<Sighting> {
    match note {
        NotifyLine::Tell(what) => Some(what),
        NotifyLine::Alive => {
            if watched.watchdog_at.is_some() {
                watched.pat(now);
            }
            None
        }
    }
}

/// Reads a message. What is not known is ignored, as by systemd.
fn parse(message: &[u8]) -> Vec<NotifyLine> {
    message.split(|&b| b == b'\n').filter_map(line).collect()
}

fn line(line: &[u8]) -> Option<NotifyLine> {
    let at = line.iter().position(|&b| b == b'=')?;
    let (name, value) = (line.get(..at)?, line.get(at + 1..)?);
    let refused = |why: &str| Some(NotifyLine::Tell(Sighting::Refused(why.to_owned())));
    match (name, value) {
        (b"READY", b"1") => Some(NotifyLine::Tell(Sighting::Ready)),
        (b"RELOADING", b"1") => Some(NotifyLine::Tell(Sighting::Reloading)),
        (b"STOPPING", b"1") => Some(NotifyLine::Tell(Sighting::Stopping)),
        (b"STATUS", text) => Some(NotifyLine::Tell(Sighting::Status(status(text)))),
        (b"WATCHDOG", b"1") => Some(NotifyLine::Alive),
        (b"WATCHDOG", b"trigger") => Some(NotifyLine::Tell(Sighting::WatchdogMissed(None))),
        (b"EXTEND_TIMEOUT_USEC", digits) => {
            let microseconds: u64 = crate::format::decimal::parse(digits)?;
            let ms = u32::try_from(microseconds.div_ceil(1000)).unwrap_or(u32::MAX);
            Some(NotifyLine::Tell(Sighting::Extend(ms)))
        }
        (b"MAINPID", _) => refused("MAINPID: the process of run is the service"),
        (b"WATCHDOG_USEC", _) => refused("WATCHDOG_USEC: the file watchdog says how often"),
        (b"FDSTORE", b"1") => refused("FDSTORE: there is no store; see s6-fdholder-daemon"),
        _ => None,
    }
}

/// As much of a status as is told, without what could do something to a terminal.
fn status(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut shown = String::new();
    for character in text.chars().filter(|character| !character.is_control()) {
        if shown.len() + character.len_utf8() > LONGEST_STATUS {
            break;
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::look::LookerWatch;
    use proptest::prelude::*;

    #[test]
    fn a_message_has_several_lines() {
        let notes = parse(b"READY=1\nSTATUS=Serving \x1b[2J 3 requests\nX_OTHER=1\nnonsense\n");
        let want = [Sighting::Ready, Sighting::Status("Serving [2J 3 requests".into())];
        assert_eq!(notes, want.map(NotifyLine::Tell));
        assert_eq!(parse(b"WATCHDOG=1"), [NotifyLine::Alive]);
        assert_eq!(parse(b"WATCHDOG=trigger"), [NotifyLine::Tell(Sighting::WatchdogMissed(None))]);
        assert_eq!(
            parse(b"EXTEND_TIMEOUT_USEC=2500001"),
            [NotifyLine::Tell(Sighting::Extend(2501))]
        );
        assert_eq!(parse(b"EXTEND_TIMEOUT_USEC=-1\nREADY=0\n=\n"), []);
        assert!(matches!(parse(b"MAINPID=1")[..], [NotifyLine::Tell(Sighting::Refused(_))]));
        let long = status("é".repeat(1000).as_bytes());
        assert_eq!(long.len(), LONGEST_STATUS);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(message: Vec<u8>) {
            let _ = parse(&message);
        }
    }

    /// Those of a process that belongs to none are kept for a while, and dropped.
    #[test]
    fn a_message_is_of_the_service_that_sent_it() {
        let own = std::process::id() as i32;
        let watch = |service, pid, notifies| LookerWatch {
            service,
            pid,
            notifies,
            ..LookerWatch::default()
        };
        let now = Instant::now();
        let mut watched: BTreeMap<u32, Watched> = [watch(1, own, true), watch(2, i32::MAX, true)]
            .map(|watch| (watch.service, Watched::new(watch, None, now)))
            .into();
        let message = |pid| SignedMessage { pid, bytes: b"READY=1".to_vec(), _fds: Vec::new() };
        let mut notes = NotifyQueue::default();
        notes.held.extend([(message(own), now), (message(1), now)]);
        assert_eq!(notes.take(&mut watched, now), [(1, Sighting::Ready)]);
        assert_eq!(notes.held.len(), 1);
        assert_eq!(notes.take(&mut watched, now + HELD_FOR), []);
        assert_eq!(notes.held.len(), 0);
        watched.insert(1, Watched::new(watch(1, own, false), None, now));
        notes.held.push_back((message(own), now));
        assert_eq!(notes.take(&mut watched, now + HELD_FOR), []);
    }
}
