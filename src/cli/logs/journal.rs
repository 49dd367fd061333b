//! The journal of PID 1, which it keeps in memory.

use super::line::LogLine;
use crate::cli::live;
use crate::format::request::JournalEntry;
use std::time::Duration;

/// Reads the journal of PID 1, from where it has been read before.
pub(super) struct JournalReader {
    next: u64,
    /// The messages that went to stderr are in the catch-all log, which is shown as well.
    said_elsewhere: bool,
}

impl JournalReader {
    /// One of which nothing has been read.
    pub(super) fn new(said_elsewhere: bool) -> Self {
        Self { next: 0, said_elsewhere }
    }

    /// What has been added since; nothing once the init is gone.
    pub(super) fn fresh(&mut self) -> Vec<LogLine> {
        // Without an init there is nothing new, and the loggers may still have something.
        let Ok(page) = live::journal(self.next) else { return Vec::new() };
        self.next = page.next;
        page.entries.iter().filter_map(|entry| self.line(entry)).collect()
    }

    fn line(&self, entry: &JournalEntry) -> Option<LogLine> {
        let is_elsewhere = self.said_elsewhere && entry.said;
        (!is_elsewhere)
            .then(|| LogLine::at(Duration::from_micros(entry.at_us), entry.text.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_catch_all_log_has_is_not_shown_twice() {
        let said = JournalEntry { at_us: 1_500_000, said: true, text: "hello".into() };
        let shown =
            |elsewhere| JournalReader::new(elsewhere).line(&said).map(|l| l.shown("init", 4));
        assert!(shown(false).unwrap().ends_with(".500000000  init | hello\n"));
        assert_eq!(shown(true), None);
        assert!(JournalReader::new(true).line(&JournalEntry { said: false, ..said }).is_some());
    }
}
