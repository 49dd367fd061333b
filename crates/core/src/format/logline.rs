//! A line of a service as it is shown: behind the service's name, or as a JSON object.

use super::output::{LogMode, LogStream, LogTime};
use std::time::Duration;

/// The colours of names, as terminals know them: those that can be read on dark and on light.
const COLOURS: [&str; 12] =
    ["36", "33", "32", "35", "34", "31", "96", "93", "92", "95", "94", "91"];

/// The words for how bad a message of ours is.
const LEVELS: [&str; 4] = ["info", "warning", "fatal", "error"];

/// How much of a message of ours is looked at for its level.
const LEVEL_WITHIN: usize = 300;

/// What a line is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinePart {
    /// How many parts of the same line came before.
    pub before: u32,
    /// Whether more of it follows.
    pub is_open: bool,
}

/// How the lines of a stream are shown.
#[derive(Clone, Debug)]
pub struct LineStyle {
    mode: LogMode,
    time: LogTime,
    /// What stands before each line, but for the time.
    head: Vec<u8>,
    /// The lines are our own and s6-rc's, which say how bad things are.
    has_levels: bool,
}

impl LineStyle {
    /// `NAME | LINE`: the name in a colour of its own, and as wide as others, if it is told so.
    pub fn prefix(name: &str, colour: Option<usize>, time: Option<LogTime>) -> Self {
        let head = match colour {
            Some(width) => format!("\x1b[{}m{name:width$}\x1b[0m ", colour_of(name)),
            None => format!("{name} "),
        };
        let time = time.unwrap_or(LogTime::None);
        Self { mode: LogMode::Prefix, time, head: head.into(), has_levels: false }
    }

    /// An object. `has_levels`: the lines say themselves how bad things are.
    pub fn json(name: &str, stream: LogStream, time: Option<LogTime>, has_levels: bool) -> Self {
        let mut head = b"\"service\":\"".to_vec();
        escape(&mut head, name);
        head.extend_from_slice(b"\",\"stream\":\"");
        head.extend_from_slice(stream.name().as_bytes());
        head.extend_from_slice(b"\",");
        Self { mode: LogMode::Json, time: time.unwrap_or(LogTime::Iso), head, has_levels }
    }

    /// Lines that are not shown.
    pub fn none() -> Self {
        let (mode, time) = (LogMode::None, LogTime::None);
        Self { mode, time, head: Vec::new(), has_levels: false }
    }

    /// Whether there is anything to see.
    pub fn is_shown(&self) -> bool {
        self.mode != LogMode::None
    }

    /// A time since 1970, as the lines of this style have it.
    pub fn time(&self, since_epoch: Duration) -> Vec<u8> {
        match (self.time, self.mode) {
            (LogTime::None, _) => Vec::new(),
            (LogTime::Iso, LogMode::Json) => format!("\"time\":\"{}\",", iso(since_epoch)).into(),
            (LogTime::Unix, LogMode::Json) => format!("\"time\":{},", unix(since_epoch)).into(),
            (LogTime::Iso, _) => format!("{} ", iso(since_epoch)).into(),
            (LogTime::Unix, _) => format!("{} ", unix(since_epoch)).into(),
        }
    }

    /// No line of so many bytes is longer than this when it is shown.
    pub fn longest(&self, length: usize) -> usize {
        let text = if self.mode == LogMode::Json { 6 * length } else { length };
        self.head.len() + text + 128
    }

    /// Appends a line, which has no newline, as it is shown with one.
    pub fn write(&self, out: &mut Vec<u8>, time: &[u8], part: LinePart, line: &[u8]) {
        match self.mode {
            LogMode::None | LogMode::Plain => {}
            // An end without anything before it would look like a line.
            LogMode::Prefix if part.before > 0 && line.is_empty() => {}
            LogMode::Prefix => {
                out.extend_from_slice(time);
                out.extend_from_slice(&self.head);
                out.extend_from_slice(if part.before == 0 { b"| " } else { b"+ " });
                out.extend_from_slice(line);
                out.push(b'\n');
            }
            LogMode::Json => self.write_json(out, time, part, line),
        }
    }

    fn write_json(&self, out: &mut Vec<u8>, time: &[u8], part: LinePart, line: &[u8]) {
        out.push(b'{');
        out.extend_from_slice(time);
        out.extend_from_slice(&self.head);
        if let Some(level) = self.has_levels.then(|| level(line)).flatten() {
            out.extend_from_slice(b"\"level\":\"");
            out.extend_from_slice(level.as_bytes());
            out.extend_from_slice(b"\",");
        }
        if part != LinePart::default() {
            out.extend_from_slice(format!("\"part\":{},", part.before + 1).as_bytes());
        }
        if part.is_open {
            out.extend_from_slice(b"\"more\":true,");
        }
        match std::str::from_utf8(line) {
            Ok(line) => {
                out.extend_from_slice(b"\"line\":\"");
                escape(out, line);
            }
            Err(_) => {
                out.extend_from_slice(b"\"escaped\":true,\"line\":\"");
                escape(out, &with_bytes(line));
            }
        }
        out.extend_from_slice(b"\"}\n");
    }
}

/// A colour that a name always has.
fn colour_of(name: &str) -> &'static str {
    // FNV-1a: the same everywhere and for ever.
    let hash = name
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    COLOURS.get(hash as usize % COLOURS.len()).copied().unwrap_or("0")
}

