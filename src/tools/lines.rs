//! Programs that read lines and write lines to stdout.

use crate::sys::fd;
use crate::tools::{Exit, Next, Process};
use std::os::fd::RawFd;

/// Bytes read at once.
const CHUNK: usize = 65_536;

/// What is done with a line; it appends to what is written.
pub type Edit<'a> = dyn FnMut(&[u8], &mut Vec<u8>) -> Result<(), Exit> + 'a;

/// Gives every line of stdin to `edit`, which appends to what is written. The last line is without
/// a newline if it was read without one. All that can be written is, before the next read.
pub fn filter(process: &Process, mut edit: impl FnMut(&[u8], &mut Vec<u8>)) -> Result<Next, Exit> {
    try_filter(process, |line, out| {
        edit(line, out);
        Ok(())
    })
}

/// The same for an `edit` that can fail. What it has appended before that is written.
pub fn try_filter(
    process: &Process,
    mut edit: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), Exit>,
) -> Result<Next, Exit> {
    filter_from(process, 0, "unable to read from stdin", &mut edit)?;
    Ok(Next::Exit(0))
}

/// The same for the lines of any descriptor; `failure` says what a failed read means.
pub fn filter_from(
    process: &Process,
    from: RawFd,
    failure: &str,
    edit: &mut Edit,
) -> Result<(), Exit> {
    let mut chunk = vec![0; CHUNK];
    let (mut input, mut output) = (Vec::new(), Vec::new());
    loop {
        let read = fd::read(from, &mut chunk);
        let n = read.map_err(|e| process.fatal_errno(failure, e))?;
        input.extend_from_slice(chunk.get(..n).unwrap_or_default());
        let complete = match n {
            0 => input.len(),
            _ => input.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1),
        };
        let mut lines = input[..complete].split_inclusive(|&b| b == b'\n');
        let edited = lines.try_for_each(|line| edit(line, &mut output));
        process.print(&output)?;
        edited?;
        output.clear();
        input.drain(..complete);
        if n == 0 {
            return Ok(());
        }
    }
}
