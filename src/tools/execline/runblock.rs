//! runblock: becomes a block that stands in the positional parameters.
//! Reference: <https://skarnet.org/software/execline/runblock.html>.

use super::{frames, positionals};
use crate::tools::{Exit, Next, Options, Process, Word};

/// `runblock [ -P ] [ -n argshift ] [ -r ] n cmd...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Prn:")?;
    let remainder = options.has('r');
    let mut before: u32 = options.number(process, 'n', 0)?;
    let [wanted, command @ ..] = options.words() else { return Err(process.usage()) };
    let wanted: u32 = process.number(wanted)?;
    if wanted == 0 && !remainder {
        return Err(process.usage());
    }

    let count = positionals::count(process)?;
    let read = |number, before| {
        positionals::block(process, number, before, count, |_| "too few arguments".to_owned())
    };
    let skipped = if remainder { wanted } else { wanted - 1 };
    for number in 1..=skipped {
        (_, before) = read(number, before)?;
    }
    let words = if remainder {
        if before >= count {
            return Ok(Next::Exit(0));
        }
        positionals::range(process, before + 1, count)?
    } else {
        read(wanted, before)?.0
    };

    if !options.has('P') {
        frames::pop(&mut process.env, frames::POSITIONALS);
    }
    Ok(command.iter().cloned().chain(words).collect::<Vec<_>>().into())
}
