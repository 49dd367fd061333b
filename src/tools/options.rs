//! Short options as the originals read them: clustered, values attached or in the next word; they
//! stop at `--` (consumed), at a lone `-`, or at the first word that is no option. Some programs
//! also take long ones, `--name` and `--name=value`.

use super::die::{octal, show};
use super::{Exit, Process, Word};
use crate::sys::fd;
use crate::sys::why::CARRIAGE_RETURN;
use nix::errno::Errno;
use std::os::fd::RawFd;

/// Options parsed from the front of an argument vector.
#[derive(Debug)]
pub struct Options {
    found: Vec<(u8, Option<Word>)>,
    rest: Vec<Word>,
}

/// Why words cannot be parsed as options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no such option, or it takes no value, or it is written another way.
    Unknown,
    /// There is no word left for the value.
    NoValue,
}

impl Options {
    /// Parses `argv` (with its name in front). `spec` lists the letters, `:` after one that takes a
    /// value. An unknown letter, or a missing value, prints the usage: `Err` is how to end.
    pub fn parse(process: &Process, argv: Vec<Word>, spec: &str) -> Result<Self, Exit> {
        let first = argv.get(1).filter(|word| word.ends_with(b"\r")).cloned();
        Self::read(argv, spec.as_bytes()).map_err(|_| match first {
            Some(word) => {
                let word = show(word.trim_ascii_end()).to_string();
                process.fatal(100, format_args!("invalid option {word}: {CARRIAGE_RETURN}"))
            }
            None => process.usage(),
        })
    }

    /// The same, without a word about what is wrong. Where `spec` begins with `:`, a value that is
    /// missing is no problem, but the option `:`.
    pub fn read(argv: Vec<Word>, spec: &[u8]) -> Result<Self, Problem> {
        let mut words = argv.into_iter().skip(1).peekable();
        let mut found = Vec::new();
        while let Some(word) = words.next_if(|w| w.len() > 1 && w[0] == b'-') {
            if word == b"--" {
                break;
            }
            let mut letters = Letters::of(&word, spec);
            while let Some(letter) = letters.next() {
                match letter.ok_or(Problem::Unknown)? {
                    Letter::Plain(letter) => found.push((letter, None)),
                    Letter::WithValue(letter, value) => found.push((letter, Some(value))),
                    Letter::BeforeValue(letter) => match words.next() {
                        Some(value) => found.push((letter, Some(value))),
                        None if spec.starts_with(b":") => found.push((b':', None)),
                        None => return Err(Problem::NoValue),
                    },
                }
            }
        }
        Ok(Self { found, rest: words.collect() })
    }

    /// Parses the options of those programs that also take long ones: `long` has their names, and
    /// the letters that they stand for; a letter that is not in `spec` has no short form.
    ///
    /// As in the originals, an option whose value is missing, at the end or before `--`, is passed
    /// over.
    pub fn parse_long(
        process: &Process,
        argv: Vec<Word>,
        spec: &str,
        long: &[(&str, char)],
    ) -> Result<Self, Exit> {
        let spec = spec.as_bytes();
        let wrong = |what: &str, option: &[u8]| {
            let text = format!("unrecognized {what}: {}", show(option));
            Err(process.fatal(100, text))
        };
        let mut words = argv.into_iter().skip(1).peekable();
        let mut found = Vec::new();
        while let Some(word) = words.next_if(|w| w.len() > 1 && w[0] == b'-') {
            if word == b"--" {
                break;
            }
            if let Some(name) = word.strip_prefix(b"--") {
                match long_option(name, spec, long) {
                    Some(option) => found.push(option),
                    None if name.contains(&b'=') => return wrong("option with argument", &word),
                    None => return wrong("boolean option", &word),
                }
                continue;
            }
            let mut letters = Letters::of(&word, spec);
            while let Some(letter) = letters.next() {
                match letter {
                    None => return wrong("short option", &letters.rest[..1]),
                    Some(Letter::Plain(letter)) => found.push((letter, None)),
                    Some(Letter::WithValue(letter, value)) => found.push((letter, Some(value))),
                    Some(Letter::BeforeValue(letter)) => {
                        let value = words.next_if(|value| value != b"--");
                        found.extend(value.map(|value| (letter, Some(value))));
                    }
                }
            }
        }
        Ok(Self { found, rest: words.collect() })
    }

