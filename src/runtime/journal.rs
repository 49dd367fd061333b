//! The messages of PID 1. It writes them to stderr in whole lines, and never blocks: a reader of
//! the container's log that does not read must not stop the supervision of services. They are also
//! kept for `sixtree logs`, in memory because there may be no disk to write to, and up to a limit.

use crate::format::request::{JournalEntry, JournalPage};
use crate::sys::clock;
use crate::sys::nonblocking::NonblockingWriter;
use nix::errno::Errno;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// The most lines held back while stderr is full; further ones are counted and dropped.
const MAX_LINES: usize = 1000;

/// The most that is remembered, in bytes; the oldest lines are forgotten first.
const MAX_REMEMBERED: usize = 64 << 10;

/// A queue of lines before stderr, and what is remembered.
#[derive(Debug)]
pub(super) struct Journal {
    output: NonblockingWriter,
    lines: VecDeque<Vec<u8>>,
    dropped: u64,
    entries: VecDeque<HeldLine>,
    remembered: usize,
    forgotten: u64,
}

/// A line that is remembered.
#[derive(Debug)]
struct HeldLine {
    /// Since 1970.
    at: Duration,
    /// It went to stderr too.
    said: bool,
    text: Box<str>,
}

impl HeldLine {
    fn size(&self) -> usize {
        size_of::<Self>() + self.text.len()
    }
}

impl Journal {
    /// A journal on the stderr of this process.
    pub(super) fn new() -> Self {
        let output = NonblockingWriter::new(2);
        let (lines, entries) = (VecDeque::new(), VecDeque::new());
        Self { output, lines, dropped: 0, entries, remembered: 0, forgotten: 0 }
    }

    /// Remembers a line that need not be said.
    pub(super) fn note(&mut self, text: &str) {
        self.remember(text, false);
    }

    fn remember(&mut self, text: &str, said: bool) {
        let entry = HeldLine { at: clock::utc(), said, text: text.into() };
        self.remembered += entry.size();
        self.entries.push_back(entry);
        while self.remembered > MAX_REMEMBERED
            && let Some(oldest) = self.entries.pop_front()
        {
            self.remembered -= oldest.size();
            self.forgotten += 1;
        }
    }

    /// What is remembered, from this entry on.
    pub(super) fn page(&self, from: u64) -> JournalPage {
        let skipped = usize::try_from(from.saturating_sub(self.forgotten)).unwrap_or(usize::MAX);
        let entry = |e: &HeldLine| JournalEntry {
            at_us: e.at.as_micros() as u64,
            said: e.said,
            text: e.text.clone().into(),
        };
        let entries = self.entries.iter().skip(skipped).map(entry).collect();
        JournalPage { entries, next: self.forgotten + self.entries.len() as u64 }
    }

    /// Writes a line (without its newline), or keeps it for when there is room.
    pub(super) fn line(&mut self, text: &str) {
        self.remember(text, true);
        if self.lines.len() >= MAX_LINES {
            self.dropped += 1;
            return;
        }
        self.lines.push_back(format!("{text}\n").into_bytes());
        self.flush();
    }

    /// Whether lines are waiting.
    pub(super) fn waiting(&self) -> bool {
        !self.lines.is_empty()
    }

    /// The descriptor to wait on for room.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.output.as_fd()
    }

    /// Writes what there is room for.
    pub(super) fn flush(&mut self) {
        while let Some(mut line) = self.lines.pop_front() {
            match self.output.write(&line) {
                Ok(n) if n < line.len() => {
                    line.drain(..n);
                    self.lines.push_front(line);
                }
                Ok(_) => self.account_for_dropped(),
                Err(Errno::EINTR) => self.lines.push_front(line),
                Err(Errno::EAGAIN) => return self.lines.push_front(line),
                // stderr is broken (closed, full disk), and there is no other place to report that.
                Err(_) => {}
            }
        }
    }

    fn account_for_dropped(&mut self) {
        if self.lines.is_empty() && self.dropped > 0 {
            let text = format!("sixtree: warning: {} lines lost: stderr was full\n", self.dropped);
            self.lines.push_back(text.into_bytes());
            self.dropped = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_oldest_is_forgotten() {
        let mut journal = Journal::new();
        let count = MAX_REMEMBERED / size_of::<HeldLine>();
        (0..count).for_each(|n| journal.note(&n.to_string()));
        let page = journal.page(0);
        assert!(journal.forgotten > 0 && journal.remembered <= MAX_REMEMBERED);
        assert_eq!(page.entries[0].text, journal.forgotten.to_string());
        assert_eq!(page.next, count as u64);
        assert_eq!(journal.page(count as u64 - 1).entries[0].text, (count - 1).to_string());
        assert_eq!(journal.page(u64::MAX).entries, []);
    }

    #[test]
    fn a_line_that_is_longer_than_the_memory_is_forgotten_at_once() {
        let mut journal = Journal::new();
        journal.note(&"x".repeat(MAX_REMEMBERED));
        assert_eq!((journal.remembered, journal.page(0).next), (0, 1));
    }
}
