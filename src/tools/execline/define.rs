//! define: replaces a key by a value in the words that follow.
//! Reference: <https://skarnet.org/software/execline/define.html>.

use super::pass::{self, Fault, Pass};
use crate::tools::{Exit, Next, Process, Word};

/// `define [ -N | -n ] [ -s ] [ -C | -c ] [ -d delim ] key value prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    pass::run(process, argv, directive)
}

/// The same within a pass.
pub(super) fn directive(pass: &mut Pass, argv: Vec<Word>) -> Result<Vec<Word>, Fault> {
    let options = pass::options(argv, "NnsCcd:")?;
    let [key, string, rest @ ..] = options.words() else { return Err(Fault::Usage) };
    let value = pass::value(&pass::transform(&options), string)?;
    pass.definitions.define(key.clone(), value)?;
    Ok(rest.to_vec())
}
