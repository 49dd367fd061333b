//! The names that stand for a whole package: `execline PROGRAM ARGUMENTS`.

use super::die::show;
use super::{Exec, Exit, Next, Process, Tool, Word};

/// Their synopsis.
pub const USAGE: &str = "subcommand [ arguments... ]";

/// Goes on as the tool of `package` that the first argument names.
pub fn run(process: &mut Process, package: &[Tool], argv: Vec<Word>) -> Result<Next, Exit> {
    let words: Vec<Word> = argv.into_iter().skip(1).collect();
    let Some(name) = words.first() else { return Err(process.usage()) };
    if !package.iter().any(|tool| tool.name.as_bytes() == name) {
        return Err(process.fatal(100, format_args!("unknown subcommand: {}", show(name))));
    }
    Ok(Exec::own(words).into())
}
