//! A line on a terminal that shows what is waited for, and disappears afterwards.

use super::terminal::visible;
use crate::sys::fd;
use std::io::IsTerminal;

/// The most names that are shown.
const MAX_NAMES: usize = 5;
/// Back to the first column, and nothing on the line.
const CLEAR: &str = "\r\x1b[K";

/// The line on stderr; nothing at all where that is no terminal.
pub(super) struct Progress {
    is_terminal: bool,
    shown: String,
}

impl Progress {
    /// Nothing yet.
    pub(super) fn new() -> Self {
        Self { is_terminal: fd::borrow(&2).is_terminal(), shown: String::new() }
    }

    /// Shows `VERB a, b and 3 more`.
    pub(super) fn show<'a>(&mut self, verb: &str, names: impl Iterator<Item = &'a str>) {
        let text = visible(&sentence(verb, names)).into_owned();
        if self.is_terminal && text != self.shown {
            fd::write_to_stderr(format!("{CLEAR}{text}").as_bytes());
            self.shown = text;
        }
    }

    /// Makes room for other lines.
    pub(super) fn clear(&mut self) {
        if !self.shown.is_empty() {
            fd::write_to_stderr(CLEAR.as_bytes());
            self.shown.clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn sentence<'a>(verb: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.collect();
    let first: Vec<_> = names.iter().take(MAX_NAMES).copied().collect();
    let more = match names.len().saturating_sub(first.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match first.is_empty() {
        true => String::new(),
        false => format!("{verb} {}{more} …", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_are_cut() {
        assert_eq!(sentence("starting", ["a", "b"].into_iter()), "starting a, b …");
        let many = ["a", "b", "c", "d", "e", "f", "g"];
        assert_eq!(sentence("x", many.into_iter()), "x a, b, c, d, e and 2 more …");
        assert_eq!(sentence("x", [].into_iter()), "");
    }
}
