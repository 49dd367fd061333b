//! shift: drops positional parameters.
//! Reference: <https://skarnet.org/software/execline/shift.html>.

use super::{positionals, strict};
use crate::tools::{Exit, Next, Options, Process, Word};

/// `shift [ -n arg# ] [ -b block# ] prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "n:b:")?;
    let number = |letter| options.parsed(letter, |value| process.number(value));
    let (mut dropped, blocks) = match (number('n')?, number('b')?) {
        (None, None) => (1, 0),
        (arguments, blocks) => (arguments.unwrap_or(0), blocks.unwrap_or(0)),
    };
    let ([], program) = process.operands(options.rest())?;
    let count = positionals::count(process)?;
    if dropped > count {
        strict::complain(process, || format!("unable to shift {dropped} arguments: got {count}"))?;
        dropped = count;
    }
    for block in 0..blocks {
        (_, dropped) = positionals::block(process, block, dropped, count, |missing| {
            format!("unable to shift block {block}: too few arguments ({missing})")
        })?;
    }
    let names = (dropped..count).map(|before| (before + 1).to_string());
    let left: Vec<_> =
        names.map(|name| process.env.get(name.as_bytes()).map(<[u8]>::to_vec)).collect();
    positionals::replace(process, count, &left);
    Ok(program.into())
}
