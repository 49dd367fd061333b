//! if, ifelse, ifte and ifthenelse: what comes next depends on how a program ends.
//! Reference: <https://skarnet.org/software/execline/if.html> and its neighbours.

use super::blocks::Blocks;
use super::{children, foreground};
use crate::format::decimal;
use crate::sys::process::WaitStatus;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `if [ -n ] [ -X ] [ -t | -x exitcode ] { command... } [ remainder... ]`
// Differs: the reference crashes on an empty block, which its documentation calls a success.
pub(super) fn r#if(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nXtx:")?;
    let (negate, crash_is_false) = (options.has('n'), options.has('X'));
    let code = fixed_code(process, &options)?;
    let (condition, rest) = Blocks::new(process).take(options.rest(), "block")?;
    let status = children::run(process, condition)?;
    if holds(process, status, crash_is_false)? != negate {
        return Ok(rest.into());
    }
    Ok(Next::Exit(code.unwrap_or_else(|| status.approximation())))
}

/// `ifelse [ -n ] [ -X ] { command-if } { command-then... } command-else...`
pub(super) fn ifelse(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nX")?;
    let (negate, crash_is_false) = (options.has('n'), options.has('X'));
    let mut blocks = Blocks::new(process);
    let (condition, rest) = blocks.take(options.rest(), "if block")?;
    let (then, otherwise) = blocks.take(required(process, rest, "then")?, "then block")?;
    let status = children::run(process, condition)?;
    let holds = holds(process, status, crash_is_false)? != negate;
    Ok(if holds { then } else { otherwise }.into())
}

/// `ifte [ -X ] [ -n ] { command-then... } { command-else... } command-if...`
pub(super) fn ifte(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Xn")?;
    let (negate, crash_is_false) = (options.has('n'), options.has('X'));
    let mut blocks = Blocks::new(process);
    let (then, rest) = blocks.take(options.rest(), "then block")?;
    let (otherwise, condition) = blocks.take(required(process, rest, "else")?, "else block")?;
    if condition.is_empty() {
        return Err(process.fatal(100, "empty command-if"));
    }
    let status = children::run_unblocked(process, condition, "command-if")?;
    let holds = holds(process, status, crash_is_false)? != negate;
    Ok(if holds { then } else { otherwise }.into())
}

/// `ifthenelse [ -X ] [ -s ] { command-if... } { command-then... } { command-else... }`, then the
/// remainder.
pub(super) fn ifthenelse(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Xs")?;
    let (crash_is_false, shared_scope) = (options.has('X'), options.has('s'));
    let mut blocks = Blocks::new(process);
    let (condition, rest) = blocks.take(options.rest(), "if block")?;
    let (then, rest) = blocks.take(required(process, rest, "then")?, "then block")?;
    let (otherwise, remainder) = blocks.take(rest, "else block")?;
    let status = children::run(process, condition)?;
    let chosen = if holds(process, status, crash_is_false)? { then } else { otherwise };
    if shared_scope {
        return Ok([chosen, remainder].concat().into());
    }
    foreground::sequence(process, chosen, remainder)
}

/// The code to exit with, if an option says so. The last one counts.
fn fixed_code(process: &Process, options: &Options) -> Result<Option<u8>, Exit> {
    let mut code = None;
    for (letter, value) in options.iter() {
        match letter {
            'n' => code = code.or(Some(1)),
            't' => code = Some(0),
            'x' => {
                let digits = value.first().is_some_and(u8::is_ascii_digit).then_some(value);
                let number = digits.and_then(|word| decimal::leading_signed(word, u16::MAX.into()));
                code = Some(number.ok_or_else(|| process.usage())?);
            }
            _ => {}
        }
    }
    let invalid = |_| process.fatal(100, "invalid exit code");
    code.map(u8::try_from).transpose().map_err(invalid)
}

/// Whether a condition that ended so holds. A crash is the end, unless it `is_false`.
fn holds(process: &Process, status: WaitStatus, crash_is_false: bool) -> Result<bool, Exit> {
    match status.signal() {
        Some(signal) if !crash_is_false => {
            let text = format!("child crashed with signal {signal}");
            Err(process.fatal(status.approximation(), &text))
        }
        _ => Ok(status.approximation() == 0),
    }
}

fn required(process: &Process, rest: Vec<Word>, block: &str) -> Result<Vec<Word>, Exit> {
    if rest.is_empty() {
        return Err(process.fatal(100, format_args!("{block} block required")));
    }
    Ok(rest)
}
