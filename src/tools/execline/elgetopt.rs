//! elgetopt: parses the positional parameters as options, into variables.
//! Reference: <https://skarnet.org/software/execline/elgetopt.html>.

use super::{frames, positionals};
use crate::sys::fd;
use crate::tools::options::Problem;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `elgetopt [ -D default ] optstring prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "D:")?;
    let default = options.value('D').unwrap_or(b"1").to_vec();
    let ([spec], program) = process.operands(options.rest())?;
    let count = positionals::count(process)?;
    let words = positionals::range(process, 0, count)?;
    let script = words.first().cloned().unwrap_or_default();
    let parsed = Options::read(words, &spec).map_err(|problem| {
        complain(&script, problem);
        Exit(1)
    })?;
    if parsed.has(':') {
        complain(&script, Problem::NoValue);
    }

    frames::push(&mut process.env, frames::ELGETOPT);
    for (letter, value) in parsed.found() {
        process.env.set(&[b"ELGETOPT_", &[letter][..]].concat(), value.unwrap_or(&default));
    }
    let left: Vec<_> = parsed.rest().into_iter().map(Some).collect();
    positionals::replace(process, count, &left);
    Ok(program.into())
}

/// Says what is wrong with the options, in the name of the script.
fn complain(script: &[u8], problem: Problem) {
    let text: &[u8] = match problem {
        Problem::Unknown => b": illegal option\n",
        Problem::NoValue => b": option requires an argument\n",
    };
    fd::write_to_stderr(&[script, text].concat());
}
