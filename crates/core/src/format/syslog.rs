//! The code at the head of a syslog message: `<30>` is `daemon.info: `.

/// Facilities by number. The names are those of <syslog.h>, where some numbers have none.
const FACILITIES: [&str; 25] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp", "", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6",
    "local7", "mark",
];

/// Priorities by number.
const PRIORITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

/// The facility and the priority in words (`daemon.info: `) with which a message begins, and the
/// message after them. `None`: it has no code.
pub fn decode(message: &[u8]) -> Option<(String, &[u8])> {
    let coded = message.strip_prefix(b"<")?;
    let end = coded.iter().position(|&b| b == b'>').filter(|end| *end > 0)?;
    let (digits, rest) = (coded.get(..end)?, coded.get(end + 1..)?);
    let code: u32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let known = |names: &[&'static str], number: u32| {
        let name = names.get(number as usize).copied();
        name.filter(|name| !name.is_empty()).unwrap_or("unknown")
    };
    let facility = known(&FACILITIES, (code & 0x3f8) >> 3);
    let priority = known(&PRIORITIES, code & 7);
    digits.iter().all(u8::is_ascii_digit).then(|| (format!("{facility}.{priority}: "), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_in_words() {
        let words = |text: &str| decode(text.as_bytes()).map(|(words, _)| words);
        assert_eq!(decode(b"<30>hello"), Some(("daemon.info: ".into(), &b"hello"[..])));
        assert_eq!(words("<0>").as_deref(), Some("kern.emerg: "));
        assert_eq!(words("<84>").as_deref(), Some("authpriv.warn: "));
        assert_eq!(words("<191>").as_deref(), Some("local7.debug: "));
        assert_eq!(words("<100>").as_deref(), Some("unknown.warn: "));
        assert_eq!(words("<999>").as_deref(), Some("unknown.debug: "));
    }

    #[test]
    fn what_is_no_code_stays() {
        for text in ["", "x", "<", "<>", "<1", "<+1>", "<a>", "1>", "<99999999999>"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
