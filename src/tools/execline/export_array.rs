//! export-array: sets a variable to a list of words.
//! Reference: <https://skarnet.org/software/execline/export-array.html>.

use super::blocks::Blocks;
use super::export::check_name;
use crate::execline::netstring;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `export-array [ -d delim ] variable { value-list } prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "d:")?;
    let delimiter = options.value('d').and_then(|d| d.first()).copied();
    let ([variable], rest) = process.operands(options.rest())?;
    check_name(process, &variable)?;
    let (values, program) = Blocks::new(process).take_filled(rest, "block")?;
    let ([], program) = process.operands(program)?;
    let mut list = Word::new();
    for value in values {
        match delimiter {
            None => netstring::append(&mut list, &value),
            Some(delimiter) => {
                list.extend(value);
                list.push(delimiter);
            }
        }
    }
    process.env.set(&variable, &list);
    Ok(program.into())
}
