//! emptyenv: empties the environment, or cleans it of what execline has put there.
//! Reference: <https://skarnet.org/software/execline/emptyenv.html>.

use super::frames;
use crate::format::decimal;
use crate::tools::{Exit, Next, Options, Process, Word};

const LONG: &[(&str, char)] = &[
    ("keep-path", 'p'),
    ("keep-ld-library-path", 'l'),
    ("cleanup", 'c'),
    ("pop-elgetopt", 'o'),
    ("pop-execline", 'P'),
];

/// `emptyenv [ -p ] [ -l ] prog...`, `emptyenv -c prog...` or `emptyenv [ -o ] [ -P ] prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "plcoP", LONG)?;
    if options.has('c') {
        process.env.retain(|name, _| !is_internal(name));
    } else if options.has('o') || options.has('P') {
        let popped =
            [(options.has('o'), frames::ELGETOPT), (options.has('P'), frames::POSITIONALS)];
        for (_, prefixes) in popped.iter().filter(|(asked, _)| *asked) {
            frames::pop(&mut process.env, prefixes);
        }
    } else {
        let kept = [(options.has('p'), "PATH"), (options.has('l'), "LD_LIBRARY_PATH")];
        process
            .env
            .retain(|name, _| kept.iter().any(|&(asked, kept)| asked && name == kept.as_bytes()));
    }
    let ([], program) = process.operands(options.rest())?;
    Ok(program.into())
}

/// Whether a variable is one of those with which execline programs talk to each other.
fn is_internal(name: &[u8]) -> bool {
    let is_number = |name| decimal::parse::<u32>(name).is_some();
    matches!(name, b"!" | b"?" | b"#" | b"0" | b"EXECLINE_STRICT")
        || name.starts_with(b"ELGETOPT_")
        || name.strip_prefix(b"FD").is_some_and(is_number)
        || !name.starts_with(b"0") && is_number(name)
}
