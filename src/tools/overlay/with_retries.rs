//! with-retries: runs a program until it succeeds.

use super::script;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `with-retries [ -n retries ] [ -t timeout ] prog...`: at most so many times, each for at most so
/// many ms (0: for ever). It exits 1 whatever is wrong.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    attempt(process, argv).map_err(|_| Exit(1))
}

fn attempt(process: &Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "n:t:")?;
    let retries = options.number(process, 'n', 3u32)?;
    let limit = options.number(process, 't', 500u32)?.to_string().into_bytes();
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
    Err(Exit(1))
}
