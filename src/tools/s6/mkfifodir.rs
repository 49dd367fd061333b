//! s6-mkfifodir and s6-cleanfifodir: directories of events.
//! Reference: <https://skarnet.org/software/s6/fifodir.html>.

use crate::sys::fifodir;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::unistd::Gid;

/// `s6-mkfifodir [ -f ] [ -g gid ] fifodir`
pub(super) fn make(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "fg:")?;
    let group = options.parsed('g', |gid| process.number(gid))?;
    let force = options.has('f');
    let dir = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    fifodir::make(&dir, group.map(Gid::from_raw), force)
        .map_err(process.unable(format_args!("create fifodir at {}", show(&dir))))?;
    Ok(Next::Exit(0))
}

/// `s6-cleanfifodir fifodir`
pub(super) fn clean(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let dir = argv.into_iter().nth(1).ok_or_else(|| process.usage())?;
    fifodir::clean(&dir)
        .map_err(process.unable(format_args!("clean up fifodir at {}", show(&dir))))?;
    Ok(Next::Exit(0))
}
