//! exit: ends the chain.
//! Reference: <https://skarnet.org/software/execline/exit.html>.

use crate::tools::{Exit, Next, Process, Word};

/// `exit [ exitcode ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let Some(word) = argv.get(1) else { return Ok(Next::Exit(0)) };
    let code = process.number::<u32>(word)?;
    Ok(Next::Exit(code as u8))
}
