//! multidefine: splits a value over several keys.
//! Reference: <https://skarnet.org/software/execline/multidefine.html>.

use super::pass::{self, Fault, Pass};
use crate::execline::block::Block;
use crate::execline::substitute::Transform;
use crate::tools::{Exit, Next, Process, Word};

/// `multidefine [ -0 ] [ -r ] [ -N | -n ] [ -C | -c ] [ -d delim ] value { vars... } prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    pass::run(process, argv, directive)
}

/// The same within a pass.
pub(super) fn directive(pass: &mut Pass, argv: Vec<Word>) -> Result<Vec<Word>, Fault> {
    let options = pass::options(argv, "0rNnCcd:")?;
    let [string, block @ ..] = options.words() else { return Err(Fault::Usage) };
    let Block { words: keys, rest, .. } = pass.blocks.read(block.to_vec()).map_err(Fault::Said)?;
    if keys.is_empty() && rest.is_some() {
        return Err(Fault::EmptyBlock);
    }
    let rest = rest.ok_or(Fault::Usage)?;
    let transform = Transform { split: true, ..pass::transform(&options) };
    let words = pass::value(&transform, string)?;
    // With -r the last key gets all the words from its own on but the words of the unnamed keys
    // after it are counted among those: as many as there are beyond the keys.
    let surplus = if options.has('r') { words.len().saturating_sub(keys.len()) } else { 0 };
    let last = keys.iter().rposition(|key| !key.is_empty());
    for (at, key) in keys.iter().enumerate().filter(|(_, key)| !key.is_empty()) {
        let end = if Some(at) == last { at + surplus } else { at };
        let value = match words.get(at..=end) {
            Some(words) => words.to_vec(),
            None if options.has('0') => Vec::new(),
            None => vec![Word::new()],
        };
        pass.definitions.define(key.clone(), value)?;
    }
    Ok(rest)
}
