//! A screen on the terminal that is redrawn again and again. Afterwards the terminal shows what it
//! showed before.

use super::CommandFailure;
use crate::sys::poll::{Deadline, readable};
use crate::sys::winsize;
use crate::sys::{errno, fd};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::io;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The other screen, without a cursor; and back.
const OPEN: &str = "\x1b[?1049h\x1b[?25l";
const CLOSE: &str = "\x1b[?25h\x1b[?1049l";
/// Drawing goes over what is there, so that nothing flickers: to the first place, and then what is
/// left of each line, and of the screen, is cleared.
const HOME: &str = "\x1b[H";
const CLEAR_LINE: &str = "\x1b[K";
const CLEAR_REST: &str = "\x1b[J";
const NO_COLOUR: &str = "\x1b[0m";

/// The screen of the terminal on stdout; it is closed with its owner.
pub(super) struct Screen {
    signals: SignalDelivery<UnixStream, SignalOnly>,
}

impl Screen {
    /// Opens it. From now on, signals that would end the program wait to be read.
    pub(super) fn open() -> Result<Self, CommandFailure> {
        let signals =
            catch().map_err(|e| CommandFailure::system("catch signals", errno::of(&e)))?;
        // The first drawing reports what is wrong with stdout.
        let _ = fd::write_all(1, OPEN.as_bytes());
        Ok(Self { signals })
    }

    /// Draws as much of a text as there is room for; the exit code if it cannot be written.
    pub(super) fn draw(&self, text: &str) -> i32 {
        super::print(&frame(text, winsize::of(1)))
    }

    /// Waits for some time, or until the size of the terminal changes. `Some`: a signal came; exit
    /// with this code.
    pub(super) fn wait(&mut self, span: Duration) -> Result<Option<i32>, CommandFailure> {
        let failed = |e| CommandFailure::system("wait for signals", e);
        readable(&[self.signals.get_read()], Deadline::after(span)).map_err(failed)?;
        let end = self.signals.pending().find(|signal| *signal != SIGWINCH);
        Ok(end.map(|signal| 128 + signal))
    }
}

fn catch() -> io::Result<SignalDelivery<UnixStream, SignalOnly>> {
    let (read, write) = UnixStream::pair()?;
    let which = [SIGINT, SIGTERM, SIGHUP, SIGWINCH];
    SignalDelivery::with_pipe(read, write, SignalOnly, which)
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing restored.
        let _ = fd::write_all(1, CLOSE.as_bytes());
    }
}

/// The text, cut to so many columns and rows.
fn frame(text: &str, size: Option<(usize, usize)>) -> String {
    let (columns, rows) = size.unwrap_or((usize::MAX, usize::MAX));
    let mut lines: Vec<String> = text.lines().map(|line| cut(line, columns)).collect();
    if lines.len() > rows {
        let hidden = lines.len() - rows.saturating_sub(1);
        lines.truncate(rows.saturating_sub(1));
        lines.push(cut(&format!("… {hidden} more"), columns));
    }
    // No newline after the last one: it would scroll.
    let lines = lines.join(&format!("{CLEAR_LINE}\r\n"));
    format!("{HOME}{lines}{CLEAR_LINE}{CLEAR_REST}")
}

/// A line of at most so many characters; colours take no room.
fn cut(line: &str, columns: usize) -> String {
    let (mut shown, mut in_escape) = (0, false);
    for (at, c) in line.char_indices() {
        if c == '\x1b' || in_escape {
            in_escape = c != 'm';
        } else if shown == columns {
            return format!("{}{NO_COLOUR}", line.get(..at).unwrap_or_default());
        } else {
            shown += 1;
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc\x1b[0m");
        assert_eq!(cut("\x1b[31mabc\x1b[0m", 3), "\x1b[31mabc\x1b[0m");
        assert_eq!(cut("\x1b[31mäbcd\x1b[0m", 2), "\x1b[31mäb\x1b[0m");
        let frame = frame("one\ntwo\nthree\n", Some((9, 2)));
        assert_eq!(frame, "\x1b[Hone\x1b[K\r\n… 2 more\x1b[K\x1b[J");
    }

    #[test]
    fn what_fits_is_whole() {
        assert_eq!(frame("a\nb\n", Some((9, 2))), "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
        assert_eq!(frame("", None), "\x1b[H\x1b[K\x1b[J");
    }
}
