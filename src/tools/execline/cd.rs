//! execline-cd (also called cd): changes the working directory.
//! Reference: <https://skarnet.org/software/execline/execline-cd.html>.

use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `cd path prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([path], program) = process.operands(argv.into_iter().skip(1))?;
    nix::unistd::chdir(path.as_slice())
        .map_err(process.unable(format_args!("chdir to {}", show(&path))))?;
    Ok(program.into())
}
