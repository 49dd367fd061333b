//! What comes in: bytes, cut into lines.

use crate::sys::fd;
use memchr::memchr2;
use nix::errno::Errno;
use std::os::fd::RawFd;

/// How many bytes are read at once. They are written before more are read: this is what is lost
/// when the program is killed, and no more than what the original loses.
const CHUNK: usize = 8192;

/// Bytes that were read, and do not make up a line yet.
///
/// A line ends before a newline or a NUL, or where it would be longer than allowed.
#[derive(Debug)]
pub(super) struct Input {
    /// What was read, and room for more; always one byte more than is read.
    buffer: Vec<u8>,
    filled: usize,
    /// Up to where no end of a line is.
    searched: usize,
    /// How long a line may be, in bytes.
    limit: usize,
}

impl Input {
    /// Nothing yet; `limit` is how long a line may be, in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), filled: 0, searched: 0, limit }
    }

    /// Whether part of a line is here.
    pub(super) fn has_partial(&self) -> bool {
        self.filled > 0
    }

    /// Whether that part is as long as a line may be.
    pub(super) fn is_full(&self) -> bool {
        self.filled >= self.limit
    }

    /// One read of as much as there is; the number of bytes.
    pub(super) fn read(&mut self, from: RawFd) -> Result<usize, Errno> {
        self.read_up_to(from, CHUNK)
    }

    /// The same, but no more than so many bytes.
    pub(super) fn read_at_most(&mut self, from: RawFd, most: usize) -> Result<usize, Errno> {
        self.read_up_to(from, most.min(CHUNK))
    }

    /// Reads one byte, so that what comes after a line stays for someone else; the number of bytes.
    pub(super) fn read_byte(&mut self, from: RawFd) -> Result<usize, Errno> {
        self.read_up_to(from, 1)
    }

    fn read_up_to(&mut self, from: RawFd, n: usize) -> Result<usize, Errno> {
        let needed = self.filled + n + 1;
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        let room = self.buffer.get_mut(self.filled..self.filled + n).unwrap_or_default();
        let n = fd::read(from, room)?;
        self.filled += n;
        Ok(n)
    }

    /// Takes all lines that are complete, each with a NUL for its end; how many.
    pub(super) fn take_lines(&mut self, mut act: impl FnMut(&[u8])) -> usize {
        let (mut start, mut taken) = (0, 0);
        loop {
            let unseen = self.buffer.get(self.searched..self.filled).unwrap_or_default();
            let newline = memchr2(b'\n', 0, unseen).map(|at| self.searched + at);
            let end = newline.unwrap_or(self.filled);
            let (end, next) = match newline {
                _ if end - start > self.limit => (start + self.limit, start + self.limit),
                Some(newline) => (newline, newline + 1),
                None => break,
            };
            self.with_line(start, end, &mut act);
            (start, self.searched) = (next, next);
            taken += 1;
        }
        self.buffer.copy_within(start..self.filled, 0);
        self.filled -= start;
        self.searched = self.filled;
        taken
    }

    /// Takes whatever is here as a line, with a NUL for its end.
    pub(super) fn take_rest(&mut self, act: &mut impl FnMut(&[u8])) {
        self.with_line(0, self.filled, act);
        (self.filled, self.searched) = (0, 0);
    }

    /// Ends the line by a NUL for a moment, as regular expressions want it.
    fn with_line(&mut self, start: usize, end: usize, act: &mut impl FnMut(&[u8])) {
        let Some(last) = self.buffer.get_mut(end) else { return };
        let there = std::mem::replace(last, 0);
        act(self.buffer.get(start..=end).unwrap_or_default());
        if let Some(last) = self.buffer.get_mut(end) {
            *last = there;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn feed(limit: usize, chunks: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut input = Input::new(limit);
        let mut lines = Vec::new();
        for chunk in chunks {
            input.buffer.resize(input.filled + chunk.len() + 1, 0);
            input.buffer[input.filled..][..chunk.len()].copy_from_slice(chunk);
            input.filled += chunk.len();
            input.take_lines(|line| lines.push(line.strip_suffix(b"\0").unwrap().to_vec()));
        }
        if input.has_partial() {
            input.take_rest(&mut |line| lines.push(line.strip_suffix(b"\0").unwrap().to_vec()));
        }
        lines
    }

    #[test]
    fn newline_and_nul_end_a_line() {
        let lines = feed(100, &[b"a\nb\0", b"\nc", b"d\n", b"e"]);
        assert_eq!(lines, [&b"a"[..], b"b", b"", b"cd", b"e"]);
    }

    #[test]
    fn a_line_is_split_when_it_is_longer_than_allowed_only() {
        assert_eq!(feed(3, &[b"abc\nabcd\n"]), [&b"abc"[..], b"abc", b"d"]);
        assert_eq!(
            feed(3, &[b"abc", b"\n", b"abcdefgh", b"\n"]),
            [&b"abc"[..], b"abc", b"def", b"gh"]
        );
    }

    proptest! {
        #[test]
        fn however_it_comes_the_lines_are_the_same(
            text in "[ab\n]{0,60}", cut in 0usize..60, limit in 1usize..20
        ) {
            let text = text.as_bytes();
            let (a, b) = text.split_at(cut.min(text.len()));
            let lines = feed(limit, &[text]);
            prop_assert_eq!(&feed(limit, &[a, b]), &lines);
            let bytes: Vec<u8> = lines.concat();
            let expected: Vec<u8> = text.iter().copied().filter(|&b| b != b'\n').collect();
            prop_assert_eq!(bytes, expected);
        }
    }
}
