//! Substitution: strings become values (split, crunched, chomped), and `${key}` and `$key` in words
//! are replaced by the values of the keys, all keys in one pass. Reference:
//! <https://skarnet.org/software/execline/el_substitute.html> and
//! <https://skarnet.org/software/execline/el_transform.html>.

use super::netstring;
use litemap::LiteMap;

use super::Word;

/// How a string becomes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transform {
    /// The bytes that end a word. None at all: words are netstrings.
    pub delimiters: Word,
    /// Whether delimiters in a row are made one, the first of them.
    pub crunch: bool,
    /// Whether one delimiter is taken off the end. If the string is split, and does not end with
    /// one, its last word is taken off.
    pub chomp: bool,
    /// Whether it is split into words; otherwise it is one.
    pub split: bool,
}

impl Default for Transform {
    fn default() -> Self {
        Self { delimiters: b" \n\r\t".to_vec(), crunch: false, chomp: false, split: false }
    }
}

impl Transform {
    /// The words of the value. `None`: the string should be netstrings, and is not.
    pub fn apply(&self, string: &[u8]) -> Option<Vec<Word>> {
        let mut string = if self.crunch { self.crunched(string) } else { string.to_vec() };
        let chomped = self.chomp && string.last().is_some_and(|&last| self.delimits(last));
        if chomped {
            string.pop();
        }
        if !self.split {
            return Some(vec![string]);
        }
        if self.delimiters.is_empty() {
            return netstring::words(&string);
        }
        let mut words: Vec<_> = string.split(|&b| self.delimits(b)).map(<[u8]>::to_vec).collect();
        if words.last().is_some_and(Vec::is_empty) || self.chomp && !chomped {
            words.pop();
        }
        Some(words)
    }

    fn crunched(&self, string: &[u8]) -> Word {
        let mut last = false;
        let mut in_a_row = |b: &u8| std::mem::replace(&mut last, self.delimits(*b)) && last;
        string.iter().copied().filter(|b| !in_a_row(b)).collect()
    }

    fn delimits(&self, byte: u8) -> bool {
        self.delimiters.contains(&byte)
    }
}

/// The keys of one pass, and their values.
#[derive(Clone, Debug, Default)]
pub struct Definitions(LiteMap<Word, Vec<Word>>);

/// A key that is empty, or that is defined already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey;

impl From<LiteMap<Word, Vec<Word>>> for Definitions {
    fn from(keys: LiteMap<Word, Vec<Word>>) -> Self {
        Self(keys)
    }
}

impl Definitions {
    /// Whether a key can be defined.
    pub fn check(&self, key: &[u8]) -> Result<(), BadKey> {
        if key.is_empty() || self.0.contains_key(key) { Err(BadKey) } else { Ok(()) }
    }
    /// Defines a key.
    pub fn define(&mut self, key: Word, value: Vec<Word>) -> Result<(), BadKey> {
        self.check(&key)?;
        self.0.insert(key, value);
        Ok(())
    }

    /// Replaces the keys in words by their values.
    ///
    /// A word that contains a key is repeated for each word of the value; if the value has no
    /// words, the word disappears.
    pub fn substitute(&self, words: &[Word]) -> Vec<Word> {
        words.iter().flat_map(|word| expand(&self.pieces(word))).collect()
    }

    /// Splits a word into text and values.
    fn pieces(&self, word: &[u8]) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut text = Word::new();
        let mut backslashes = 0_usize;
        let mut rest = word;
        while let Some((&byte, after)) = rest.split_first() {
            let reference = if byte == b'$' { KeyReference::read(rest) } else { None };
            let known = reference.as_ref().and_then(|r| self.0.get(r.key));
            match (reference, known) {
                (Some(reference), Some(value)) => {
                    text.truncate(text.len() - backslashes.div_ceil(2));
                    if backslashes % 2 == 1 {
                        text.extend_from_slice(reference.text);
                    } else {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                        pieces.push(Piece::Value(value));
                    }
                    rest = reference.rest;
                }
                (Some(unknown), None) => {
                    text.extend_from_slice(unknown.text);
                    rest = unknown.rest;
                }
                (None, _) => {
                    text.push(byte);
                    rest = after;
                }
            }
            backslashes = if byte == b'\\' { backslashes + 1 } else { 0 };
        }
        pieces.push(Piece::Text(text));
        pieces
    }
}

enum Piece<'a> {
    Text(Word),
    Value(&'a [Word]),
}

/// What may be a reference to a key: `$key` or `${key}`.
struct KeyReference<'a> {
    key: &'a [u8],
    text: &'a [u8],
    rest: &'a [u8],
}

