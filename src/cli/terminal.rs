//! What stdout is: a terminal of some size, with colours or without.

use crate::sys::{fd, winsize};
use crate::tools::Environment;
use std::io::IsTerminal;

/// How wide a text for something else than a terminal is.
const WIDTH: usize = 80;

/// Whether stdout is a terminal.
pub fn is_terminal() -> bool {
    fd::borrow(1).is_terminal()
}

/// Whether stdout is a terminal on which colours are welcome.
pub fn has_colours() -> bool {
    is_terminal() && Environment::inherited().get(b"NO_COLOR").is_none()
}

/// How many columns a line may have: those of the terminal, else what COLUMNS says, else 80.
pub fn width() -> usize {
    let told = Environment::inherited();
    let told = told.get(b"COLUMNS").and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    winsize::of(1).map(|(columns, _)| columns).or(told).unwrap_or(WIDTH)
}

/// A text in a colour, given as the number that terminals know it by.
pub fn coloured(text: &str, colour: Option<&str>) -> String {
    match colour {
        Some(colour) => format!("\x1b[{colour}m{text}\x1b[0m"),
        None => text.to_owned(),
    }
}
