//! elglob: replaces a key by the names of files in the words that follow.
//! Reference: <https://skarnet.org/software/execline/elglob.html>.

use super::pass::{self, Fault, Pass};
use crate::execline::netstring;
use crate::sys::glob::{self, Expansion};
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word};

/// `elglob [ -v ] [ -w ] [ -s ] [ -m ] [ -e ] [ -0 ] [ -n ] [ -d delim ] key pattern prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    pass::run(process, argv, directive)
}

/// The same within a pass.
pub(super) fn directive(pass: &mut Pass, argv: Vec<Word>) -> Result<Vec<Word>, Fault> {
    let options = pass::options(argv, "vwsme0nd:")?;
    let [key, pattern, rest @ ..] = options.words() else { return Err(Fault::Usage) };
    pass.definitions.check(key)?;
    let how = Expansion {
        sorted: options.has('s'),
        mark_directories: options.has('m'),
        no_escape: options.has('e'),
        strict: options.has('w'),
        or_itself: !options.has('0'),
    };
    let mut unread = Vec::new();
    let names = glob::expand_noting(pattern, how, &mut unread);
    if options.has('v') {
        for (directory, e) in unread {
            let directory = show(&directory);
            let text = format!("while globbing, error reading {directory}: {}", reason(e));
            pass.process.warn(&text);
        }
    }
    let value = joined(&options, names.map_err(Fault::System)?);
    pass.definitions.define(key.clone(), value)?;
    Ok(rest.to_vec())
}

/// The names as words, or as the one word that -d asks for.
fn joined(options: &Options, names: Vec<Word>) -> Vec<Word> {
    let Some(delimiter) = options.value('d') else { return names };
    let mut word = Word::new();
    for name in &names {
        match delimiter.first() {
            None => netstring::append(&mut word, name),
            Some(&delimiter) => {
                word.extend_from_slice(name);
                word.push(delimiter);
            }
        }
    }
    if options.has('n') && !delimiter.is_empty() {
        word.pop();
    }
    vec![word]
}
