//! s6-tai64n, s6-tai64nlocal and s6-tai64ndiff: stamp lines, and make stamps readable.
//! Reference: <https://skarnet.org/software/s6/s6-tai64n.html> and the pages beside it.

use super::dates::Dates;
use crate::format::tai::{LABEL, Tain};
use crate::sys::clock;
use crate::sys::timezone::Zone;
use crate::tools::lines;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::io::Write;

/// `s6-tai64n`: puts a stamp before every line.
pub(super) fn stamp(process: &mut Process, _argv: Vec<Word>) -> Result<Next, Exit> {
    lines::filter(process, |line, out| {
        out.extend_from_slice(&Tain::from_utc(clock::utc()).label());
        out.push(b' ');
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.push(b'\n');
        }
    })
}

/// `s6-tai64nlocal [ -g ]`: replaces the stamp that begins a line by date and time.
pub(super) fn local(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "g")?;
    let mut dates = Dates::new(if options.has('g') { Zone::Utc } else { Zone::Local });
    lines::filter(process, |line, out| {
        let utc = stamp_of(line).and_then(Tain::to_utc);
        let dated = utc.is_some_and(|utc| dates.append(utc, out));
        out.extend_from_slice(if dated { &line[LABEL..] } else { line });
    })
}

/// `s6-tai64ndiff`: replaces the stamp that begins a line by the seconds since the one before. A
/// line without a stamp begins anew.
pub(super) fn difference(process: &mut Process, _argv: Vec<Word>) -> Result<Next, Exit> {
    let mut before = None;
    lines::filter(process, |line, out| {
        let now = stamp_of(line);
        let rest = if now.is_some() { &line[LABEL..] } else { line };
        if let Some(now) = now {
            // Writing to a string cannot fail.
            let _ = match before.map(|before| apart(before, now)) {
                None => write!(out, "[          .          ]"),
                Some((seconds, nanoseconds)) => write!(out, "[{seconds:>10}.{nanoseconds:09} ]"),
            };
        }
        out.extend_from_slice(rest);
        before = now;
    })
}

/// The stamp that begins a line, and is not all of it.
fn stamp_of(line: &[u8]) -> Option<Tain> {
    Tain::parse(line).filter(|_| line.len() > LABEL)
}

/// How far `now` is from `before`: seconds, and nanoseconds forward from there.
fn apart(before: Tain, now: Tain) -> (i64, u32) {
    let seconds = now.seconds.wrapping_sub(before.seconds).cast_signed();
    match now.nanoseconds.checked_sub(before.nanoseconds) {
        Some(nanoseconds) => (seconds, nanoseconds),
        None => (seconds - 1, now.nanoseconds + 1_000_000_000 - before.nanoseconds),
    }
}
