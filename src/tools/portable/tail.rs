//! s6-tail: the last lines or bytes, or all from some line or byte on.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-tail.html>.

use crate::format::decimal;
use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, RawFd};

/// Bytes read at once.
const CHUNK: usize = 65_536;

/// What to print.
#[derive(Clone, Copy)]
enum Part {
    LastLines(usize),
    LastBytes(usize),
    /// From this line on; the first is 1.
    FromLine(usize),
    /// From this byte on; the first is 1.
    FromByte(usize),
}

/// `s6-tail [ -c chars | -n lines | -1..9 ] [ file ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "123456789n:c:")?;
    let part = part(process, &options)?;
    let Some(file) = options.rest().into_iter().next() else {
        tail(0, part).map_err(process.unable("tail stdin"))?;
        return Ok(Next::Exit(0));
    };
    let name = show(&file);
    let opened = open(file.as_slice(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(process.unable(format_args!("open {name} for reading")))?;
    tail(opened.as_raw_fd(), part).map_err(process.unable(format_args!("tail {name}")))?;
    Ok(Next::Exit(0))
}

fn part(process: &Process, options: &Options) -> Result<Part, Exit> {
    let mut given = options.iter();
    let part = match given.next() {
        None => Some(Part::LastLines(10)),
        Some(('n', word)) => counted(word, Part::LastLines, Part::FromLine),
        Some(('c', word)) => counted(word, Part::LastBytes, Part::FromByte),
        Some((digit, _)) => digit.to_digit(10).map(|lines| Part::LastLines(lines as usize)),
    };
    part.filter(|_| given.next().is_none()).ok_or_else(|| process.usage())
}

/// `N` or `-N` counts from the end, `+N` from the front.
fn counted(word: &[u8], last: fn(usize) -> Part, from: fn(usize) -> Part) -> Option<Part> {
    let (make, digits) = match word.split_first()? {
        (b'+', digits) => (from, digits),
        (b'-', digits) => (last, digits),
        _ => (last, word),
    };
    Some(make(decimal::parse::<u32>(digits)? as usize))
}

fn tail(from: RawFd, part: Part) -> Result<(), Errno> {
    match part {
        Part::LastBytes(bytes) => last(from, |text| text.len().saturating_sub(bytes)),
        Part::LastLines(lines) => last(from, |text| last_lines(text, lines)),
        Part::FromByte(byte) => {
            let mut left = byte.saturating_sub(1);
            beyond(from, |chunk| {
                let at = left.min(chunk.len());
                left -= at;
                (left == 0).then_some(at)
            })
        }
        Part::FromLine(line) => {
            let mut left = line.saturating_sub(1);
            beyond(from, |chunk| {
                let mut at = 0;
                while left > 0 {
                    at += chunk.get(at..)?.iter().position(|&b| b == b'\n')? + 1;
                    left -= 1;
                }
                Some(at)
            })
        }
    }
}

/// Prints all that can be read from the place on that `begin` finds in a chunk.
fn beyond(from: RawFd, mut begin: impl FnMut(&[u8]) -> Option<usize>) -> Result<(), Errno> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let n = fd::read(from, &mut chunk)?;
        if n == 0 {
            return Ok(());
        }
        if let Some(at) = begin(&chunk[..n]) {
            fd::write_all(1, &chunk[at..n])?;
            return fd::pour(1, from, u64::MAX).map(drop);
        }
    }
}

/// Reads all that there is, and prints what comes after `begin`. Of what it has read, it keeps
/// little more than twice as much as it will print.
fn last(from: RawFd, begin: impl Fn(&[u8]) -> usize) -> Result<(), Errno> {
    let mut chunk = vec![0; CHUNK];
    let mut kept = Vec::new();
    let mut enough = CHUNK;
    loop {
        let n = fd::read(from, &mut chunk)?;
        if n == 0 {
            return fd::write_all(1, &kept[begin(&kept)..]);
        }
        kept.extend_from_slice(&chunk[..n]);
        if kept.len() > enough {
            kept.drain(..begin(&kept));
            enough = 2 * kept.len() + CHUNK;
        }
    }
}

/// Where the last `lines` lines of a text begin, the last of which may be without a newline.
// Differs: the reference loses a last line without a newline.
fn last_lines(text: &[u8], lines: usize) -> usize {
    let Some(above) = lines.checked_sub(1) else { return text.len() };
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let newlines = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    newlines.map(|(at, _)| at + 1).nth(above).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_needs_no_newline() {
        assert_eq!(last_lines(b"a\nb\nc", 1), 4);
        assert_eq!(last_lines(b"a\nb\nc\n", 2), 2);
        assert_eq!(last_lines(b"a\nb", 5), 0);
        assert_eq!(last_lines(b"a\n\n", 1), 2);
        assert_eq!(last_lines(b"a\n", 0), 2);
        assert_eq!(last_lines(b"", 3), 0);
    }
}
