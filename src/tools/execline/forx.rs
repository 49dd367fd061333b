//! forx: runs a program for each word of a list.
//! Reference: <https://skarnet.org/software/execline/forx.html>.

use super::autoimport;
use super::blocks::Blocks;
use super::each::{Each, Manner};
use crate::tools::{Exit, Next, Options, Process, Word};

/// `forx [ -E | -e ] [ -p | -P maxpar ] [ -o codes | -x codes ] var { values... } command...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "pP:o:x:Ee")?;
    let mut manner = Manner::of(process, &options)?;
    let ([variable], rest) = process.operands(options.rest())?;
    autoimport::check_name(process, &variable)?;
    let (values, program) = Blocks::new(process).take(rest, "block")?;
    if values.is_empty() || program.is_empty() {
        return Ok(Next::Exit(0));
    }
    manner.most = manner.most.min(values.len());
    let mut each = Each::new(process, manner, variable, program.into());
    for value in values {
        each.run(&value, &|| Ok(()))?;
    }
    each.finish()?;
    Ok(Next::Exit(0))
}
