//! heredoc: lets a program read a string from a descriptor.
//! Reference: <https://skarnet.org/software/execline/heredoc.html>.

use crate::sys::fd;
use crate::sys::process;
use crate::tools::die::reason;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use std::os::fd::{AsRawFd, OwnedFd};

/// `heredoc [ -d ] fd string command...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "d")?;
    let orphan = options.has('d');
    let ([number, string], program) = process.operands(options.rest())?;
    let to = process.descriptor(&number)?;
    let (read, write) = fd::pipe_above_2().map_err(process.unable("create pipe"))?;
    start_writer(&read, &write, &string, orphan).map_err(process.unable("fork"))?;
    drop(write);
    fd::place(to, read).map_err(process.unable(format_args!("read on fd {to}")))?;
    Ok(program.into())
}

/// Starts the child, or grandchild, that writes the string.
fn start_writer(read: &OwnedFd, write: &OwnedFd, string: &[u8], orphan: bool) -> Result<(), Errno> {
    let body = || write_all(read, write, string);
    match orphan {
        true => process::fork_orphan_to(body),
        false => process::fork_to(body).map(drop),
    }
}

/// What the child does, to the code to exit with.
fn write_all(read: &OwnedFd, write: &OwnedFd, string: &[u8]) -> i32 {
    fd::close(read.as_raw_fd());
    if let Err(e) = fd::write_all(write.as_raw_fd(), string) {
        let text = format!("heredoc (child): fatal: unable to write: {}\n", reason(e));
        fd::write_to_stderr(text.as_bytes());
        return 111;
    }
    0
}
