//! s6-nice: runs a program at another priority.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-nice.html>.

use crate::sys::process::nice;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `s6-nice [ -I | -i ] [ -n value ] prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Iin:")?;
    let strict = options.last_of("Ii") == Some('i');
    let increment = match options.value('n') {
        Some(word) => std::str::from_utf8(word).ok().and_then(|text| text.parse().ok()),
        None => Some(10),
    };
    let increment = increment.ok_or_else(|| process.usage())?;
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
