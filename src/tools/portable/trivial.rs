//! s6-true, s6-false, s6-sync, s6-cat, s6-rename, s6-rmrf, s6-touch, s6-hiercopy: one system call
//! for every argument.
//! Reference: <https://skarnet.org/software/s6-portable-utils/>.

use crate::sys::{copy, fd, remove};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word, path};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, futimens};
use nix::sys::time::TimeSpec;

/// `s6-true`
pub(super) fn s6_true(_process: &mut Process, _argv: Vec<Word>) -> Result<Next, Exit> {
    Ok(Next::Exit(0))
}

/// `s6-false`
pub(super) fn s6_false(_process: &mut Process, _argv: Vec<Word>) -> Result<Next, Exit> {
    Ok(Next::Exit(1))
}

/// `s6-sync`
pub(super) fn s6_sync(_process: &mut Process, _argv: Vec<Word>) -> Result<Next, Exit> {
    nix::unistd::sync();
    Ok(Next::Exit(0))
}

/// `s6-cat`: stdin to stdout.
pub(super) fn s6_cat(process: &mut Process, _argv: Vec<Word>) -> Result<Next, Exit> {
    fd::pour(1, 0, u64::MAX).map_err(process.unable("fd_cat"))?;
    Ok(Next::Exit(0))
}

/// `s6-rename old new`
pub(super) fn s6_rename(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let (from, to) = two(process, &argv)?;
    std::fs::rename(path(from), path(to)).map_err(|e| {
        let what = format!("unable to rename {} to {}", show(from), show(to));
        process.fatal_errno(&what, crate::tools::die::errno(&e))
    })?;
    Ok(Next::Exit(0))
}

/// `s6-hiercopy src dst`
pub(super) fn s6_hiercopy(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let (from, to) = two(process, &argv)?;
    copy::hierarchy(path(from), path(to)).map_err(|e| {
        let what = format!("unable to copy hierarchy from {} to {}", show(from), show(to));
        process.fatal_errno(&what, e.errno())
    })?;
    Ok(Next::Exit(0))
}

/// `s6-rmrf file ...`
pub(super) fn s6_rmrf(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    each(process, &argv, "unable to remove", |file| remove::hierarchy(path(file)))
}

/// `s6-touch file ...`
pub(super) fn s6_touch(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    each(process, &argv, "unable to touch", |file| {
        let how = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CREAT | OFlag::O_CLOEXEC;
        let file = open(file, how, Mode::from_bits_truncate(0o666))?;
        futimens(&file, &TimeSpec::UTIME_NOW, &TimeSpec::UTIME_NOW)
    })
}

/// Does something to every file; the first failure is the end.
fn each(
    process: &Process,
    argv: &[Word],
    failure: &str,
    act: impl Fn(&[u8]) -> Result<(), Errno>,
) -> Result<Next, Exit> {
    if argv.len() < 2 {
        return Err(process.usage());
    }
    for file in argv.iter().skip(1) {
        act(file).map_err(|e| process.fatal_errno(format_args!("{failure} {}", show(file)), e))?;
    }
    Ok(Next::Exit(0))
}

fn two<'a>(process: &Process, argv: &'a [Word]) -> Result<(&'a [u8], &'a [u8]), Exit> {
    match argv {
        [_, one, two, ..] => Ok((one, two)),
        _ => Err(process.usage()),
    }
}
