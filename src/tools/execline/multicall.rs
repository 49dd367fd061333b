//! execline: any of the programs of this family, by its name as an argument.
//! Reference: <https://skarnet.org/software/execline/>.

use super::TOOLS;
use crate::tools::die::show;
use crate::tools::{Exec, Next, Process, Word};

/// `execline subcommand [ arguments... ]`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Next> {
    let words: Vec<Word> = argv.into_iter().skip(1).collect();
    let Some(name) = words.first() else { return Err(process.usage()) };
    if !TOOLS.iter().any(|tool| tool.name.as_bytes() == name) {
        return Err(process.fatal(100, &format!("unknown subcommand: {}", show(name))));
    }
    Ok(Next::Exec(Exec::own(words)))
}
