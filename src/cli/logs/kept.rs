//! What the output process keeps of services: `SIXTREE_LOG`.

use super::line::LogLine;
use crate::cli::live;
use crate::format::logline::LinePart;
use crate::format::output::{KeptQuery, LOGS, LogRecord};
use crate::sys::poll::{self, Deadline};
use crate::sys::{fd, socket};
use nix::errno::Errno;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

/// Its answers, and how far they have been read.
pub(super) struct KeptReader {
    query: KeptQuery,
    socket: Option<OwnedFd>,
    unread: Vec<u8>,
    has_caught_up: bool,
}

impl KeptReader {
    /// Connects, to ask for lines of these services, or of all. `None`: nothing is kept here.
    pub(super) fn connect(names: Vec<String>, follow: bool) -> Option<Self> {
        let socket = socket::connect(&live::run_directory().join(LOGS)).ok()?;
        let query = KeptQuery { names, follow, ..KeptQuery::default() };
        Some(Self { query, socket: Some(socket), unread: Vec::new(), has_caught_up: false })
    }

    /// The last lines of each service.
    pub(super) fn last(&mut self, most: usize) -> Vec<LogLine> {
        self.query.lines = u32::try_from(most).ok();
        self.ask();
        self.query.lines = None;
        let mut lines = Vec::new();
        while self.socket.is_some() && !self.has_caught_up {
            self.read(&mut lines);
        }
        lines
    }

    /// What has been written since. It is asked for anew where another process answers now.
    pub(super) fn fresh(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        if self.socket.is_none() {
            self.socket = socket::connect(&live::run_directory().join(LOGS)).ok();
            self.unread.clear();
            self.ask();
        }
        while self.has_news(Duration::ZERO) && lines.len() < 10_000 {
            self.read(&mut lines);
        }
        lines
    }

    /// Waits until there is something to read, for so long at most. Whether there is.
    pub(super) fn has_news(&self, span: Duration) -> bool {
        let Some(socket) = &self.socket else { return false };
        poll::readable(&[socket], Deadline::after(span)).is_ok_and(|ready| !ready.is_empty())
    }

    fn ask(&mut self) {
        let Some(socket) = &self.socket else { return };
        if fd::write_all(socket.as_raw_fd(), &self.query.encode()).is_err() {
            self.socket = None;
        }
    }

    /// Reads once, and takes what is whole.
    fn read(&mut self, lines: &mut Vec<LogLine>) {
        let Some(socket) = &self.socket else { return };
        let mut buffer = [0; 65_536];
        match fd::read(socket.as_raw_fd(), &mut buffer) {
            Err(Errno::EAGAIN) => return,
            Ok(0) | Err(_) => {
                self.socket = None;
                return;
            }
            Ok(count) => self.unread.extend_from_slice(&buffer[..count]),
        }
        let unread = std::mem::take(&mut self.unread);
        let mut rest = unread.as_slice();
        while let Some((record, text, after)) = split(rest) {
            rest = after;
            if record.service.is_empty() {
                self.has_caught_up = true;
                continue;
            }
            self.query.after = self.query.after.max(record.number);
            lines.extend(lines_of(&record, text));
        }
        self.unread = rest.to_vec();
    }
}

/// The next record, its text, and what comes after it.
fn split(bytes: &[u8]) -> Option<(LogRecord, &[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = bytes.split_at(end);
    let record: LogRecord = LogRecord::decode(head)?;
    let (text, after) = rest.get(1..)?.split_at_checked(record.length as usize)?;
    Some((record, text, after))
}

fn lines_of(record: &LogRecord, text: &[u8]) -> Vec<LogLine> {
    let at = Duration::from_nanos(record.time_ns);
    let whole = text.strip_suffix(b"\n").unwrap_or(text);
    let mut before = record.before;
    let line = |text: &[u8]| {
        let part = LinePart { before: std::mem::take(&mut before), is_open: record.is_open };
        LogLine::at(at, text).of(&record.service, record.stream, part)
    };
    whole.split(|byte| *byte == b'\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::output::LogStream;

    #[test]
    fn records_are_taken_when_they_are_whole() {
        let record = LogRecord {
            service: "web".into(),
            stream: LogStream::Stderr,
            time_ns: 1_500_000_000,
            number: 7,
            before: 1,
            is_open: false,
            length: 8,
        };
        let mut bytes = record.encode();
        bytes.extend_from_slice(b"one\ntwo");
        assert!(split(&bytes).is_none());
        bytes.extend_from_slice(b"\nrest");
        let (read, text, after) = split(&bytes).unwrap();
        assert_eq!((&read, after), (&record, b"rest".as_slice()));
        let lines = lines_of(&read, text);
        assert!(lines[0].shown("web", 3).ends_with(".500000000  web + one\n"));
        assert!(lines[1].shown("web", 3).ends_with(".500000000  web | two\n"));
        assert!(lines[0].json("web", false).contains(r#""stream":"stderr","part":2,"line":"one""#));
    }
}
