//! Files that define variables: each line is `name = value`, with quotes and escapes as in C.
//! Reference: <https://skarnet.org/software/execline/envfile.html>.

use super::Word;

/// A line that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub line: usize,
}

/// Reads the variables (name, value) in order. A NUL ends the file; a NUL that comes from an escape
/// ends the value.
pub fn variables(text: &[u8]) -> Result<Vec<(Word, Word)>, BadLine> {
    let text = text.split(|&b| b == 0).next().unwrap_or_default();
    let mut reader = EnvfileReader { text, line: 1 };
    let mut variables = Vec::new();
    loop {
        match reader.variable() {
            Some(EnvfileLine::Variable(name, value)) => variables.push((name, value)),
            Some(EnvfileLine::Nothing) => {}
            Some(EnvfileLine::End) => return Ok(variables),
            None => return Err(BadLine { line: reader.line }),
        }
    }
}

enum EnvfileLine {
    Variable(Word, Word),
    Nothing,
    End,
}

/// Where in the file we are. Its functions return `None` for a syntax error.
struct EnvfileReader<'a> {
    text: &'a [u8],
    line: usize,
}

impl EnvfileReader<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.text.split_first()?;
        self.text = rest;
        Some(first)
    }
    fn peek(&self) -> Option<u8> {
        self.text.first().copied()
    }
    fn skip_blanks(&mut self) {
        let blanks = self.text.iter().take_while(|b| is_blank(**b)).count();
        self.text = &self.text[blanks..];
    }

    fn variable(&mut self) -> Option<EnvfileLine> {
        self.skip_blanks();
        match self.peek() {
            None => return Some(EnvfileLine::End),
            Some(b'\n') => {
                self.end_line();
                return Some(EnvfileLine::Nothing);
            }
            Some(b'#') => {
                let line = self.text.iter().take_while(|b| **b != b'\n').count();
                self.text = &self.text[line..];
                return Some(EnvfileLine::Nothing);
            }
            Some(_) => {}
        }
        let name = self.name()?;
        self.skip_blanks();
        let mut value = self.value()?;
        let length = value.iter().position(|&b| b == 0).unwrap_or(value.len());
        value.truncate(length);
        Some(EnvfileLine::Variable(name, value))
    }

    /// The name, and the `=` after it.
    fn name(&mut self) -> Option<Word> {
        let in_name = |b: &u8| !is_blank(*b) && !b"=\n\\\"'?".contains(b);
        let length = self.text.iter().take_while(|b| in_name(b)).count();
        let (name, rest) = self.text.split_at(length);
        self.text = rest;
        self.skip_blanks();
        (!name.is_empty() && self.next() == Some(b'=')).then(|| name.to_vec())
    }

    /// The value to the end of the line, without the blanks after it.
    fn value(&mut self) -> Option<Word> {
        let mut value = Word::new();
        let mut end = 0;
        loop {
            match self.next() {
                None => break,
                Some(b'\n') => {
                    self.line += 1;
                    break;
                }
                Some(blank) if is_blank(blank) => {
                    value.push(blank);
                    continue;
                }
                Some(b'"') => self.quoted(&mut value)?,
                Some(b'\\') => match self.next()? {
                    b'\n' => self.line += 1,
                    byte if is_blank(byte) || b"\\\"".contains(&byte) => value.push(byte),
                    _ => return None,
                },
                Some(byte) => value.push(byte),
            }
            end = value.len();
        }
        value.truncate(end);
        Some(value)
    }

    /// What is within quotes, to the quote that ends them on the same line.
    fn quoted(&mut self, value: &mut Word) -> Option<()> {
        loop {
            match self.next()? {
                b'"' => return Some(()),
                b'\n' => return None,
                b'\\' => self.escape(value)?,
                byte => value.push(byte),
            }
        }
    }

    /// What follows a backslash within quotes.
    fn escape(&mut self, value: &mut Word) -> Option<()> {
        match self.next()? {
            b'\n' => self.line += 1,
            b'x' => {
                let high = self.digit(16)?;
                value.push((high * 16 + self.digit(16)?) as u8);
            }
            first @ b'0'..=b'7' => {
                let mut number = u32::from(first - b'0');
                for _ in 0..2 {
                    let Some(digit) = self.digit(8) else { break };
                    number = number * 8 + digit;
                }
                value.push(number as u8);
            }
            letter => {
                let control = b"abtnvfr".iter().position(|&c| c == letter);
                value.push(control.map_or(letter, |at| 7 + at as u8));
            }
        }
        Some(())
    }

    fn digit(&mut self, base: u32) -> Option<u32> {
        let digit = char::from(self.peek()?).to_digit(base)?;
        self.next();
        Some(digit)
    }

    fn end_line(&mut self) {
        self.next();
        self.line += 1;
    }
}

fn is_blank(byte: u8) -> bool {
    b" \t\x0c\r".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bad_line_is_counted() {
        let bad_line = |text: &str| variables(text.as_bytes()).err().map(|bad| bad.line);
        assert_eq!(bad_line("a = b  \n# c\n\nd = \\\n e\nf\n"), Some(6));
        assert_eq!(bad_line("a = \"\n"), Some(1));
        assert_eq!(bad_line("a = \\0"), Some(1));
        assert_eq!(bad_line("a=b\n = c\n"), Some(2));
    }

    #[test]
    fn blanks_are_kept_where_they_are_escaped_or_inside() {
        let value = |text: &str| variables(text.as_bytes()).unwrap().remove(0).1;
        assert_eq!(value("a =  b  c\\   "), b"b  c ");
        assert_eq!(value("a = b \\\n c \n"), b"b  c");
        assert_eq!(value("a = \"b \" \n"), b"b ");
        assert_eq!(value("a = \"\\x41\\1012\\n\\q\\0c\""), b"AA2\nq");
    }

    proptest! {
        #[test]
        fn any_bytes_will_do(text: Vec<u8>) {
            let _ = variables(&text);
        }

        #[test]
        fn any_syntax_will_do(text in "[abx019= \\n#\"\\\\\\t]{0,40}") {
            let _ = variables(text.as_bytes());
        }
    }
}
