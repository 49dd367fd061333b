//! Parsers for the small files of a definition directory. Reference: s6-rc-compile's page.

use super::error::{MARK, Mistake};
use super::{Condition, Instances, Test, Word, instances};
use crate::execline::lexer;
use crate::format::decimal;
use crate::format::output::LogMode;

/// The word in `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `oneshot`.
    Oneshot,
    /// `longrun`.
    Longrun,
    /// `bundle`.
    Bundle,
}

/// Reads `type`: one of three words, exactly, then nothing or a line feed.
///
/// Whatever follows the line feed is ignored. The reference reads eight bytes, so that it does so
/// too for the longer two words, and images have such files.
pub fn kind(text: &[u8]) -> Result<Type, Mistake> {
    let line = first_line(text);
    match line {
        b"oneshot" => Ok(Type::Oneshot),
        b"longrun" => Ok(Type::Longrun),
        b"bundle" => Ok(Type::Bundle),
        b"oneshot\r" | b"longrun\r" | b"bundle\r" => Err(Mistake::TypeCrlf),
        _ => match excerpt(line) {
            text if text.starts_with(MARK) => Err(Mistake::TypeMarked),
            text => Err(Mistake::TypeUnknown(text)),
        },
    }
}

/// Parses a list with one name on each line, and returns each name with its line number, from 1.
/// Blanks before a name are dropped, those after it belong to it; comments and empty lines are
/// skipped.
pub fn names(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1..).zip(text.split(|&b| b == b'\n')).filter_map(|(at, line)| {
        let blanks = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        let name = line.get(blanks..).unwrap_or_default();
        // A NUL ends a line, as it ends a string in the reference.
        let name = name.split(|&b| b == 0).next().unwrap_or_default();
        (!name.is_empty() && !name.starts_with(b"#")).then_some((at, name))
    })
}

/// Reads `timeout-up` or `timeout-down`, in ms: a number, then line feeds.
pub fn timeout(text: &[u8]) -> Result<u32, Mistake> {
    let end = text.iter().rposition(|&b| b != b'\n').map_or(0, |at| at + 1);
    let text = text.get(..end).unwrap_or_default();
    decimal::parse(text).ok_or_else(|| Mistake::TimeoutInvalid(excerpt(text)))
}

/// Reads a file that holds a number: its first line.
pub fn number(text: &[u8]) -> Result<u32, Mistake> {
    let line = first_line(text);
    decimal::parse(line).ok_or_else(|| Mistake::NumberInvalid(excerpt(line)))
}

/// Reads a line of `if-env`: `NAME`, `!NAME`, `NAME=VALUE` or `NAME!=VALUE`.
pub fn condition(line: &[u8]) -> Result<Condition, Mistake> {
    let invalid = || Mistake::ConditionInvalid(excerpt(line));
    let trimmed = line.trim_ascii_end();
    if line.ends_with(b"\r") {
        return Err(invalid());
    }
    let (name, test) = match trimmed.iter().position(|&b| b == b'=') {
        None => match trimmed.strip_prefix(b"!") {
            Some(name) => (name, Test::IsOff),
            None => (trimmed, Test::IsOn),
        },
        Some(at) => {
            let (before, value) = trimmed.split_at(at);
            let value = value.get(1..).unwrap_or_default();
            if value.starts_with(b"=") || value.ends_with(b"\"") || value.ends_with(b"'") {
                return Err(invalid());
            }
            match before.strip_suffix(b"!") {
                Some(name) => (name, Test::IsNot(value.to_vec())),
                None => (before, Test::Is(value.to_vec())),
            }
        }
    };
    let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if name.is_empty() || !name.iter().all(is_part) {
        return Err(invalid());
    }
    Ok(Condition { name: String::from_utf8_lossy(name).into_owned(), test })
}

/// Reads `instances`: a number, `$NAME`, `$NAME:-NUMBER` or `cpus`.
pub fn instances(text: &[u8]) -> Result<Instances, Mistake> {
    let line = first_line(text);
    let found = match line.strip_prefix(b"$") {
        None if line == b"cpus" => Some(Instances::Cpus),
        None => instances::number(line).map(Instances::Count),
        Some(rest) => {
            let end = rest.windows(2).position(|pair| pair == b":-");
            let (name, default) = rest.split_at(end.unwrap_or(rest.len()));
            let default = default.get(2..).map(instances::number);
            let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
            let is_name = !name.is_empty() && name.iter().all(is_part);
            (is_name && default != Some(None)).then(|| Instances::Variable {
                name: String::from_utf8_lossy(name).into_owned(),
                default: default.flatten(),
            })
        }
    };
    found.ok_or_else(|| Mistake::InstancesInvalid(excerpt(line)))
}