    /// The options in order: letter and value, if it takes one.
    pub fn found(&self) -> impl Iterator<Item = (u8, Option<&[u8]>)> {
        self.found.iter().map(|(c, v)| (*c, v.as_deref()))
    }
    /// The options in order: letter and value (empty where it takes none).
    pub fn iter(&self) -> impl Iterator<Item = (char, &[u8])> {
        self.found().map(|(c, v)| (char::from(c), v.unwrap_or_default()))
    }
    /// Whether the letter was given.
    pub fn has(&self, letter: char) -> bool {
        self.iter().any(|(c, _)| c == letter)
    }
    /// The last value given with the letter.
    pub fn value(&self, letter: char) -> Option<&[u8]> {
        self.iter().filter(|(c, _)| *c == letter).last().map(|(_, v)| v)
    }
    /// What `parse` makes of the last value given with the letter. All of them are parsed, as the
    /// originals do: a bad one ends the tool even if a good one follows.
    pub fn parsed<T>(
        &self,
        letter: char,
        parse: impl Fn(&[u8]) -> Result<T, Exit>,
    ) -> Result<Option<T>, Exit> {
        let values = self.iter().filter(|(c, _)| *c == letter);
        values.map(|(_, value)| parse(value)).try_fold(None, |_, value| value.map(Some))
    }
    /// The number given last with the letter, or else `usual`. A value that is none prints the
    /// usage.
    pub fn number<T: TryFrom<u64>>(
        &self,
        process: &Process,
        letter: char,
        usual: T,
    ) -> Result<T, Exit> {
        Ok(self.parsed(letter, |word| process.number(word))?.unwrap_or(usual))
    }
    /// The octal number given last with the letter, or else `usual`.
    pub fn octal(&self, process: &Process, letter: char, usual: u32) -> Result<u32, Exit> {
        let parse = |word: &[u8]| octal(word).ok_or_else(|| process.usage());
        Ok(self.parsed(letter, parse)?.unwrap_or(usual))
    }
    /// The last of these letters that was given.
    pub fn last_of(&self, letters: &str) -> Option<char> {
        self.iter().map(|(c, _)| c).filter(|c| letters.contains(*c)).last()
    }
    /// The descriptor that the letter's value names for a newline when the tool is ready: an open
    /// one, above stderr. Another one ends the tool.
    pub fn notification(&self, process: &Process, letter: char) -> Result<Option<RawFd>, Exit> {
        match self.parsed(letter, |word| process.descriptor(word))? {
            Some(0..=2) => Err(process.fatal(100, "notification fd must be 3 or more")),
            Some(number) if !fd::is_open(number) => {
                process.fatal_errno("invalid notification fd", Errno::EBADF);
                Err(Exit(100))
            }
            number => Ok(number),
        }
    }
    /// The words after the options.
    pub fn words(&self) -> &[Word] {
        &self.rest
    }
    /// The same, to keep.
    pub fn rest(self) -> Vec<Word> {
        self.rest
    }
}

impl Process {
    /// The first `N` of the words, and the program line after them, which must not be empty. Too
    /// few words print the usage.
    pub fn operands<const N: usize>(
        &self,
        words: impl IntoIterator<Item = Word>,
    ) -> Result<([Word; N], Vec<Word>), Exit> {
        let mut words = words.into_iter();
        let first: Vec<Word> = words.by_ref().take(N).collect();
        let program: Vec<Word> = words.collect();
        match <[Word; N]>::try_from(first) {
            Ok(first) if !program.is_empty() => Ok((first, program)),
            _ => Err(self.usage()),
        }
    }
}

/// The letters of a word of short options, one after the other.
struct Letters<'a> {
    rest: &'a [u8],
    spec: &'a [u8],
}

/// A letter that is known.
enum Letter {
    /// It takes no value.
    Plain(u8),
    /// Its value is the rest of the word.
    WithValue(u8, Word),
    /// Its value is the next word.
    BeforeValue(u8),
}

impl<'a> Letters<'a> {
    fn of(word: &'a [u8], spec: &'a [u8]) -> Self {
        Self { rest: word.get(1..).unwrap_or_default(), spec }
    }

    /// The next letter, if there is one; `Some(None)`: it is unknown, and the first of the rest.
    fn next(&mut self) -> Option<Option<Letter>> {
        let (&letter, rest) = self.rest.split_first()?;
        let known = match takes_value(self.spec, letter) {
            None => return Some(None),
            Some(false) => Letter::Plain(letter),
            Some(true) if rest.is_empty() => Letter::BeforeValue(letter),
            Some(true) => {
                self.rest = &[];
                return Some(Some(Letter::WithValue(letter, rest.to_vec())));
            }
        };
        self.rest = rest;
        Some(Some(known))
    }
}

fn takes_value(spec: &[u8], letter: u8) -> Option<bool> {
    let at = spec.iter().position(|&c| c == letter && c != b':')?;
    Some(spec.get(at + 1) == Some(&b':'))
}

fn long_option(word: &[u8], spec: &[u8], long: &[(&str, char)]) -> Option<(u8, Option<Word>)> {
    let at = word.iter().position(|&b| b == b'=').unwrap_or(word.len());
    let value = word.get(at + 1..).map(<[u8]>::to_vec);
    let (_, letter) = long.iter().find(|(name, _)| name.as_bytes() == &word[..at])?;
    let letter = *letter as u8;
    match (takes_value(spec, letter).unwrap_or(false), value) {
        (true, None) | (false, Some(_)) => None,
        (_, value) => Some((letter, value)),
    }
}
