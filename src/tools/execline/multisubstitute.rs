//! multisubstitute: several directives in one pass.
//! Reference: <https://skarnet.org/software/execline/multisubstitute.html>.

use super::pass::{Directive, Fault, Pass};
use super::{define, elgetpositionals, elglob, importas, multidefine};
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Process, Word};

/// `multisubstitute { define... importas... elglob... elgetpositionals... multidefine... } prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    if argv.len() < 2 {
        return Err(process.usage());
    }
    let mut pass = Pass::new(process);
    let (mut block, words) = pass.blocks.take(argv.into_iter().skip(1).collect(), "block")?;
    if words.is_empty() {
        return Err(process.usage());
    }
    while let Some(name) = block.first().map(|name| show(name).to_string()) {
        let Some(directive) = directive(&name) else {
            let text = format!("syntax error: unrecognized directive {name}");
            return Err(process.fatal(100, &text));
        };
        block = directive(&mut pass, block).map_err(|fault| match fault {
            Fault::Usage => process.fatal(100, format_args!("syntax error at directive {name}")),
            Fault::BadKey => process.fatal(100, format_args!("wrong key for directive {name}")),
            Fault::EmptyBlock => {
                process.fatal(111, format_args!("empty block for directive {name}"))
            }
            Fault::System(e) => {
                process.fatal(111, format_args!("unable to run directive {name}: {}", reason(e)))
            }
            Fault::Said(exit) => exit,
        })?;
    }
    let (words, unset) = pass.substitute(&words);
    unset.iter().for_each(|name| process.env.unset(name));
    Ok(words.into())
}

fn directive(name: &str) -> Option<Directive> {
    Some(match name {
        "define" => define::directive,
        "importas" => importas::directive,
        "elglob" => elglob::directive,
        "elgetpositionals" => elgetpositionals::directive,
        "multidefine" => multidefine::directive,
        _ => return None,
    })
}
