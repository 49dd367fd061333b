//! with-retries: runs a program until it succeeds.

use super::script;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `with-retries [ -n retries ] [ -t timeout ] prog...`: at most so many times, each for at most so
/// many ms (0: for ever).
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "n:t:")?;
    let retries = options.number(process, 'n', 3u32)?;
    let limit = options.value('t').unwrap_or(b"500").to_vec();
    process.number::<u32>(&limit)?;
    let prog = options.rest();
    if prog.is_empty() {
        return Err(process.usage());
    }
    let bounded = [vec![b"s6-maximumtime".to_vec(), b"-t".to_vec(), limit], prog].concat();
    for _ in 0..retries {
        match script::run_words(process, bounded.clone()) {
            Ok(0) => return Ok(Next::Exit(0)),
            Ok(_) => {}
            Err(e) => return Err(process.fatal_errno("unable to run s6-maximumtime", e)),
        }
    }
    Ok(Next::Exit(1))
}
