//! loopwhilex: runs a program again and again while its exit code allows it.
//! Reference: <https://skarnet.org/software/execline/loopwhilex.html>.

use super::children;
use super::exit_codes::ExitCodes;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `loopwhilex [ -n ] [ -o okcode,okcode,... | -x exitcode,exitcode,... ] prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "no:x:")?;
    let negate = options.has('n');
    let codes = ExitCodes::of(process, &options)?.unwrap_or_else(ExitCodes::success);
    let ([], program) = process.operands(options.rest())?;
    loop {
        let status = children::run_unblocked(process, program.clone(), "loop body")?;
        if codes.go_on(status) == negate {
            return Ok(Next::Exit(status.approximation()));
        }
    }
}