impl<'a> KeyReference<'a> {
    /// Reads one from the front of `bytes`, which begin with `$`. A key holds no `\`, `$`, `{` or
    /// `}`; one without braces goes on to the next of them, or to the end of the word.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let braces = bytes.get(1) == Some(&b'{');
        let start = if braces { 2 } else { 1 };
        let after = bytes.get(start..)?;
        let length = after.iter().position(|b| b"\\${}".contains(b)).unwrap_or(after.len());
        let end = match (braces, after.get(length)) {
            (false, _) => start + length,
            (true, Some(b'}')) => start + length + 1,
            (true, _) => return None,
        };
        let (text, rest) = bytes.split_at(end);
        (length > 0).then_some(Self { key: &after[..length], text, rest })
    }
}

/// All words that come from taking one word of each value, the leftmost varying slowest.
fn expand(pieces: &[Piece]) -> Vec<Word> {
    let mut words = vec![Word::new()];
    for piece in pieces {
        match piece {
            Piece::Text(text) => words.iter_mut().for_each(|word| word.extend_from_slice(text)),
            Piece::Value(value) => {
                let with = |word: Word| value.iter().map(move |v| [&word[..], v].concat());
                words = words.into_iter().flat_map(with).collect();
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(list: &[&str]) -> Vec<Word> {
        list.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn definitions() -> Definitions {
        let mut definitions = Definitions::default();
        definitions.define(b"x".to_vec(), words(&["1", "2"])).unwrap();
        definitions.define(b"y".to_vec(), words(&["$x"])).unwrap();
        definitions.define(b"none".to_vec(), vec![]).unwrap();
        definitions.define(b"a b".to_vec(), words(&["c"])).unwrap();
        definitions
    }

    #[test]
    fn references_are_replaced_in_one_pass() {
        let cases: [(&str, &[&str]); 12] = [
            ("$x", &["1", "2"]),
            ("p${x}q", &["p1q", "p2q"]),
            ("$x$x", &["11", "12", "21", "22"]),
            ("${a b}$y", &["c$x"]),
            ("$x${none}", &[]),
            ("\\$y", &["$y"]),
            ("\\\\$y", &["\\$x"]),
            ("\\\\\\${y}", &["\\${y}"]),
            ("\\$z \\\\${z}", &["\\$z \\\\${z}"]),
            ("$xy$x-$", &["$xy$x-$"]),
            ("$$y}${y{$y\\", &["$$x}${y{$x\\"]),
            ("", &[""]),
        ];
        for (word, expected) in cases {
            assert_eq!(definitions().substitute(&words(&[word])), words(expected), "{word}");
        }
    }

    #[test]
    fn a_key_is_defined_once() {
        assert_eq!(definitions().define(b"x".to_vec(), vec![]), Err(BadKey));
        assert_eq!(definitions().define(vec![], vec![]), Err(BadKey));
    }

    #[test]
    fn strings_are_split_as_told() {
        let plain = Transform { delimiters: b":".to_vec(), split: true, ..Transform::default() };
        let crunch = Transform { crunch: true, ..plain.clone() };
        let chomp = Transform { chomp: true, ..plain.clone() };
        let cases: [(&Transform, &str, &[&str]); 8] = [
            (&plain, "", &[]),
            (&plain, ":a::b:", &["", "a", "", "b"]),
            (&plain, "a:b", &["a", "b"]),
            (&crunch, "::a::b::", &["", "a", "b"]),
            (&chomp, "a:b", &["a"]),
            (&chomp, "a:b:", &["a", "b"]),
            (&chomp, "a::", &["a"]),
            (&chomp, ":", &[]),
        ];
        for (transform, string, expected) in cases {
            assert_eq!(transform.apply(string.as_bytes()), Some(words(expected)), "{string}");
        }
    }

    fn transforms() -> impl Strategy<Value = Transform> {
        let delimiters = prop_oneof![Just(vec![]), Just(b" \n".to_vec()), any::<Vec<u8>>()];
        (delimiters, any::<[bool; 3]>()).prop_map(|(delimiters, [crunch, chomp, split])| {
            Transform { delimiters, crunch, chomp, split }
        })
    }

    proptest! {
        #[test]
        fn any_bytes_will_do(word: Vec<u8>) {
            definitions().substitute(&[word]);
        }

        #[test]
        fn any_reference_will_do(word in "[xyz${}\\\\ ]{0,20}") {
            definitions().substitute(&[word.into_bytes()]);
        }

        #[test]
        fn without_a_key_nothing_changes(list: Vec<Vec<u8>>) {
            prop_assert_eq!(Definitions::default().substitute(&list), list);
        }

        #[test]
        fn any_string_is_transformed(transform in transforms(), string: Vec<u8>) {
            let value = transform.apply(&string);
            prop_assert!(value.is_some() || transform.split && transform.delimiters.is_empty());
        }

        #[test]
        fn what_is_joined_is_split(list in prop::collection::vec("[a-z ]{0,4}", 0..6)) {
            let joined: String = list.iter().map(|word| format!("{word}:")).collect();
            let transform =
                Transform { delimiters: b":".to_vec(), split: true, ..Transform::default() };
            let list: Vec<_> = list.into_iter().map(String::into_bytes).collect();
            prop_assert_eq!(transform.apply(joined.as_bytes()), Some(list));
        }
    }
}
