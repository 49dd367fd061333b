//! backtick: puts the output of a program into a variable.
//! Reference: <https://skarnet.org/software/execline/backtick.html>.

use super::autoimport;
use super::blocks::Blocks;
use super::children;
use crate::sys::fd;
use crate::sys::process::WaitStatus;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::sys::signal::SigSet;
use std::os::fd::AsRawFd;

/// What to do about a program that fails, or writes a NUL.
enum Failure {
    /// Exit.
    Die,
    /// Take what it wrote, to the NUL.
    Ignore,
    /// Take a default, or nothing.
    Replace(Option<Word>),
}

/// `backtick [ -i | -I | -x | -D default ] [ -N | -n ] [ -E | -e ] var { prog... } remainder...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "iINnxD:Ee")?;
    let import = options.last_of("Ee") == Some('E');
    let chomp = options.last_of("nN") != Some('N');
    let failure = match options.iter().filter(|(letter, _)| "iIxD".contains(*letter)).last() {
        Some(('I', _)) => Failure::Ignore,
        Some(('x', _)) => Failure::Replace(None),
        Some(('D', default)) => Failure::Replace(Some(default.to_vec())),
        _ => Failure::Die,
    };
    let ([variable], rest) = process.operands(options.rest())?;
    autoimport::check_name(process, &variable)?;
    let (block, rest) = Blocks::new(process).take_filled(rest, "block")?;
    if rest.is_empty() {
        return Err(process.fatal(100, "the command line after the block must not be empty"));
    }

    let (output, status) = output(process, block)?;
    let goes_on = !matches!(failure, Failure::Die);
    let value = value(process, output, status, failure, chomp)?;
    let status = status.raw().to_string();
    let findings = [(variable.as_slice(), value.as_deref()), (b"?", Some(status.as_bytes()))];
    let findings = if goes_on { &findings[..] } else { &findings[..1] };
    Ok(autoimport::go_on_with_all(process, findings, rest, import))
}

/// Runs a program; what it wrote, and how it ended.
fn output(process: &Process, program: Vec<Word>) -> Result<(Word, WaitStatus), Exit> {
    let name = children::name(&program);
    let (read, write) = fd::pipe_above_2().map_err(process.unable("create pipe"))?;
    let place = || {
        SigSet::empty().thread_set_mask()?;
        fd::close(read.as_raw_fd());
        fd::r#move(1, write.as_raw_fd())
    };
    let pid = process
        .spawn(program.into(), &place)
        .map_err(process.unable(format_args!("spawn {name}")))?;
    drop(write);
    let output = fd::read_to_end(read.as_raw_fd()).map_err(process.unable("slurp"))?;
    Ok((output, children::ended(process, pid, &name)?))
}

/// The value that the output of the program makes.
fn value(
    process: &Process,
    mut output: Word,
    status: WaitStatus,
    failure: Failure,
    chomp: bool,
) -> Result<Option<Word>, Exit> {
    let failed = status.raw() != 0;
    let nul = output.iter().position(|&b| b == 0);
    match failure {
        _ if !failed && nul.is_none() => {}
        Failure::Die if failed => {
            let crashed = status.signal().is_some();
            let how = if crashed { "crashed" } else { "exited non-zero" };
            return Err(process.fatal(status.approximation(), format_args!("child process {how}")));
        }
        Failure::Die => return Err(process.fatal(124, NUL)),
        Failure::Replace(default) => {
            if !failed {
                process.warn(NUL);
            }
            return Ok(default);
        }
        Failure::Ignore if failed => {}
        Failure::Ignore => output.truncate(nul.unwrap_or(output.len())),
    }
    if chomp && output.last() == Some(&b'\n') {
        output.pop();
    }
    output.truncate(nul.unwrap_or(output.len()));
    Ok(Some(output))
}

const NUL: &str = "child process output contained a null character";
