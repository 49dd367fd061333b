//! seekablepipe: gives a program a stdin that it can seek in.
//! Reference: <https://skarnet.org/software/s6-portable-utils/seekablepipe.html>.

use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;

/// `seekablepipe tempfile prog...`: stores all of stdin in a file that is then gone from its
/// directory.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([file], program) = process.operands(argv.into_iter().skip(1))?;
    let name = show(&file);
    let how = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
    let write = open(file.as_slice(), how, Mode::from_bits_truncate(0o666))
        .map_err(process.unable(format_args!("create temporary {name}")))?;
    let read = open(file.as_slice(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(process.unable(format_args!("open {name} for reading")))?;
    let _ = nix::unistd::unlink(file.as_slice());
    fd::pour(write.as_raw_fd(), 0, u64::MAX).map_err(process.unable("read from stdin"))?;
    drop(write);
    fd::place(0, read).map_err(process.unable("move temporary file descriptor"))?;
    Ok(program.into())
}
