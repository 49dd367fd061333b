//! s6-cut: parts of every line.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-cut.html>.

use crate::format::decimal;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word, lines};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;

/// `s6-cut [ -b list | -c list | -f list ] [ -d delim ] [ -n ] [ -s ] [ file... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nsb:c:f:d:")?;
    let cut = Cut::of(process, &options)?;
    let files = options.rest();
    if files.is_empty() {
        cut.lines_of(process, 0, "stdin")?;
    }
    for file in &files {
        if file == b"-" {
            cut.lines_of(process, 0, "stdin")?;
            continue;
        }
        let opened = open(file.as_slice(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(process.unable(format_args!("open {} for reading", show(file))))?;
        cut.lines_of(process, opened.as_raw_fd(), &show(file).to_string())?;
    }
    Ok(Next::Exit(0))
}

/// What to keep of a line.
struct Cut {
    /// Places, from 1: ascending, and apart from each other.
    ranges: Vec<Range>,
    /// What separates the fields that the ranges count; `None`: they count bytes.
    delimiter: Option<u8>,
    /// Lines without a delimiter are left out.
    only_delimited: bool,
}

/// From the first to the last place, `usize::MAX` if there is no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: usize,
    last: usize,
}

impl Cut {
    fn of(process: &Process, options: &Options) -> Result<Self, Exit> {
        let mut lists = options.iter().filter(|(letter, _)| "bcf".contains(*letter));
        let (Some((unit, list)), None) = (lists.next(), lists.next()) else {
            return Err(process.usage());
        };
        let ranges = parse(list).ok_or_else(|| {
            process.fatal(100, format_args!("invalid list argument: {}", show(list)))
        })?;
        if ranges.is_empty() {
            return Err(process.usage());
        }
        let delimiter = options.value('d').map_or(b'\t', |d| d.first().copied().unwrap_or(0));
        Ok(Self {
            ranges,
            delimiter: (unit == 'f').then_some(delimiter),
            only_delimited: options.has('s'),
        })
    }

    fn lines_of(&self, process: &Process, fd: i32, name: &str) -> Result<(), Exit> {
        lines::filter_from(process, fd, &format!("unable to cut {name}"), &mut |line, out| {
            match self.delimiter {
                Some(delimiter) => self.fields(line, delimiter, out),
                None => self.bytes(line, out),
            }
            Ok(())
        })
    }

    fn fields(&self, line: &[u8], delimiter: u8, out: &mut Vec<u8>) {
        // The newline is the end of the last field.
        let fields: Vec<&[u8]> = line.split(|&b| b == delimiter).collect();
        if fields.len() == 1 && self.ranges.first().is_some_and(|range| range.first > 1) {
            out.extend_from_slice(if self.only_delimited { b"" } else { line });
            return;
        }
        let kept: Vec<&[u8]> = self
            .ranges
            .iter()
            .filter_map(|range| fields.get(range.first - 1..range.last.min(fields.len())))
            .flatten()
            .copied()
            .collect();
        let text = kept.join(&delimiter);
        let ended = text.ends_with(b"\n") || !line.ends_with(b"\n");
        out.extend(text);
        out.extend_from_slice(if ended { b"" } else { b"\n" });
    }

    fn bytes(&self, line: &[u8], out: &mut Vec<u8>) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        for range in &self.ranges {
            // As with the reference, no range begins at the very last byte of what is read, even
            // where that is not a newline.
            // Differs: a range that ends with the newline adds no empty line.
            if range.first < line.len() {
                let kept = text.get(range.first - 1..range.last.min(text.len()));
                out.extend_from_slice(kept.unwrap_or_default());
            }
        }
        out.extend_from_slice(&line[text.len()..]);
    }
}

/// Reads a list such as `1,3-5,-2,7-`, with commas, blanks or tabs between the ranges.
fn parse(list: &[u8]) -> Option<Vec<Range>> {
    let between = |byte: &u8| b", \t".contains(byte);
    let list = match list.split_last() {
        None => return Some(Vec::new()),
        Some((last, before)) if between(last) => before,
        Some(_) => list,
    };
    let words = list.split(between);
    let mut ranges: Vec<Range> = words.map(parse_range).collect::<Option<_>>()?;
    ranges.sort_by_key(|range| range.first);
    let mut merged: Vec<Range> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(before) if range.first <= before.last => before.last = before.last.max(range.last),
            _ => merged.push(range),
        }
    }
    Some(merged)
}

fn parse_range(word: &[u8]) -> Option<Range> {
    let number = |digits: &[u8]| {
        let all = digits.iter().all(u8::is_ascii_digit);
        all.then(|| decimal::leading(digits))?.filter(|&n| n > 0)
    };
    let dash = word.iter().position(|&b| b == b'-');
    let first = &word[..dash.unwrap_or(word.len())];
    let first = if first.is_empty() && dash.is_some() { 1 } else { number(first)? };
    let last = match dash.and_then(|at| word.get(at + 1..)) {
        None => first,
        Some(b"") => usize::MAX,
        Some(last) => number(last).filter(|&last| last >= first)?,
    };
    Some(Range { first, last })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_become_ascending_ranges() {
        let range = |first, last| Range { first, last };
        assert_eq!(parse(b"5,1-2\t2-3"), Some(vec![range(1, 3), range(5, 5)]));
        assert_eq!(parse(b"-2,4-,9"), Some(vec![range(1, 2), range(4, usize::MAX)]));
        assert_eq!(parse(b""), Some(vec![]));
        for bad in ["0", "x", "3-1", "1-0", "1-2-3", ",1", "1,,2"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
