//! Words in quotes, as s6-quote writes and s6-unquote reads them. (execline's own quotes are in
//! `execline::lexer`, and a little different.)

use nix::errno::Errno;

/// The control characters with a letter of their own: 7 to 13.
const LETTERS: &[u8; 7] = b"abtnvfr";

/// Appends `text` to `out` such that it can stand between quotes: backslashes, control characters
/// and all that is not ASCII are escaped, and the delimiters. EINVAL: a delimiter whose escape
/// would mean something else.
pub fn quote(text: &[u8], delimiters: &[u8], out: &mut Vec<u8>) -> Result<(), Errno> {
    let refused = |d: &u8| is_special(*d) && *d != b'\\' || !(b' '..=b'~').contains(d);
    if delimiters.iter().any(refused) {
        return Err(Errno::EINVAL);
    }
    for &byte in text {
        match byte {
            7..=13 => out.extend([b'\\', LETTERS[usize::from(byte - 7)]]),
            b'\\' => out.extend_from_slice(b"\\\\"),
            byte if delimiters.contains(&byte) => out.extend([b'\\', byte]),
            b' '..=b'~' => out.push(byte),
            byte => out.extend_from_slice(format!("\\0x{byte:02x}").as_bytes()),
        }
    }
    Ok(())
}

/// What was between quotes.
#[derive(Debug, PartialEq, Eq)]
pub struct Unquoted {
    /// The text.
    pub text: Vec<u8>,
    /// Where the closing quote is, if there is one.
    pub end: Option<usize>,
}

/// Reads what follows an opening quote, up to a delimiter or to the end. `Err` tells where it went
/// wrong and why: EINVAL (a delimiter that cannot be one), EPROTO (an escape that is none), EPIPE
/// (an escape that does not end).
pub fn unquote(input: &[u8], delimiters: &[u8]) -> Result<Unquoted, (usize, Errno)> {
    if delimiters.iter().any(|&d| is_special(d)) {
        return Err((0, Errno::EINVAL));
    }
    let mut text = Vec::with_capacity(input.len());
    let mut at = 0;
    while let Some(&byte) = input.get(at) {
        at += 1;
        if delimiters.contains(&byte) {
            return Ok(Unquoted { text, end: Some(at - 1) });
        } else if byte != b'\\' {
            text.push(byte);
            continue;
        }
        let escape = *input.get(at).ok_or((at, Errno::EPIPE))?;
        at += 1;
        match escape {
            b'0' if input.get(at) == Some(&b'x') => {
                text.push(hex(input, at + 1)?);
                at += 3;
            }
            b'0' => text.push(0),
            b's' => text.push(b' '),
            letter => {
                let control = LETTERS.iter().position(|&l| l == letter);
                text.push(control.map_or(letter, |place| 7 + place as u8));
            }
        }
    }
    Ok(Unquoted { text, end: None })
}

/// Two hexadecimal digits, lower case.
fn hex(input: &[u8], at: usize) -> Result<u8, (usize, Errno)> {
    let digit = |at: usize| {
        let byte = *input.get(at).ok_or((at, Errno::EPIPE))?;
        let digit = char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        digit.map(|d| d as u8).ok_or((at, Errno::EPROTO))
    };
    Ok(digit(at)? << 4 | digit(at + 1)?)
}

/// Whether a backslash in front gives this byte a meaning.
fn is_special(byte: u8) -> bool {
    byte == b'\\' || byte.is_ascii_digit() || b"abcdefnrstvx".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let mut quoted = Vec::new();
        assert_eq!(quote(&all, b"\"'", &mut quoted), Ok(()));
        assert!(quoted.is_ascii() && !quoted.contains(&b'\n'));
        assert_eq!(unquote(&quoted, b"\"'"), Ok(Unquoted { text: all, end: None }));
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(unquote(b"a\\0xg0", b"\""), Err((4, Errno::EPROTO)));
        assert_eq!(unquote(b"a\\0x4", b"\""), Err((5, Errno::EPIPE)));
        assert_eq!(unquote(b"a\\", b"\""), Err((2, Errno::EPIPE)));
        assert_eq!(unquote(b"", b"n"), Err((0, Errno::EINVAL)));
        assert_eq!(quote(b"", b"n", &mut Vec::new()), Err(Errno::EINVAL));
    }
}
