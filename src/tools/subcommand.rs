//! The names that stand for a whole package: `execline PROGRAM ARGUMENTS`.

use super::{Next, Process, Tool, Word};

/// Their synopsis.
pub const USAGE: &str = "subcommand [ arguments... ]";

/// Goes on as the tool of `package` that the first argument names.
pub fn run(process: &mut Process, package: &'static [Tool], argv: Vec<Word>) -> Result<Next, Next> {
    let argv: Vec<Word> = argv.into_iter().skip(1).collect();
    let name = argv.first().ok_or_else(|| process.usage())?;
    let tool = package.iter().find(|tool| tool.name.as_bytes() == name.as_slice());
    let tool = tool.ok_or_else(|| {
        process.fatal(100, &format!("unknown subcommand: {}", super::die::show(name)))
    })?;
    process.turn_into(tool);
    (tool.run)(process, argv)
}
