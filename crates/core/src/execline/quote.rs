//! The inverse of the lexer: words as they are written into a script.

/// A word in quotes, of which execlineb makes the same word again. It must not hold a NUL.
pub fn quote(word: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in word {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', byte]),
            7..=13 => text.extend([b'\\', b"abtnvfr"[usize::from(byte - 7)]]),
            0..=31 | 127 => text.extend(format!("\\0x{byte:02x}").bytes()),
            _ => text.push(byte),
        }
    }
    text.push(b'"');
    text
}

/// A word as it is written into a script: in quotes only where it must be.
pub fn if_needed(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    String::from_utf8_lossy(&quote(word.as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::execline::lexer;
    use proptest::prelude::*;

    #[test]
    fn what_is_special_is_escaped() {
        assert_eq!(quote(b"a \"b\"\\\n\x01\xff"), b"\"a \\\"b\\\"\\\\\\n\\0x01\xff\"");
    }

    proptest! {
        #[test]
        fn the_lexer_reads_what_was_quoted(word in prop::collection::vec(1u8.., 0..40)) {
            prop_assert_eq!(lexer::words(&quote(&word)), Ok(vec![word]));
        }
    }
}
