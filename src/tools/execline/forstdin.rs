//! forstdin: runs a program for each line of stdin.
//! Reference: <https://skarnet.org/software/execline/forstdin.html>.

use super::autoimport;
use super::chunks::{Chunks, Cut};
use super::each::{Each, Manner};
use crate::sys::fd;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::os::fd::RawFd;

/// The options of a loop over input.
pub(super) const OPTIONS: &str = "pP:NnCc0d:o:x:Ee";

/// `forstdin [ -E | -e ] [ -p | -P maxpar | -o codes | -x codes ] [ -N | -n ] [ -C | -c ]
/// [ -0 | -d delim ] var command...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, OPTIONS)?;
    let manner = Manner::of(process, &options)?;
    let cut = Cut::of(&options);
    let ([variable], program) = process.operands(options.rest())?;
    autoimport::check_name(process, &variable)?;
    let input = Chunks::new(process, 0, cut);
    over(input, Each::new(process, manner, variable, program.into()), None)
}

/// Runs a program for each chunk of input, which the program does not inherit if it is `private`.
/// Without any chunk the exit code is 1.
pub(super) fn over(
    mut input: Chunks,
    mut each: Each,
    private: Option<RawFd>,
) -> Result<Next, Exit> {
    let mut code = 1;
    while let Some(value) = input.next()? {
        code = 0;
        each.run(&value, &|| {
            private.into_iter().for_each(fd::close);
            Ok(())
        })?;
    }
    each.finish()?;
    Ok(Next::Exit(code))
}
