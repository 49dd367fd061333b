//! s6-fghack: keeps a program that goes to the background in the foreground, if it can be tricked.
//! Reference: <https://skarnet.org/software/s6/s6-fghack.html>.

use crate::sys::{fd, process};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};
use nix::sys::wait::WaitPidFlag;
use std::os::fd::AsRawFd;

/// How many descriptors of the pipe the program gets, in case that it closes some.
const COPIES: usize = 30;

/// `s6-fghack prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let program: Vec<Word> = argv.into_iter().skip(1).collect();
    let name = show(program.first().ok_or_else(|| process.usage())?).to_string();
    process.warn("this program is obsolescent, please use s6-background-watch instead");
    let (end, held) = fd::pipe_above_2().map_err(process.unable("create hackpipe"))?;
    let hold = || {
        (0..COPIES)
            .try_for_each(|_| nix::unistd::dup(fd::borrow(&held.as_raw_fd())).map(std::mem::forget))
    };
    let child = process
        .spawn(program.into(), &hold)
        .map_err(process.unable(format_args!("spawn {name}")))?;
    drop(held);
    match fd::read(end.as_raw_fd(), &mut [0]) {
        Ok(0) => {}
        Ok(_) => return Err(process.fatal(102, format_args!("{name} wrote on hackpipe"))),
        Err(e) => return Err(process.unable("read on hackpipe")(e)),
    }
    let ended =
        process::wait(child.as_raw(), WaitPidFlag::empty()).map_err(process.unable("wait"))?;
    Ok(Next::Exit(ended.map_or(0, |(_, status)| status.approximation())))
}
