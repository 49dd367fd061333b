//! What is kept of each service: the last of what it said, in memory that PID 1 holds, so that it
//! is still there when this process dies and another one takes its place.
//!
//! Each service has a place: a page that says whose it is and how far it is filled, and a ring of
//! records. A record is whole lines, or a part of one. Its text is there before it counts, and the
//! oldest ones do not count any more before they are written over: the ring makes sense whenever
//! its writer dies.

use crate::format::output::{LogRecord, LogStream};
use crate::sys::machine::page_size;
use crate::sys::shared::SharedMemory;
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};

/// In the first page: the number of the last record.
const NUMBER: usize = 0;

/// What was being done when this process died: see [`UnfinishedStep`]. It counts if its first word
/// is not 0.
const STEP: [usize; 5] = [8, 16, 24, 32, 40];

// In a place's first page. What counts is between FIRST and END; both only ever grow.
const FIRST: usize = 0;
const END: usize = 8;
/// How many parts of an unfinished line of its stdout, and of its stderr, have been shown.
const PARTS: [usize; 2] = [16, 24];
const NAME_LENGTH: usize = 32;
const NAME: usize = 40;

/// The head of a record: its time, its number, and a word with all else.
const HEAD: usize = 24;

/// Lines of a stream are put into the pipe before their sink, and then taken out of the stream's.
/// Whoever comes next does what is left of it: the first has been done if there is anything before
/// the sink, and the second has not if the stream still begins with the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnfinishedStep {
    pub(super) source: u32,
    pub(super) stream: LogStream,
    pub(super) count: usize,
    /// By which the bytes are known.
    pub(super) mark: u64,
    /// How many parts of an unfinished line have then been shown.
    pub(super) parts: u32,
}

/// The whole of it.
#[derive(Debug)]
pub(super) struct Memory {
    file: Option<OwnedFd>,
    numbers: SharedMemory,
    page: usize,
    keep: usize,
}

/// That of one service.
#[derive(Debug)]
pub(super) struct MemoryPlace {
    memory: SharedMemory,
    page: usize,
    keep: usize,
}

impl Memory {
    /// Memory with so many bytes for each service. Without a file it ends with this process.
    pub(super) fn new(file: Option<OwnedFd>, keep: u32) -> Result<Self, Errno> {
        let page = page_size();
        let numbers = SharedMemory::map(file.as_ref().map(AsFd::as_fd), 0, page)?;
        let keep = (keep as usize).next_multiple_of(page);
        Ok(Self { file, numbers, page, keep })
    }

    /// The place of a service. What another one has left there is forgotten.
    pub(super) fn place(&self, id: u32, name: &str) -> Result<MemoryPlace, Errno> {
        let size = self.page + self.keep;
        let offset = (id as usize).checked_mul(size).ok_or(Errno::EINVAL)? + self.page;
        let memory = SharedMemory::map(self.file.as_ref().map(AsFd::as_fd), offset, size)?;
        let place = MemoryPlace { memory, page: self.page, keep: self.keep };
        if place.name() != name.as_bytes() || !place.makes_sense() {
            place.begin(name.as_bytes());
        }
        Ok(place)
    }

    /// Begins a step.
    pub(super) fn begin(&self, step: &UnfinishedStep) {
        let stream = u64::from(step.stream == LogStream::Stderr);
        let words =
            [step.source.into(), stream, step.count as u64, step.mark, u64::from(step.parts)];
        let [first, rest @ ..] = STEP;
        for (at, word) in rest.iter().zip(&words[1..]) {
            self.numbers.store(*at, *word);
        }
        self.numbers.store(first, words[0] + 1);
    }

    /// Ends it.
    pub(super) fn end(&self) {
        self.numbers.store(STEP[0], 0);
    }

    /// The step that was not ended.
    pub(super) fn step(&self) -> Option<UnfinishedStep> {
        let [source, stream, count, mark, parts] = STEP.map(|at| self.numbers.load(at));
        Some(UnfinishedStep {
            source: source.checked_sub(1)? as u32,
            stream: if stream == 0 { LogStream::Stdout } else { LogStream::Stderr },
            count: count as usize,
            mark,
            parts: parts as u32,
        })
    }

    /// The number of the next record.
    pub(super) fn next_number(&self) -> u64 {
        let number = self.numbers.load(NUMBER) + 1;
        self.numbers.store(NUMBER, number);
        number
    }
}

impl MemoryPlace {
    fn name(&self) -> Vec<u8> {
        let length = self.memory.load(NAME_LENGTH).min((self.page - NAME) as u64);
        let mut name = vec![0; length as usize];
        self.memory.read(NAME, &mut name);
        name
    }

    fn begin(&self, name: &[u8]) {
        self.memory.store(NAME_LENGTH, 0);
        self.memory.store(FIRST, self.end());
        PARTS.iter().for_each(|at| self.memory.store(*at, 0));
        let name = name.get(..self.page - NAME).unwrap_or(name);
        self.memory.write(NAME, name);
        self.memory.store(NAME_LENGTH, name.len() as u64);
    }

    fn makes_sense(&self) -> bool {
        let end = self.end();
        let mut at = self.first();
        while at < end {
            match self.record(at) {
                Some((_, next)) => at = next,
                None => return false,
            }
        }
        at == end
    }

    /// How many parts of an unfinished line have been shown.
    pub(super) fn parts(&self, stream: LogStream) -> u32 {
        self.memory.load(parts_of(stream)) as u32
    }

    /// The same, for whoever comes next.
    pub(super) fn set_parts(&self, stream: LogStream, parts: u32) {
        self.memory.store(parts_of(stream), parts.into());
    }

    /// Where the oldest record is.
    pub(super) fn first(&self) -> u64 {
        self.memory.load(FIRST)
    }

