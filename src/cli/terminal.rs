//! What stdout is: a terminal of some size, with colours or without.

use crate::definition::MARK;
use crate::sys::{fd, winsize};
use crate::tools::Environment;
use std::borrow::Cow;
use std::io::IsTerminal;

/// How wide a text for something else than a terminal is.
const WIDTH: usize = 80;

/// Whether stdout is a terminal.
pub(super) fn is_terminal() -> bool {
    fd::borrow(&1).is_terminal()
}

/// Whether stdout is a terminal on which colours are welcome.
pub(super) fn has_colours() -> bool {
    is_terminal() && Environment::inherited().get(b"NO_COLOR").is_none()
}

/// How many columns a line may have: those of the terminal, else what COLUMNS says, else 80.
pub(super) fn width() -> usize {
    let environment = Environment::inherited();
    let set =
        environment.get(b"COLUMNS").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    winsize::of(1).map(|(columns, _)| columns).or(set).unwrap_or(WIDTH)
}

/// A text from elsewhere, made safe to print: characters that would move the cursor, change colours
/// or reverse lines are shown as escapes. Line feeds stay.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_hidden(c) {
            true => shown.extend(c.escape_debug()),
            false => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal would interpret a character instead of showing it.
fn is_hidden(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\n') || turns || c == MARK
}

/// A text in a colour, given as the number that terminals know it by.
pub(super) fn coloured(text: &str, colour: Option<&str>) -> String {
    match colour {
        Some(colour) => format!("\x1b[{colour}m{text}\x1b[0m"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_hide_is_shown() {
        let hostile = "a\x1b[2Jb\u{9b}1mc\r\t\u{202e}d\u{feff}\x07";
        let shown = r"a\u{1b}[2Jb\u{9b}1mc\r\t\u{202e}d\u{feff}\u{7}";
        assert_eq!(visible(hostile), shown);
        assert_eq!(visible("Grüße\n"), "Grüße\n");
    }
}
