//! Signal names and numbers, as `down-signal` files, `s6-svc -s` and their like are written: with
//! or without SIG, in any case, or as a number.

use std::borrow::Cow;

/// The name without SIG, and the number: those of Linux on all but MIPS, SPARC and PA-RISC. Of
/// several names for one number the first is the usual one, and the last is what s6 shows.
const NAMES: &[(&str, u8)] = &[
    ("ABRT", 6),
    ("ALRM", 14),
    ("BUS", 7),
    ("CHLD", 17),
    ("CONT", 18),
    ("FPE", 8),
    ("HUP", 1),
    ("ILL", 4),
    ("INT", 2),
    ("KILL", 9),
    ("PIPE", 13),
    ("POLL", 29),
    ("PROF", 27),
    ("PWR", 30),
    ("QUIT", 3),
    ("SEGV", 11),
    ("STKFLT", 16),
    ("STOP", 19),
    ("SYS", 31),
    ("TERM", 15),
    ("TRAP", 5),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("USR1", 10),
    ("USR2", 12),
    ("VTALRM", 26),
    ("WINCH", 28),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("IO", 29),
    ("IOT", 6),
    ("UNUSED", 31),
];

/// The first and the last real-time signal that programs may use.
const REAL_TIME: (u8, u8) = (34, 64);

/// The number of the signal that a word names or numbers.
pub fn parse(word: &[u8]) -> Option<u8> {
    let text = std::str::from_utf8(word).ok()?.to_ascii_uppercase();
    let name = text.strip_prefix("SIG").unwrap_or(&text);
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return name.parse().ok().filter(|n| (1..=REAL_TIME.1).contains(n));
    }
    let known = NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, number)| *number).or_else(|| real_time(name))
}

/// The same as the programs of s6 and execline read it: they know real-time signals by number only.
pub fn parse_without_real_time(word: &[u8]) -> Option<u8> {
    let is_name = word.iter().any(|byte| b"rR".contains(byte));
    parse(word).filter(|number| *number < REAL_TIME.0 || !is_name)
}

/// The name of a signal without SIG, as the programs of s6 show it; `???` for a number without one.
pub fn s6_name(number: u8) -> &'static str {
    NAMES.iter().rev().find(|(_, known)| *known == number).map_or("???", |(name, _)| name)
}

/// The name of a signal without SIG; `???` for a number that is none.
pub fn name(number: u8) -> Cow<'static, str> {
    if let Some((name, _)) = NAMES.iter().find(|(_, known)| *known == number) {
        return Cow::Borrowed(name);
    }
    match number.checked_sub(REAL_TIME.0) {
        Some(0) => Cow::Borrowed("RTMIN"),
        Some(above) if number <= REAL_TIME.1 => Cow::Owned(format!("RTMIN+{above}")),
        _ => Cow::Borrowed("???"),
    }
}

/// `RTMIN`, `RTMIN+1` …, `RTMAX`, `RTMAX-1` ….
fn real_time(name: &str) -> Option<u8> {
    let offset = |rest: &str, sign: char| match rest.strip_prefix(sign) {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse::<u8>().ok(),
        Some(_) => None,
        None => rest.is_empty().then_some(0),
    };
    let number = match name.strip_prefix("RTMIN") {
        Some(rest) => REAL_TIME.0.checked_add(offset(rest, '+')?)?,
        None => REAL_TIME.1.checked_sub(offset(name.strip_prefix("RTMAX")?, '-')?)?,
    };
    (REAL_TIME.0..=REAL_TIME.1).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for word in ["TERM", "SIGTERM", "term", "sigTerm", "15", "sig15"] {
            assert_eq!(parse(word.as_bytes()), Some(15), "{word}");
        }
        assert_eq!(parse(b"IOT"), parse(b"ABRT"));
        assert_eq!((parse_without_real_time(b"sigTerm"), s6_name(15)), (Some(15), "TERM"));
        assert_eq!((parse_without_real_time(b"sig40"), s6_name(40)), (Some(40), "???"));
        for word in [&b"RTMIN"[..], b"RTMIN+2", b"SIGRTMAX", b"SIGRTMAX-1"] {
            assert_eq!(parse_without_real_time(word), None);
        }
        assert_eq!(
            (s6_name(6), s6_name(29), s6_name(31), s6_name(17)),
            ("IOT", "IO", "UNUSED", "CHLD")
        );
        assert_eq!(parse(b"RTMIN+2"), Some(36));
        assert_eq!(parse(b"sigrtmax-1"), Some(63));
    }

    #[test]
    fn what_is_no_signal_is_refused() {
        for word in ["", "SIG", "0", "65", "300", "15x", "NOSUCH", "RTMIN+31", "RTMAX+1", "RTMIN-"]
        {
            assert_eq!(parse(word.as_bytes()), None, "{word}");
        }
        assert_eq!(parse(b"\xff"), None);
    }

    #[test]
    fn names_and_numbers_agree() {
        for number in (1..=31).chain(34..=64) {
            assert_eq!(parse(name(number).as_bytes()), Some(number), "{number}");
        }
        assert_eq!((name(0), name(33), name(200)), ("???".into(), "???".into(), "???".into()));
    }
}
