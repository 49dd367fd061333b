//! s6-hostname: tells the machine's name, or sets it.
//! Reference: <https://skarnet.org/software/s6-linux-utils/s6-hostname.html>.

use crate::tools::{Exit, Next, Process, Word};
use nix::unistd::{gethostname, sethostname};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// `s6-hostname [ hostname ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    if let Some(name) = argv.get(1) {
        sethostname(OsStr::from_bytes(name)).map_err(process.unable("set hostname"))?;
    } else {
        let mut name = gethostname().map_err(process.unable("get hostname"))?.into_vec();
        name.push(b'\n');
        process.print(&name)?;
    }
    Ok(Next::Exit(0))
}
