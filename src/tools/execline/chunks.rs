//! What the loops over input read: chunks that end with a delimiter, or netstrings.

use crate::execline::netstring::{self, Front};
use crate::sys::fd;
use crate::tools::{Exit, Options, Process, Word};
use nix::errno::Errno;
use std::os::fd::RawFd;

/// How input is cut.
pub(super) struct Cut {
    /// The bytes that end a chunk. None at all: the input is netstrings.
    delimiters: Word,
    /// Whether the delimiter is taken off, and a last chunk without one dropped.
    chomp: bool,
    /// Whether empty chunks are dropped.
    crunch: bool,
}

impl Cut {
    /// As the options 0, d, n, N, c and C say.
    pub(super) fn of(options: &Options) -> Self {
        let mut delimiters = b"\n".to_vec();
        for (letter, value) in options.iter() {
            match letter {
                '0' => delimiters = vec![0],
                'd' => delimiters = value.to_vec(),
                _ => {}
            }
        }
        let chomp = options.last_of("nN") != Some('N');
        Self { delimiters, chomp, crunch: options.last_of("cC") == Some('C') }
    }
}

/// Input that is read piece by piece.
pub(super) struct Chunks<'a> {
    process: &'a Process,
    fd: RawFd,
    cut: Cut,
    /// What was read, and where in it the next chunk begins.
    buffer: Vec<u8>,
    start: usize,
}

impl<'a> Chunks<'a> {
    /// The chunks of what is read from `fd`.
    pub(super) fn new(process: &'a Process, fd: RawFd, cut: Cut) -> Self {
        Self { process, fd, cut, buffer: Vec::new(), start: 0 }
    }

    /// The value of the next chunk, as a variable can hold it: to the first NUL.
    pub(super) fn next(&mut self) -> Result<Option<Word>, Exit> {
        let mut chunk = match self.cut.delimiters.is_empty() {
            true => self.netstring()?,
            false => self.delimited()?,
        };
        if let Some(chunk) = &mut chunk {
            let length = chunk.iter().position(|&b| b == 0).unwrap_or(chunk.len());
            chunk.truncate(length);
        }
        Ok(chunk)
    }

    fn delimited(&mut self) -> Result<Option<Word>, Exit> {
        let mut searched = 0;
        loop {
            let rest = self.buffer.get(self.start + searched..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|b| self.cut.delimiters.contains(b)) {
                let mut chunk = self.take(searched + at + 1);
                searched = 0;
                if self.cut.crunch && chunk.len() == 1 {
                    continue;
                }
                if self.cut.chomp {
                    chunk.pop();
                }
                return Ok(Some(chunk));
            }
            searched += rest.len();
            if !self.fill()? {
                let last = self.take(searched);
                let dropped = self.cut.chomp || self.cut.crunch && last.len() == 1;
                return Ok((!last.is_empty() && !dropped).then_some(last));
            }
        }
    }

    fn netstring(&mut self) -> Result<Option<Word>, Exit> {
        let failed = self.process.unable("read a netstring");
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            match netstring::front(rest) {
                Front::Word(word, after) => {
                    let word = word.to_vec();
                    self.start = self.buffer.len() - after.len();
                    return Ok(Some(word));
                }
                Front::Bad => return Err(failed(Errno::EPROTO)),
                Front::Partial => {}
            }
            if !self.fill()? {
                let partial = self.start < self.buffer.len();
                return if partial { Err(failed(Errno::EPIPE)) } else { Ok(None) };
            }
        }
    }

    /// Takes so many bytes of what was read.
    fn take(&mut self, length: usize) -> Word {
        let end = self.start + length;
        let chunk = self.buffer.get(self.start..end).unwrap_or_default().to_vec();
        self.start = end;
        chunk
    }

    /// Reads more. False: there is no more.
    fn fill(&mut self) -> Result<bool, Exit> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let mut bytes = [0; 8192];
        let read = fd::read(self.fd, &mut bytes).map_err(self.process.unable("read"))?;
        self.buffer.extend_from_slice(&bytes[..read]);
        Ok(read > 0)
    }
}
