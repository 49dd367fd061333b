//! What PID 1 remembers of what it said and did.

use super::line::Line;
use crate::cli::live;
use crate::format::request::Request;
use serde_json::Value;
use std::time::Duration;

/// PID 1's memory, and how far it has been read.
pub struct Journal {
    next: u64,
    /// What it said is in the catch-all log, which is shown too.
    said_elsewhere: bool,
}

impl Journal {
    /// One of which nothing has been read.
    pub fn new(said_elsewhere: bool) -> Self {
        Self { next: 0, said_elsewhere }
    }

    /// What has been added since; nothing once the init is gone.
    pub fn fresh(&mut self) -> Vec<Line> {
        let answer = live::ask(&Request::Journal(self.next)).unwrap_or_default();
        let journal = answer.get("journal").cloned().unwrap_or_default();
        self.next = journal["next"].as_u64().unwrap_or(self.next);
        let entries = journal["entries"].as_array().map_or(&[][..], Vec::as_slice);
        entries.iter().filter_map(|entry| self.line(entry)).collect()
    }

    fn line(&self, entry: &Value) -> Option<Line> {
        let at = Duration::from_micros(entry[0].as_u64()?);
        let is_elsewhere = self.said_elsewhere && entry[1].as_bool()?;
        (!is_elsewhere).then_some(Line::at(at, entry[2].as_str()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_catch_all_log_has_is_not_shown_twice() {
        let said = json!([1_500_000, true, "hello"]);
        let shown = |elsewhere| Journal::new(elsewhere).line(&said).map(|l| l.shown("init", 4));
        assert!(shown(false).unwrap().ends_with(".500000000  init | hello\n"));
        assert_eq!(shown(true), None);
        assert!(Journal::new(true).line(&json!([1, false, "x"])).is_some());
        assert!(Journal::new(true).line(&json!(["x"])).is_none());
    }
}
