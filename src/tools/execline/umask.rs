//! execline-umask (also called umask): sets the file mode creation mask.
//! Reference: <https://skarnet.org/software/execline/execline-umask.html>.

use crate::tools::die::leading_octal;
use crate::tools::{Exit, Next, Process, Word};
use nix::sys::stat::{Mode, umask};

/// `umask value prog...`: the value is octal, as far as its digits go.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([word], program) = process.operands(argv.into_iter().skip(1))?;
    let mask = leading_octal(&word).ok_or_else(|| process.usage())?;
    umask(Mode::from_bits_truncate(mask));
    Ok(program.into())
}
