//! The positional parameters, as they stand in the environment: `#` says how many there are, `0`
//! is the script's name, `1` and so on are the arguments.

use super::strict;
use crate::execline::block::{Mark, mark};
use crate::format::decimal;
use crate::tools::die::show;
use crate::tools::{Exit, Process, Word};
use std::iter::repeat;

/// How many there are, `0` aside. If that is not said, the tool ends.
pub fn count(process: &Process) -> Result<u32, Exit> {
    decimal::parse(named(process, b"#")?).ok_or_else(|| process.fatal(100, "invalid $#"))
}

/// The one of this number. If it is not set, the tool ends.
pub fn get(process: &Process, number: u32) -> Result<&[u8], Exit> {
    named(process, number.to_string().as_bytes())
}

/// Those of the numbers from `first` to `last`. If one is not set, the tool ends.
pub fn range(process: &Process, first: u32, last: u32) -> Result<Vec<Word>, Exit> {
    (first..=last).map(|number| get(process, number).map(<[u8]>::to_vec)).collect()
}

/// Reads a block from the arguments: its words, and the number of its end. It is the block number
/// `block`, it begins after argument `before`, and there are `count` arguments. Where it does not
/// end, `short` says so; it gets the number of the argument that is missing.
pub fn block(
    process: &Process,
    block: u32,
    before: u32,
    count: u32,
    short: impl FnOnce(u32) -> String,
) -> Result<(Vec<Word>, u32), Exit> {
    let mut words = Vec::new();
    for number in before.saturating_add(1)..=count {
        match mark(get(process, number)?) {
            Mark::End => return Ok((words, number)),
            Mark::Quoted(word) => words.push(word.to_vec()),
            Mark::Unquoted(word) => {
                strict::complain(process, || {
                    let (word, position) = (show(word), number - before);
                    format!("unquoted positional {word} at block {block} position {position}")
                })?;
                words.push(word.to_vec());
            }
        }
    }
    Err(process.fatal(100, short(before.max(count).saturating_add(1))))
}

/// Puts others in the place of the `count` arguments that there are; `None` is one that is not set.
pub fn replace(process: &mut Process, count: u32, arguments: &[Option<Word>]) {
    process.env.set(b"#", arguments.len().to_string().as_bytes());
    for (number, argument) in (1..=count).zip(arguments.iter().chain(repeat(&None))) {
        let name = number.to_string().into_bytes();
        match argument {
            Some(argument) => process.env.set(&name, argument),
            None => process.env.unset(&name),
        }
    }
}

fn named<'a>(process: &'a Process, name: &[u8]) -> Result<&'a [u8], Exit> {
    let value = process.env.get(name);
    value.ok_or_else(|| process.fatal(100, format_args!("{} not set", show(name))))
}
