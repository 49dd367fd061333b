//! dollarat: prints the positional parameters.
//! Reference: <https://skarnet.org/software/execline/dollarat.html>.

use super::positionals;
use crate::execline::netstring;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `dollarat [ -n ] [ -0 | -d delimchar ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nd:0")?;
    let delimiter = match options.last_of("0d") {
        Some('0') => Some(0),
        Some(_) => options.value('d').and_then(|d| d.first()).copied(),
        None => Some(b'\n'),
    };
    let count = positionals::count(process)?;
    let mut text = Vec::new();
    for number in 1..=count {
        let argument = positionals::get(process, number)?;
        match delimiter {
            None => netstring::append(&mut text, argument),
            Some(delimiter) => {
                text.extend_from_slice(argument);
                if number < count || !options.has('n') {
                    text.push(delimiter);
                }
            }
        }
    }
    process.print(&text)?;
    Ok(Next::Exit(0))
}
