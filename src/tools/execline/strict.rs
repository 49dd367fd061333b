//! EXECLINE_STRICT: whether a slip in a script goes unnoticed, is warned about, or is fatal.
//! Reference: <https://skarnet.org/software/execline/execlineb.html>.

use crate::format::decimal;
use crate::tools::{Exit, Process};

/// Says what a script did wrong, or does not, or ends the tool with exit code 100.
pub fn complain(process: &Process, text: impl FnOnce() -> String) -> Result<(), Exit> {
    match process.env.get(b"EXECLINE_STRICT").and_then(decimal::parse::<u32>).unwrap_or(0) {
        0 => Ok(()),
        1 => {
            process.warn(text());
            Ok(())
        }
        _ => Err(process.fatal(100, text())),
    }
}
