//! Splits the text of a script into the words of an argument vector. Reference:
//! <https://skarnet.org/software/execline/execlineb.html>.

use std::iter::repeat_n;

/// What is wrong with a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// An escape or a quote that makes no sense, or that is never finished.
    #[error("syntax error")]
    Syntax,
    /// A block that is never closed.
    #[error("unmatched {{")]
    UnmatchedOpen,
    /// The end of a block that was never opened.
    #[error("unmatched }}")]
    UnmatchedClose,
}

/// Splits a script into words.
///
/// Blocks are encoded as the words of an argument vector can be: within n levels of braces every
/// word has n spaces in front, and a closing brace is a word of one space less than that. A NUL
/// ends the script.
pub fn words(script: &[u8]) -> Result<Vec<Vec<u8>>, SyntaxError> {
    words_and_rest(script).map(|(words, _)| words)
}

/// The words, and what is left of one that never ended: see [`Lexer::leading_backslash`]. Usually
/// it is ignored; only a caller that has to continue as the reference does needs it.
pub fn words_and_rest(script: &[u8]) -> Result<(Vec<Vec<u8>>, Vec<u8>), SyntaxError> {
    let text = script.split(|&b| b == 0).next().unwrap_or_default();
    let mut lexer = Lexer { text, level: 0, word: Vec::new(), words: Vec::new() };
    while let Some(byte) = lexer.next() {
        lexer.between_words(byte)?;
    }
    if lexer.level > 0 { Err(SyntaxError::UnmatchedOpen) } else { Ok((lexer.words, lexer.word)) }
}

struct Lexer<'a> {
    /// What is still to be read.
    text: &'a [u8],
    /// How many blocks are open.
    level: usize,
    /// The word that is being put together. It can outlive a line: see
    /// [`Lexer::leading_backslash`].
    word: Vec<u8>,
    words: Vec<Vec<u8>>,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.text.split_first()?;
        self.text = rest;
        Some(first)
    }
    fn peek(&self) -> Option<u8> {
        self.text.first().copied()
    }

    /// Takes `byte`, with which a word may begin.
    fn between_words(&mut self, byte: u8) -> Result<(), SyntaxError> {
        match byte {
            _ if is_blank(byte) => Ok(()),
            b'#' => {
                let line = self.text.split(|&b| b == b'\n').next().unwrap_or_default();
                self.text = self.text.get(line.len()..).unwrap_or_default();
                Ok(())
            }
            b'"' => {
                self.begin_word();
                self.quoted()
            }
            b'\\' => self.leading_backslash(),
            b'{' | b'}' => self.brace(byte),
            _ => {
                self.begin_word();
                self.word.push(byte);
                self.unquoted()
            }
        }
    }

    /// A word that begins with a backslash, or a line that goes on.
    ///
    /// After a brace that turned out to be no delimiter this happens in the middle of a word. The
    /// reference then indents again, and a line that goes on leaves what there is of the word to
    /// the next one.
    fn leading_backslash(&mut self) -> Result<(), SyntaxError> {
        match self.next() {
            None | Some(b'\n') => Ok(()),
            Some(byte) => {
                self.begin_word();
                self.word.push(byte);
                self.unquoted()
            }
        }
    }

    /// A brace that begins a word: a delimiter if it is also the end of it.
    fn brace(&mut self, brace: u8) -> Result<(), SyntaxError> {
        self.begin_word();
        self.word.push(brace);
        match (brace, self.peek()) {
            (b'{', None) => Err(SyntaxError::Syntax),
            (b'{', Some(b)) if is_blank(b) => {
                self.level += 1;
                self.word.truncate(self.word.len().saturating_sub(self.level));
                Ok(())
            }
            (_, next) if next.is_none_or(is_blank) => {
                self.level = self.level.checked_sub(1).ok_or(SyntaxError::UnmatchedClose)?;
                self.word.truncate(self.word.len().saturating_sub(2));
                self.end_word();
                Ok(())
            }
            (_, Some(b'\\')) => {
                self.next();
                self.leading_backslash()
            }
            _ => self.unquoted(),
        }
    }

    /// Goes on in a word, outside quotes, to its end.
    fn unquoted(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.next() {
                Some(b'"') => return self.quoted(),
                Some(b'\\') => {
                    let byte = self.next().ok_or(SyntaxError::Syntax)?;
                    self.word.push(byte);
                }
                Some(byte) if !is_blank(byte) => self.word.push(byte),
                _ => {
                    self.end_word();
                    return Ok(());
                }
            }
        }
    }

    /// Goes on in a word, within quotes, to its end.
    fn quoted(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.next().ok_or(SyntaxError::Syntax)? {
                b'"' => return self.unquoted(),
                b'\\' => {
                    if self.escape()? && self.text.is_empty() {
                        // A script may end right after a number, quote or no quote.
                        self.end_word();
                        return Ok(());
                    }
                }
                byte => self.word.push(byte),
            }
        }
    }

    /// What follows a backslash within quotes. True if it was a number.
    fn escape(&mut self) -> Result<bool, SyntaxError> {
        let number = match self.next().ok_or(SyntaxError::Syntax)? {
            b'\n' => return Ok(false),
            b'0' if self.peek() == Some(b'x') => {
                self.next();
                self.number(0, 16, 2)?
            }
            b'0' => self.number(0, 8, 3)?,
            first @ b'1'..=b'9' => self.number(u32::from(first - b'0'), 10, 2)?,
            letter => {
                let control = b"abtnvfr".iter().position(|&c| c == letter);
                self.word.push(control.map_or(letter, |at| 7 + at as u8));
                return Ok(false);
            }
        };
        self.word.push(number);
        Ok(true)
    }

    /// Reads a byte of at most `digits` digits, which continue `value`. 0, or no digit at all, is
    /// an error.
    fn number(&mut self, mut value: u32, base: u32, digits: usize) -> Result<u8, SyntaxError> {
        for _ in 0..digits {
            let Some(digit) = self.peek().and_then(|b| char::from(b).to_digit(base)) else { break };
            self.next();
            value = value * base + digit;
        }
        u8::try_from(value).ok().filter(|&v| v > 0).ok_or(SyntaxError::Syntax)
    }

    fn begin_word(&mut self) {
        self.word.extend(repeat_n(b' ', self.level));
    }
    fn end_word(&mut self) {
        self.words.push(std::mem::take(&mut self.word));
    }
}

