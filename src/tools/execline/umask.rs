//! execline-umask (also called umask): sets the file mode creation mask.
//! Reference: <https://skarnet.org/software/execline/execline-umask.html>.

use crate::tools::{Next, Process, Word};
use nix::sys::stat::{Mode, umask};

/// `umask value prog...`: the value is octal, as far as its digits go.
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Next> {
    let ([word], program) = process.operands(argv.into_iter().skip(1))?;
    let end = word.iter().position(|b| !(b'0'..=b'7').contains(b)).unwrap_or(word.len());
    let mask = octal(&word[..end]).ok_or_else(|| process.usage())?;
    umask(Mode::from_bits_truncate(mask));
    Ok(program.into())
}

/// An octal number of up to 32 bits, all of the word.
pub fn octal(word: &[u8]) -> Option<u32> {
    let octal = !word.is_empty() && word.iter().all(|b| (b'0'..=b'7').contains(b));
    octal.then(|| u32::from_str_radix(std::str::from_utf8(word).ok()?, 8).ok())?
}