    /// Where the next record will be.
    pub(super) fn end(&self) -> u64 {
        self.memory.load(END)
    }

    /// Adds a record; the oldest ones make room. One that is longer than the ring is not kept.
    pub(super) fn add(&self, record: &LogRecord, text: &[u8]) {
        let size = (HEAD + text.len()).next_multiple_of(8) as u64;
        let (mut first, end) = (self.first(), self.end());
        if size > self.keep as u64 {
            return;
        }
        while end + size - first > self.keep as u64
            && let Some((_, next)) = self.record(first)
        {
            first = next;
        }
        self.memory.store(FIRST, first);
        let stream = u64::from(record.stream == LogStream::Stderr);
        let open = u64::from(record.is_open);
        let before = u64::from(record.before & 0xff_ffff);
        let rest = text.len() as u64 | stream << 32 | open << 33 | before << 40;
        let words = [record.time_ns, record.number, rest];
        for (place, word) in words.iter().enumerate() {
            self.write(end + 8 * place as u64, &word.to_ne_bytes());
        }
        self.write(end + HEAD as u64, text);
        self.memory.store(END, end + size);
    }

    /// The record at a place, without its service and text, and where the next one is.
    pub(super) fn record(&self, at: u64) -> Option<(LogRecord, u64)> {
        let mut words = [0_u64; 3];
        for (place, word) in words.iter_mut().enumerate() {
            let mut bytes = [0; 8];
            self.read(at + 8 * place as u64, &mut bytes);
            *word = u64::from_ne_bytes(bytes);
        }
        let [time_ns, number, rest] = words;
        let length = rest as u32;
        let next = at.checked_add((HEAD + length as usize).next_multiple_of(8) as u64)?;
        let stream = match rest >> 32 & 1 {
            0 => LogStream::Stdout,
            _ => LogStream::Stderr,
        };
        let (before, is_open) = ((rest >> 40) as u32, rest >> 33 & 1 == 1);
        let service = String::new();
        let record = LogRecord { service, stream, time_ns, number, before, is_open, length };
        (next <= self.end()).then_some((record, next))
    }

    /// The text of the record at a place.
    pub(super) fn text(&self, at: u64, record: &LogRecord) -> Vec<u8> {
        let mut text = vec![0; record.length as usize];
        self.read(at + HEAD as u64, &mut text);
        text
    }

    /// Where something is in the ring, and how many bytes there are up to its end.
    fn ring(&self, at: u64, length: usize) -> (usize, usize) {
        let at = at.checked_rem(self.keep as u64).unwrap_or(0) as usize;
        (self.page + at, length.min(self.keep - at))
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        let (start, until_end) = self.ring(at, bytes.len());
        let (head, tail) = bytes.split_at(until_end);
        self.memory.write(start, head);
        self.memory.write(self.page, tail);
    }

    fn read(&self, at: u64, bytes: &mut [u8]) {
        let (start, until_end) = self.ring(at, bytes.len());
        let (head, tail) = bytes.split_at_mut(until_end);
        self.memory.read(start, head);
        self.memory.read(self.page, tail);
    }
}

fn parts_of(stream: LogStream) -> usize {
    match stream {
        LogStream::Stdout => PARTS[0],
        LogStream::Stderr => PARTS[1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::shared::memory_file;

    fn record(number: u64) -> LogRecord {
        LogRecord {
            service: String::new(),
            stream: LogStream::Stderr,
            time_ns: 5,
            number,
            before: 3,
            is_open: true,
            length: 0,
        }
    }

    fn texts(place: &MemoryPlace) -> Vec<String> {
        let (mut at, mut all) = (place.first(), Vec::new());
        while let Some((record, next)) = place.record(at).filter(|_| at < place.end()) {
            assert_eq!((record.before, record.is_open), (3, true));
            all.push(String::from_utf8(place.text(at, &record)).unwrap());
            at = next;
        }
        all
    }

    #[test]
    fn the_last_of_it_is_kept_and_found_again() {
        let file = memory_file("test").unwrap();
        let again = || Some(file.try_clone().unwrap());
        let memory = Memory::new(again(), 1).unwrap();
        let place = memory.place(3, "web").unwrap();
        place.set_parts(LogStream::Stderr, 7);
        let count = memory.keep / 32 + 1000;
        for n in 0..count {
            place.add(&record(memory.next_number()), format!("{n:07}\n").as_bytes());
        }
        let all = texts(&place);
        assert_eq!(all.len(), memory.keep / 32);
        assert_eq!(all.last().unwrap(), &format!("{:07}\n", count - 1));
        let other = Memory::new(again(), 1).unwrap();
        let place = other.place(3, "web").unwrap();
        assert_eq!((texts(&place), place.parts(LogStream::Stderr)), (all, 7));
        assert_eq!(other.next_number(), count as u64 + 1);
        let place = other.place(3, "other").unwrap();
        assert_eq!((texts(&place), place.parts(LogStream::Stderr)), (Vec::new(), 0));
    }

    #[test]
    fn a_step_that_was_not_ended_is_known() {
        let memory = Memory::new(None, 0).unwrap();
        assert_eq!(memory.step(), None);
        let step =
            UnfinishedStep { source: 0, stream: LogStream::Stderr, count: 7, mark: 8, parts: 9 };
        memory.begin(&step);
        assert_eq!(memory.step(), Some(step));
        memory.end();
        assert_eq!(memory.step(), None);
    }

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let memory = Memory::new(None, 1).unwrap();
        let place = memory.place(0, "web").unwrap();
        place.add(&record(1), b"short\n");
        place.add(&record(2), &vec![b'x'; memory.keep]);
        assert_eq!(texts(&place), ["short\n"]);
    }
}
