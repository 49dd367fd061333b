//! A line of a log, and when it was written.

use crate::format::civil::nine_digits;
use crate::format::logline::{LinePart, LineStyle};
use crate::format::output::{LogStream, LogTime};
use crate::format::tai::{LABEL, Tain};
use crate::sys::timezone::{Zone, civil};
use std::time::Duration;

/// The length of `2026-11-21 00:35:27.452399058`.
const CIVIL: usize = 29;
/// What stands where that has no digit.
const SEPARATORS: [(usize, u8); 6] =
    [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':'), (19, b'.')];

/// A line without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LogLine {
    /// Who wrote it, if the line knows that itself.
    pub service: Option<String>,
    /// Date and time, local; that of the line before it where it has none.
    pub stamp: String,
    text: Vec<u8>,
    /// When it was written, since 1970, if that is known so.
    at: Option<Duration>,
    stream: LogStream,
    part: LinePart,
}

impl LogLine {
    /// Reads a line as s6-log writes it: with a TAI64N label, an ISO 8601 time, or neither.
    pub(super) fn read(bytes: &[u8], before: &str) -> Self {
        let (stamp, text) = match (labelled(bytes), is_civil(bytes)) {
            (Some(stamp), _) => (Some(stamp), bytes.get(LABEL..)),
            (None, true) => {
                let stamp = bytes.get(..CIVIL).map(|s| String::from_utf8_lossy(s).into_owned());
                (stamp, bytes.get(CIVIL..))
            }
            (None, false) => (None, None),
        };
        let text = text.unwrap_or(bytes);
        let blanks = text.iter().take_while(|byte| stamp.is_some() && **byte == b' ').count();
        let text = text.get(blanks..).unwrap_or_default().to_vec();
        let stamp = stamp.unwrap_or_else(|| before.to_owned());
        let (stream, part) = (LogStream::Stdout, LinePart::default());
        Self { service: None, stamp, text, at: None, stream, part }
    }

    /// One that was written so long after 1970.
    pub(super) fn at(since_epoch: Duration, text: &[u8]) -> Self {
        Self {
            service: None,
            stamp: stamp(since_epoch).unwrap_or_default(),
            text: text.to_vec(),
            at: Some(since_epoch),
            stream: LogStream::Stderr,
            part: LinePart::default(),
        }
    }

    /// The same of a service's stream, where it may be a part of a line.
    pub(super) fn of(self, service: &str, stream: LogStream, part: LinePart) -> Self {
        Self { service: Some(service.to_owned()), stream, part, ..self }
    }

    /// `STAMP  NAME | TEXT` and a newline.
    pub(super) fn shown(&self, name: &str, width: usize) -> String {
        let gap = if self.stamp.is_empty() { "" } else { "  " };
        let mark = if self.part.before == 0 { '|' } else { '+' };
        let text = String::from_utf8_lossy(&self.text);
        format!("{}{gap}{name:width$} {mark} {text}\n", self.stamp)
    }

    /// An object, as with `SIXTREE_LOG=json`. A line whose logger alone knows its time has that.
    pub(super) fn json(&self, name: &str, is_ours: bool) -> String {
        let time = match (self.at, self.stamp.is_empty()) {
            (None, true) => Some(LogTime::None),
            _ => Some(LogTime::Iso),
        };
        let style = LineStyle::json(name, self.stream, time, is_ours);
        let time = match self.at {
            Some(at) => style.time(at),
            None if self.stamp.is_empty() => Vec::new(),
            None => format!("\"time\":\"{}\",", self.stamp).into(),
        };
        let mut out = Vec::new();
        style.write(&mut out, &time, self.part, &self.text);
        String::from_utf8_lossy(&out).into_owned()
    }
}

fn labelled(bytes: &[u8]) -> Option<String> {
    stamp(Tain::parse(bytes)?.to_utc()?.since_epoch)
}

/// The local date and time so long after 1970.
pub(super) fn stamp(since_epoch: Duration) -> Option<String> {
    let date = civil(since_epoch.as_secs(), Zone::Local)?;
    let digits = nine_digits(since_epoch.subsec_nanos());
    Some(format!("{date}.{}", String::from_utf8_lossy(&digits)))
}

fn is_civil(bytes: &[u8]) -> bool {
    let Some(stamp) = bytes.get(..CIVIL) else { return false };
    let fits = |(place, byte): (usize, &u8)| match SEPARATORS.iter().find(|(at, _)| *at == place) {
        Some((_, separator)) => byte == separator,
        None => byte.is_ascii_digit(),
    };
    stamp.iter().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_stamps_are_understood_and_compare() {
        let iso = LogLine::read(b"2026-11-21 00:35:27.452399058  hello", "");
        assert_eq!(iso.shown("web", 5), "2026-11-21 00:35:27.452399058  web   | hello\n");
        let label = Tain::from_utc(Duration::from_nanos(1_500_000_000)).label();
        let tai = LogLine::read(&[&label[..], b" hi"].concat(), "");
        assert_eq!((tai.text.as_slice(), &tai.stamp[19..]), (b"hi".as_slice(), ".500000000"));
        assert!(tai.stamp < iso.stamp);
    }

    #[test]
    fn a_line_without_a_stamp_stays_with_the_one_before() {
        let line = LogLine::read(b"  at main.rs:3", "2026-11-21 00:35:27.452399058");
        assert_eq!(line.text, b"  at main.rs:3");
        assert!(line.stamp.starts_with("2026"));
        assert_eq!(LogLine::read(b"x", "").shown("a", 1), "a | x\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_line(bytes: Vec<u8>) {
            prop_assert!(LogLine::read(&bytes, "").shown("a", 1).ends_with('\n'));
        }
    }
}
