//! background and pipeline: a program that runs beside the rest.
//! Reference: <https://skarnet.org/software/execline/background.html> and `pipeline.html`.

use super::blocks::Blocks;
use super::children;
use crate::sys::fd;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use std::os::fd::AsRawFd;

/// `background [ -d ] { command... } [ remainder... ]`
pub(super) fn background(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "d")?;
    let orphan = options.has('d');
    let (block, rest) = Blocks::new(process).take_filled(options.rest(), "block")?;
    // At the end of the chain this process ends, and makes an orphan of its child by that.
    start(process, block, orphan && !rest.is_empty(), &|| Ok(()))?;
    Ok(rest.into())
}

/// `pipeline [ -d ] [ -r | -w ] { command... } command...`
pub(super) fn pipeline(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "drw")?;
    let (orphan, writing) = (options.has('d'), options.last_of("rw") == Some('w'));
    let (block, rest) = Blocks::new(process).take_filled(options.rest(), "block")?;
    if rest.is_empty() {
        return Err(process.fatal(100, "empty remainder"));
    }
    let (read, write) = fd::pipe_above_2().map_err(process.unable("create pipe"))?;
    let (ours, our_number, theirs, their_number) =
        if writing { (write, 1, read, 0) } else { (read, 0, write, 1) };
    start(process, block, orphan, &|| {
        fd::close(ours.as_raw_fd());
        fd::r#move(their_number, theirs.as_raw_fd())
    })?;
    drop(theirs);
    fd::place(our_number, ours).map_err(process.unable("fd_move"))?;
    Ok(rest.into())
}

/// Starts the words of a block and puts the pid into the variable `!`.
fn start(
    process: &mut Process,
    block: Vec<Word>,
    orphan: bool,
    setup: &dyn Fn() -> Result<(), Errno>,
) -> Result<(), Exit> {
    let name = children::name(&block);
    let started = if orphan {
        process.spawn_orphan(block.into(), setup)
    } else {
        process.spawn(block.into(), setup)
    };
    let pid = started.map_err(process.unable(format_args!("spawn {name}")))?;
    process.env.set(b"!", pid.to_string().as_bytes());
    Ok(())
}
