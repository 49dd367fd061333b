//! The files of an environment directory, each of which sets or unsets a variable. Reference:
//! <https://skarnet.org/software/s6/envdir.html>.

/// The longest content that counts, in bytes, unless the reader says otherwise.
const MAX: usize = 4095;

/// How files are read; the default is that of `s6-envdir` without options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The whole file, and not its first line only.
    pub whole: bool,
    /// Drops blanks from the end of a line; of a whole file, one newline.
    pub chomp: bool,
    /// Cuts the content after 4095 bytes.
    pub clamp: bool,
    /// What a NUL stands for.
    pub nul: u8,
}

impl Default for Reading {
    fn default() -> Self {
        Self { whole: false, chomp: true, clamp: true, nul: b'\n' }
    }
}

/// Whether a directory entry of this name is a variable's file.
pub fn is_variable(name: &[u8]) -> bool {
    !name.starts_with(b".") && !name.contains(&b'=')
}

impl Reading {
    /// The value that a file of this content gives to its variable; `None` unsets it.
    pub fn value(self, content: &[u8]) -> Option<Vec<u8>> {
        if content.is_empty() {
            return None;
        }
        let mut value = content;
        if self.clamp {
            value = value.get(..MAX).unwrap_or(value);
        }
        // Differs: a last line without a newline counts, even if it is not clamped.
        if !self.whole {
            value = value.split(|&b| b == b'\n').next().unwrap_or_default();
        }
        if self.chomp && self.whole {
            value = value.strip_suffix(b"\n").unwrap_or(value);
        } else if self.chomp {
            let blank = |b: &u8| b" \t\r\n".contains(b);
            value = &value[..value.iter().rposition(|b| !blank(b)).map_or(0, |last| last + 1)];
        }
        Some(value.iter().map(|&b| if b == 0 { self.nul } else { b }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(reading: Reading, content: &[u8]) -> Option<Vec<u8>> {
        reading.value(content)
    }

    #[test]
    fn a_line_loses_its_blanks() {
        let line = Reading::default();
        assert_eq!(value(line, b""), None);
        assert_eq!(value(line, b"\n").as_deref(), Some(b"".as_slice()));
        assert_eq!(value(line, b" a b \t\r\nc\n").as_deref(), Some(b" a b".as_slice()));
        assert_eq!(value(line, b"a\0b").as_deref(), Some(b"a\nb".as_slice()));
    }

    #[test]
    fn a_whole_file_loses_one_newline_at_most() {
        let whole = Reading { whole: true, ..Reading::default() };
        assert_eq!(value(whole, b"a\nb \n\n").as_deref(), Some(b"a\nb \n".as_slice()));
        let verbatim = Reading { chomp: false, ..whole };
        assert_eq!(value(verbatim, b"a\n").as_deref(), Some(b"a\n".as_slice()));
    }

    #[test]
    fn only_the_clamp_cuts() {
        let long = vec![b'x'; 5000];
        assert_eq!(value(Reading::default(), &long).map(|v| v.len()), Some(4095));
        let unclamped = Reading { clamp: false, ..Reading::default() };
        assert_eq!(value(unclamped, &long).map(|v| v.len()), Some(5000));
    }
}
