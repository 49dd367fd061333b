//! fdblock, fdclose, fdmove, fdreserve, fdswap and piperw: the descriptors that the next program
//! gets.
//! Reference: <https://skarnet.org/software/execline/fdmove.html> and its neighbours.

use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::resource::{Resource, getrlimit};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

/// `fdblock [ -n ] fd prog...`
pub(super) fn fdblock(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "n")?;
    let nonblocking = options.has('n');
    let ([fd], program) = process.operands(options.rest())?;
    let fd = process.descriptor(&fd)?;
    let what = if nonblocking { "unable to ndelay_on" } else { "unable to ndelay_off" };
    fd::set_nonblocking(fd, nonblocking).map_err(|e| process.fatal_errno(what, e))?;
    Ok(program.into())
}

/// `fdclose fd prog...`
pub(super) fn fdclose(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([fd], program) = process.operands(argv.into_iter().skip(1))?;
    fd::close(process.descriptor(&fd)?);
    Ok(program.into())
}

/// `fdmove [ -c ] to from prog...`
pub(super) fn fdmove(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "c")?;
    let keep = options.has('c');
    let ([to_word, from_word], program) = process.operands(options.rest())?;
    let (to, from) = (process.descriptor(&to_word)?, process.descriptor(&from_word)?);
    let moved = match keep {
        true if to == from => Err(Errno::EINVAL),
        true => fd::copy(to, from),
        false => fd::r#move(to, from),
    };
    moved.map_err(|e| {
        let what = format!("unable to move fd {} to fd {}", show(&from_word), show(&to_word));
        process.fatal_errno(&what, e)
    })?;
    Ok(program.into())
}

/// `fdreserve n prog...`
pub(super) fn fdreserve(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([n], program) = process.operands(argv.into_iter().skip(1))?;
    let n = process.descriptor(&n)?;
    let (most, _) = getrlimit(Resource::RLIMIT_NOFILE).map_err(process.unable("getrlimit"))?;
    if u64::try_from(n).is_ok_and(|n| n > most) {
        return Err(process.fatal(100, "too many requested fds"));
    }
    let free = free_numbers(n).map_err(process.unable("reserve fds"))?;
    for (i, fd) in free.iter().enumerate() {
        process.env.set(format!("FD{i}").as_bytes(), fd.to_string().as_bytes());
    }
    Ok(program.into())
}

/// `fdswap fd1 fd2 prog...`
pub(super) fn fdswap(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([one, other], program) = process.operands(argv.into_iter().skip(1))?;
    let (one, other) = (process.descriptor(&one)?, process.descriptor(&other)?);
    swap(one, other).map_err(process.unable("swap fds"))?;
    Ok(program.into())
}

/// `piperw fdr fdw prog...`
pub(super) fn piperw(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let ([to_read, to_write], program) = process.operands(argv.into_iter().skip(1))?;
    let (to_read, to_write) = (process.descriptor(&to_read)?, process.descriptor(&to_write)?);
    if to_read == to_write {
        return Err(process.usage());
    }
    let (read, write) = nix::unistd::pipe().map_err(process.unable("create pipe"))?;
    place(to_read, read, to_write, write).map_err(process.unable("move fds"))?;
    Ok(program.into())
}

/// The lowest `n` numbers that no descriptor has; they are free again afterwards.
fn free_numbers(n: i32) -> Result<Vec<i32>, Errno> {
    if n == 0 {
        return Ok(Vec::new());
    }
    let first = OwnedFd::from(EventFd::from_flags(EfdFlags::EFD_CLOEXEC)?);
    let others = (1..n).map(|_| fd::duplicate(&first, 0)).collect::<Result<Vec<_>, _>>()?;
    Ok(std::iter::once(&first).chain(&others).map(AsRawFd::as_raw_fd).collect())
}

fn swap(one: i32, other: i32) -> Result<(), Errno> {
    if one != other && !fd::is_open(other) {
        return Err(Errno::EBADF);
    }
    let kept = fd::duplicate(fd::borrow(&one), 0)?;
    fd::copy(one, other)?;
    fd::copy(other, kept.as_raw_fd())
}

/// Gives both ends of a pipe their numbers, even where the write end has the number that the read
/// end shall get.
fn place(to_read: i32, read: OwnedFd, to_write: i32, write: OwnedFd) -> Result<(), Errno> {
    let mut write = write.into_raw_fd();
    if write == to_read {
        write = fcntl(fd::borrow(&write), FcntlArg::F_DUPFD(0))?;
    }
    fd::place(to_read, read)?;
    fd::r#move(to_write, write)
}