/// Appends a text as it stands in a string of JSON.
fn escape(out: &mut Vec<u8>, text: &str) {
    let mut rest = text.as_bytes();
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    while let Some(at) = rest.iter().position(is_special) {
        let (plain, from) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = from.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// A text in which bytes that are not UTF-8 stand as `\xNN`, and a backslash as two.
fn with_bytes(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len() + 16);
    for chunk in line.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

/// The level in a message: `PROGRAM: LEVEL: TEXT`.
fn level(line: &[u8]) -> Option<&'static str> {
    let text = line.get(..LEVEL_WITHIN).unwrap_or(line);
    let after = text.windows(2).position(|pair| pair == b": ")?;
    let rest = text.get(after + 2..)?;
    LEVELS.into_iter().find(|level| {
        rest.strip_prefix(level.as_bytes()).is_some_and(|rest| rest.starts_with(b": "))
    })
}

fn unix(since_epoch: Duration) -> String {
    format!("{}.{:06}", since_epoch.as_secs(), since_epoch.subsec_micros())
}

/// `2026-11-21T00:35:27.452399Z`. The calendar is that of Howard Hinnant's `civil_from_days`.
fn iso(since_epoch: Duration) -> String {
    let (days, second) = (since_epoch.as_secs() / 86_400, since_epoch.as_secs() % 86_400);
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    format!(
        "{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        since_epoch.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const AT: Duration = Duration::new(1_709_164_799, 7_000_050);

    fn shown(style: &LineStyle, part: LinePart, line: &[u8]) -> String {
        let mut out = Vec::new();
        style.write(&mut out, &style.time(AT), part, line);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn a_prefix_is_the_name() {
        let style = LineStyle::prefix("web", None, None);
        assert_eq!(shown(&style, LinePart::default(), b"hello"), "web | hello\n");
        let more = LinePart { before: 1, is_open: false };
        assert_eq!(shown(&style, more, b"and more"), "web + and more\n");
        assert_eq!(shown(&style, more, b""), "");
        let style = LineStyle::prefix("web", None, Some(LogTime::Iso));
        assert_eq!(
            shown(&style, LinePart::default(), b"x"),
            "2024-02-28T23:59:59.007000Z web | x\n"
        );
        let style = LineStyle::prefix("web", None, Some(LogTime::Unix));
        assert_eq!(shown(&style, LinePart::default(), b"x"), "1709164799.007000 web | x\n");
    }

    #[test]
    fn a_name_has_its_colour_for_ever() {
        let web = shown(&LineStyle::prefix("web", Some(5), None), LinePart::default(), b"x");
        assert_eq!(web, "\u{1b}[33mweb  \u{1b}[0m | x\n");
        assert_eq!(colour_of("db"), "93");
    }

    #[test]
    fn an_object_has_all_that_is_known() {
        let style = LineStyle::json("we\"b", LogStream::Stderr, None, false);
        let line = shown(&style, LinePart { before: 2, is_open: true }, b"a\tb\x01\xff\\");
        assert_eq!(
            line,
            "{\"time\":\"2024-02-28T23:59:59.007000Z\",\"service\":\"we\\\"b\",\
             \"stream\":\"stderr\",\"part\":3,\"more\":true,\"escaped\":true,\
             \"line\":\"a\\tb\\u0001\\\\xff\\\\\\\\\"}\n"
        );
        let style = LineStyle::json("web", LogStream::Stdout, Some(LogTime::None), false);
        assert_eq!(
            shown(&style, LinePart::default(), b""),
            "{\"service\":\"web\",\"stream\":\"stdout\",\"line\":\"\"}\n"
        );
    }

    #[test]
    fn our_own_messages_have_a_level() {
        assert_eq!(level(b"s6-supervise web: warning: unable"), Some("warning"));
        assert_eq!(level(b"s6-rc: info: service web: starting"), Some("info"));
        assert_eq!(level(b"hello: world: info: x"), None);
        assert_eq!(level(b"nothing"), None);
    }

    #[test]
    fn the_calendar_is_right() {
        let date = |s| iso(Duration::from_secs(s));
        assert_eq!(date(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00.000000Z");
        assert_eq!(date(4_102_444_799), "2099-12-31T23:59:59.000000Z");
    }

    /// What stands for some bytes, back to them.
    fn bytes_of(object: &Value) -> Vec<u8> {
        let line = object["line"].as_str().unwrap();
        if object["escaped"] != true {
            return line.as_bytes().to_vec();
        }
        let mut bytes = Vec::new();
        let mut rest = line.as_bytes();
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match (first, after.first()) {
                (b'\\', Some(b'x')) => {
                    let digits = std::str::from_utf8(&after[1..3]).unwrap();
                    bytes.push(u8::from_str_radix(digits, 16).unwrap());
                    rest = &after[3..];
                }
                (b'\\', Some(_)) => {
                    bytes.push(b'\\');
                    rest = &after[1..];
                }
                _ => bytes.push(*first),
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn any_line_is_valid_json_and_comes_back(line: Vec<u8>, name: String) {
            let style = LineStyle::json(&name, LogStream::Stdout, None, true);
            let mut out = Vec::new();
            style.write(&mut out, &style.time(AT), LinePart::default(), &line);
            prop_assert!(out.len() <= style.longest(line.len()));
            prop_assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 1);
            let object: Value = serde_json::from_slice(&out).unwrap();
            prop_assert_eq!(object["service"].as_str().unwrap(), name);
            prop_assert_eq!(bytes_of(&object), line);
        }
    }
}
