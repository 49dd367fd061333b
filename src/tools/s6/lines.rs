//! Programs that read lines from stdin and write lines to stdout.

use crate::sys::fd;
use crate::tools::{Next, Process};

/// Bytes read at once.
const CHUNK: usize = 65_536;

/// Gives every line of stdin to `edit`, which appends to what is written. The last line is without
/// a newline if it was read without one. All that can be written is, before the next read.
pub fn filter(process: &Process, mut edit: impl FnMut(&[u8], &mut Vec<u8>)) -> Result<Next, Next> {
    let mut chunk = vec![0; CHUNK];
    let (mut input, mut output) = (Vec::new(), Vec::new());
    loop {
        let read = fd::read(0, &mut chunk);
        let n = read.map_err(|e| process.fatal_errno("unable to read from stdin", e))?;
        input.extend_from_slice(chunk.get(..n).unwrap_or_default());
        let complete = match n {
            0 => input.len(),
            _ => input.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1),
        };
        for line in input[..complete].split_inclusive(|&b| b == b'\n') {
            edit(line, &mut output);
        }
        process.print(&output)?;
        output.clear();
        input.drain(..complete);
        if n == 0 {
            return Ok(Next::Exit(0));
        }
    }
}
