//! foreground: one program after the other.
//! Reference: <https://skarnet.org/software/execline/foreground.html>.

use super::blocks::Blocks;
use super::children;
use crate::tools::chain::exec_failure;
use crate::tools::die::reason;
use crate::tools::{Exit, Next, Process, Word};

/// `foreground { command... } [ remainder... ]`
// Differs: the reference crashes on an empty block, which its documentation calls a success.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let words = argv.into_iter().skip(1).collect();
    let (first, second) = Blocks::new(process).take(words, "block")?;
    sequence(process, first, second)
}

/// Runs `first`, then goes on to `second` with the exit status in the variable `?`. That the first
/// cannot even be started is just another exit code.
pub(super) fn sequence(
    process: &mut Process,
    first: Vec<Word>,
    second: Vec<Word>,
) -> Result<Next, Exit> {
    let name = children::name(&first);
    let status = match process.spawn(first.into(), &|| Ok(())) {
        Ok(pid) => children::ended(process, pid, &name)?.raw(),
        Err(e) => {
            process.warn(format_args!("unable to spawn {name}: {}", reason(e)));
            u32::from(exec_failure(e))
        }
    };
    process.env.set(b"?", status.to_string().as_bytes());
    Ok(second.into())
}
