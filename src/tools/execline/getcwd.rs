//! getcwd: tells the working directory in a variable.
//! Reference: <https://skarnet.org/software/execline/getcwd.html>.

use super::autoimport;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::os::unix::ffi::OsStrExt;

/// `getcwd [ -E | -e ] variable prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Ee")?;
    let import = options.last_of("Ee") == Some('E');
    let ([name], program) = process.operands(options.rest())?;
    autoimport::check_name(process, &name)?;
    let path = nix::unistd::getcwd().map_err(process.unable("getcwd"))?;
    let path = path.as_os_str().as_bytes();
    Ok(autoimport::go_on(process, &name, Some(path), program, import))
}
