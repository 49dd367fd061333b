//! importas: replaces a key by the value of a variable in the words that follow.
//! Reference: <https://skarnet.org/software/execline/importas.html>.

use super::pass::{self, Fault, Pass};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `importas [ -i | -D default ] [ -u ] [ -N | -n ] [ -s ] [ -C | -c ] [ -d delim ] key var
/// prog...`, or with -S one word for both key and variable.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    pass::run(process, argv, directive)
}

/// The same within a pass.
pub(super) fn directive(pass: &mut Pass, argv: Vec<Word>) -> Result<Vec<Word>, Fault> {
    let options = pass::options(argv, "SiuD:NnsCcd:")?;
    let (key, variable, rest) = match options.words() {
        [same, rest @ ..] if options.has('S') => (same, same, rest),
        [key, variable, rest @ ..] => (key, variable, rest),
        _ => return Err(Fault::Usage),
    };
    pass.definitions.check(key)?;
    let set = pass.process.env.get(variable);
    if set.is_none() && options.has('i') {
        let text = format!("{} not set", show(variable));
        return Err(Fault::Said(pass.process.fatal(100, &text)));
    }
    let value = match set.or(options.value('D')) {
        Some(string) => pass::value(&pass::transform(&options), string)?,
        None => Vec::new(),
    };
    if set.is_some() && options.has('u') {
        pass.unset.push(variable.clone());
    }
    pass.definitions.define(key.clone(), value)?;
    Ok(rest.to_vec())
}
