//! s6-echo and s6-seq: print words, or numbers.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-echo.html> and `s6-seq.html`.

use crate::tools::{Exit, Next, Options, Process, Word};
use std::io::Write;

/// `s6-echo [ -n ] [ -s sep ] args...`: a separator is one byte, NUL if it is empty.
pub fn s6_echo(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "ns:")?;
    let separator = options.value('s').map_or(b' ', |s| s.first().copied().unwrap_or(0));
    let newline = !options.has('n');
    let mut text = options.rest().join(&separator);
    if newline {
        text.push(b'\n');
    }
    process.print(&text)?;
    Ok(Next::Exit(0))
}

/// Bytes of a sequence that are collected before they are written.
const CHUNK: usize = 65_536;

/// `s6-seq [ -w ] [ -s separator ] limits`: a number and a separator each, NUL if that is empty.
pub fn s6_seq(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "ws:")?;
    let separator = options.value('s').unwrap_or(b"\n").to_vec();
    let separator = if separator.is_empty() { vec![0] } else { separator };
    let fixed = options.has('w');
    let limits = options.rest();
    let limits = limits.iter().map(|word| process.number(word));
    let (first, step, last) = match limits.collect::<Result<Vec<u32>, Exit>>()?.as_slice() {
        [last] => (1, 1, *last),
        [first, last] => (*first, 1, *last),
        [first, step, last] => (*first, *step, *last),
        _ => return Err(process.usage()),
    };
    let width = if fixed { width(first, step, last) } else { 0 };
    let mut text = Vec::new();
    let mut next = Some(first);
    while let Some(number) = next.filter(|&number| number <= last) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{number:0width$}");
        text.extend_from_slice(&separator);
        if text.len() >= CHUNK {
            process.print(&text)?;
            text.clear();
        }
        next = number.checked_add(step);
    }
    process.print(&text)?;
    Ok(Next::Exit(0))
}

/// How many digits the last number of a sequence has.
fn width(first: u32, step: u32, last: u32) -> usize {
    let beyond = last.saturating_sub(first).checked_rem(step).unwrap_or(0);
    last.max(first).saturating_sub(beyond).to_string().len()
}