/// Parses `log`: one of four words.
pub fn log(text: &[u8]) -> Result<LogMode, Mistake> {
    let line = first_line(text).trim_ascii();
    LogMode::parse(line).ok_or_else(|| Mistake::LogInvalid(excerpt(line)))
}

/// Parses a script of a oneshot: a single execline command line, over any number of lines.
pub fn script(text: &[u8]) -> Result<Vec<Word>, Mistake> {
    lexer::words(text).map_err(Mistake::Syntax)
}

/// Checks whether bytes can be the name of a definition, or of something that one refers to.
pub fn name(bytes: &[u8]) -> Result<String, Mistake> {
    let name = std::str::from_utf8(bytes).map_err(|_| Mistake::NameNotUtf8)?;
    if name.contains('\n') {
        return Err(Mistake::NewlineInName);
    }
    if name.starts_with("s6rc-") || name.starts_with("s6-rc-") {
        return Err(Mistake::ReservedName(name.to_owned()));
    }
    Ok(name.to_owned())
}

fn first_line(text: &[u8]) -> &[u8] {
    text.split(|&b| b == b'\n').next().unwrap_or_default()
}

/// The beginning of a text, short enough for a message.
pub(super) fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(text);
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_type_is_one_word_and_a_line_feed_or_two() {
        for text in ["longrun", "longrun\n", "longrun\n\n"] {
            assert_eq!(kind(text.as_bytes()), Ok(Type::Longrun), "{text:?}");
        }
        assert_eq!(kind(b"bundle\n\n"), Ok(Type::Bundle));
        assert_eq!(kind(b"oneshot\r\n"), Err(Mistake::TypeCrlf));
        assert_eq!(kind("\u{feff}oneshot\n".as_bytes()), Err(Mistake::TypeMarked));
        for text in ["", "\n", "longrun ", " longrun", "Longrun", "daemon\n", "longruns"] {
            assert!(matches!(kind(text.as_bytes()), Err(Mistake::TypeUnknown(_))), "{text:?}");
        }
    }

    #[test]
    fn a_list_keeps_trailing_blanks_and_drops_comments() {
        let text = b"# first\na\n  b\n\n\t c \n#d\n e#f";
        let all: Vec<_> = names(text).collect();
        let want: [(u32, &[u8]); 4] = [(2, b"a"), (3, b"b"), (5, b"c "), (7, b"e#f")];
        assert_eq!(all, want);
    }

    #[test]
    fn numbers_are_plain_digits() {
        assert_eq!(timeout(b"3000\n\n"), Ok(3000));
        assert_eq!(timeout(b"4294967295"), Ok(u32::MAX));
        for text in ["", "\n", "-1", "+1", "1s", " 1", "1 ", "4294967296", "1\r\n"] {
            assert!(timeout(text.as_bytes()).is_err(), "{text:?}");
            assert!(number(text.as_bytes()).is_err(), "{text:?}");
        }
        assert_eq!(number(b"3\nrest"), Ok(3));
        assert!(timeout(b"3\nrest").is_err());
    }

    #[test]
    fn a_condition_is_a_name_and_perhaps_a_value() {
        let read = |line: &str| condition(line.as_bytes()).ok().map(|c| (c.name, c.test));
        let is = |name: &str, test| Some((name.to_owned(), test));
        assert_eq!(read("RUN_WORKER"), is("RUN_WORKER", Test::IsOn));
        assert_eq!(read("RUN_WORKER \t"), is("RUN_WORKER", Test::IsOn));
        assert_eq!(read("!DEBUG"), is("DEBUG", Test::IsOff));
        assert_eq!(read("MODE=a=b c"), is("MODE", Test::Is(b"a=b c".to_vec())));
        assert_eq!(read("MODE="), is("MODE", Test::Is(Vec::new())));
        assert_eq!(read("app.mode-1!=x"), is("app.mode-1", Test::IsNot(b"x".to_vec())));
        for line in
            ["!", "=x", "!=x", "A B", "A = b", "A==b", "$A", "A=\"b\"", "A\r", "A=b\r", "!!A"]
        {
            assert_eq!(read(line), None, "{line:?}");
        }
        let remedy = |line: &str| {
            crate::definition::Problem::remedy(&condition(line.as_bytes()).unwrap_err())
        };
        assert_eq!(remedy("$A"), "write the name of the variable without $");
        assert_eq!(remedy("A='b'"), "write the value without quotes");
        assert_eq!(remedy("A=b\r"), "save it with Unix line endings");
        assert_eq!(remedy("\u{feff}A"), "save it without a byte order mark");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            let _ = (kind(&text), timeout(&text), number(&text), script(&text), name(&text));
            let _ = (condition(&text), instances(&text));
            names(&text).for_each(drop);
        }
    }
}
