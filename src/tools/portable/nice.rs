//! s6-nice: runs a program at another priority.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-nice.html>.

use crate::format::decimal;
use crate::sys::process::nice;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `s6-nice [ -I | -i ] [ -n value ] prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Iin:")?;
    let strict = options.last_of("Ii") == Some('i');
    let parse = |word: &[u8]| decimal::leading_i32(word).ok_or_else(|| process.usage());
    let increment = options.parsed('n', parse)?.unwrap_or(10);
    let ([], program) = process.operands(options.rest())?;
    if let Err(e) = nice(increment) {
        let text = format!("unable to nice to {increment}");
        if strict {
            return Err(process.fatal_errno(&text, e));
        }
        process.warn_errno(&text, e);
    }
    Ok(program.into())
}
