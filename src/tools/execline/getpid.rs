//! getpid: tells the pid, or the parent's, in a variable.
//! Reference: <https://skarnet.org/software/execline/getpid.html>.

use super::autoimport;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::unistd::{getpid, getppid};

/// `getpid [ -E | -e ] [ -P | -p ] variable prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "EePp")?;
    let import = options.last_of("Ee") == Some('E');
    let parent = options.last_of("Pp") == Some('P');
    let ([name], program) = process.operands(options.rest())?;
    autoimport::check_name(process, &name)?;
    let pid = if parent { getppid() } else { getpid() }.to_string();
    Ok(autoimport::go_on(process, &name, Some(pid.as_bytes()), program, import))
}