/// The space and all control characters but DEL separate words.
fn is_blank(byte: u8) -> bool {
    byte <= b' '
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lexed(script: &str) -> Result<Vec<String>, SyntaxError> {
        let shown = |word: Vec<u8>| String::from_utf8_lossy(&word).into_owned();
        words(script.as_bytes()).map(|words| words.into_iter().map(shown).collect())
    }

    #[test]
    fn odd_corners_are_the_reference_s() {
        let cases: [(&str, &[&str]); 9] = [
            ("a\\\nb", &["a\nb"]),
            ("a \\\nb", &["a", "b"]),
            ("a \\", &["a"]),
            ("\"\\65", &["A"]),
            ("\"a\\\nb\"#c", &["ab#c"]),
            ("{\\a", &["{a"]),
            ("{\\\n b", &["{b"]),
            ("{ {\\a }", &[" { a", ""]),
            ("a\0 {", &["a"]),
        ];
        for (script, words) in cases {
            assert_eq!(lexed(script).unwrap(), words, "{script:?}");
        }
    }

    #[test]
    fn a_word_that_never_ends_is_what_is_left() {
        let lexed = words_and_rest(b"a {\\\n#");
        assert_eq!(lexed, Ok((vec![b"a".to_vec()], b"{".to_vec())));
    }

    #[test]
    fn errors_are_told_apart() {
        let cases = [
            ("\"a", SyntaxError::Syntax),
            ("a\\", SyntaxError::Syntax),
            ("a {", SyntaxError::Syntax),
            ("\"\\0\"", SyntaxError::Syntax),
            ("\"\\0x\"", SyntaxError::Syntax),
            ("\"\\256\"", SyntaxError::Syntax),
            ("a { ", SyntaxError::UnmatchedOpen),
            ("a } \"", SyntaxError::UnmatchedClose),
        ];
        for (script, error) in cases {
            assert_eq!(lexed(script), Err(error), "{script:?}");
        }
    }

    /// A word as it would be written within quotes.
    fn quoted(word: &[u8]) -> Vec<u8> {
        let escape = |&b: &u8| if b"\"\\".contains(&b) { vec![b'\\', b] } else { vec![b] };
        [b"\"".to_vec(), word.iter().flat_map(escape).collect(), b"\"".to_vec()].concat()
    }

    fn without_nul() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(1..=255_u8, 0..8), 0..8)
    }

    proptest! {
        #[test]
        fn any_bytes_will_do(script: Vec<u8>) {
            let _ = words(&script);
        }

        #[test]
        fn any_syntax_will_do(script in "[ab01x \\n#\"\\\\{}\\t]{0,40}") {
            let _ = words(script.as_bytes());
        }

        #[test]
        fn quoted_words_survive(list in without_nul(), level in 0..4_usize) {
            let opened = b"{ ".repeat(level);
            let inside: Vec<_> = list.iter().map(|word| quoted(word)).collect();
            let closed = b" }".repeat(level);
            let script = [opened, inside.join(&b' '), closed].concat();
            let indent = |word: &Vec<u8>| [b" ".repeat(level), word.clone()].concat();
            let closing = (0..level).rev().map(|level| b" ".repeat(level));
            let expected: Vec<_> = list.iter().map(indent).chain(closing).collect();
            prop_assert_eq!(words(&script), Ok(expected));
        }
    }
}
