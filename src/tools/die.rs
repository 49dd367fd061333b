//! How a tool says what is wrong: `NAME: fatal: TEXT: REASON` on stderr, and an exit code.
//! 100 is wrong usage, 111 a failed system call, 126 and 127 an exec that failed.

use super::{Exit, Process, Word};
use crate::format::decimal;
use crate::sys::fd;
use nix::errno::Errno;
use std::ffi::{OsStr, os_str};
use std::fmt::Display;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

pub use crate::sys::errno::{of as errno, text as reason};

/// A word as it is shown in a message: bytes that are not UTF-8 are replaced.
pub fn show(word: &[u8]) -> os_str::Display<'_> {
    OsStr::from_bytes(word).display()
}

impl Process {
    /// `NAME: usage: NAME SYNOPSIS`; exit 100.
    pub fn usage(&self) -> Exit {
        self.line(format_args!("usage: {}", self.synopsis()));
        Exit(100)
    }
    /// `NAME: fatal: TEXT`; exits with `code`.
    pub fn fatal(&self, code: u8, text: impl Display) -> Exit {
        self.line(format_args!("fatal: {text}"));
        Exit(code)
    }
    /// `NAME: fatal: TEXT: REASON`; exit 111.
    pub fn fatal_errno(&self, text: impl Display, e: Errno) -> Exit {
        self.fatal(111, format_args!("{text}: {}", reason(e)))
    }
    /// For `map_err`: `NAME: fatal: unable to WHAT: REASON`; exit 111.
    pub fn unable(&self, what: impl Display) -> impl Fn(Errno) -> Exit {
        move |e| self.fatal_errno(format_args!("unable to {what}"), e)
    }
    /// `NAME: warning: TEXT`.
    pub fn warn(&self, text: impl Display) {
        self.line(format_args!("warning: {text}"));
    }
    /// `NAME: warning: TEXT: REASON`.
    pub fn warn_errno(&self, text: impl Display, e: Errno) {
        self.warn(format_args!("{text}: {}", reason(e)));
    }
    /// `NAME: info: TEXT`.
    pub fn info(&self, text: impl Display) {
        self.line(format_args!("info: {text}"));
    }
    /// One line on stderr, in one write.
    pub fn line(&self, text: impl Display) {
        fd::write_to_stderr(format!("{}: {text}\n", self.title()).as_bytes());
    }
    /// Writes to stdout; a failure ends the tool as the originals end: `unable to write to stdout`.
    pub fn print(&self, bytes: &[u8]) -> Result<(), Exit> {
        fd::write_all(1, bytes).map_err(|e| self.fatal_errno("unable to write to stdout", e))
    }
    /// The value of a variable that must be set: `NAME: fatal: VARIABLE not set`; exit 100.
    pub fn variable(&self, name: &str) -> Result<&[u8], Exit> {
        let value = self.env.get(name.as_bytes());
        value.ok_or_else(|| self.fatal(100, format_args!("{name} not set")))
    }
    /// Parses the number of a descriptor, or prints the usage.
    pub fn descriptor(&self, word: &[u8]) -> Result<RawFd, Exit> {
        self.number(word)
    }
    /// Parses a plain decimal argument; one that is none, or does not fit, prints the usage.
    pub fn number<T: TryFrom<u64>>(&self, word: &[u8]) -> Result<T, Exit> {
        decimal::parse(word).ok_or_else(|| self.usage())
    }
}

/// An octal number of up to 32 bits, all of the word: permissions, as a rule.
pub fn octal(word: &[u8]) -> Option<u32> {
    leading_octal(word).filter(|_| word.iter().all(is_octal))
}

/// The octal number at the front of a word, whatever follows it.
pub fn leading_octal(word: &[u8]) -> Option<u32> {
    let digits = &word[..word.iter().take_while(|b| is_octal(b)).count()];
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok()
}

fn is_octal(byte: &u8) -> bool {
    (b'0'..=b'7').contains(byte)
}

/// Joins words for a message.
pub fn shown(words: &[Word]) -> String {
    words.iter().map(|w| show(w).to_string()).collect::<Vec<_>>().join(" ")
}
