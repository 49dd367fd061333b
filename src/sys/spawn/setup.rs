//! The set-up of a child, before its program starts. The child may share our memory, so this makes
//! its system calls without the C library, whose errno is ours, and allocates nothing.

use super::{LOW, Session};
use crate::sys::raw;
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use std::fmt::{self, Write};
use std::os::fd::RawFd;

/// The number of a descriptor in the child, and its number at the beginning.
pub(super) type DescriptorMove = (RawFd, RawFd);

/// What a child is given beside its descriptors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    /// Whether its table of descriptors is ours as well, until it takes one of its own.
    pub shares_table: bool,
    /// Its session or process group.
    pub session: Session,
    /// The soft and hard RLIMIT_NOFILE to give back.
    pub nofile: Option<(u64, u64)>,
}

/// The step that has failed, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failed {
    step: Step,
    errno: Errno,
}

/// The steps that may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Taking a table of descriptors of its own.
    Table,
    /// Leading a process group.
    Group,
    /// Putting a descriptor at this number.
    Descriptor(RawFd),
    /// Setting the signals to what a program expects.
    Signals,
}

impl Step {
    fn failed(self) -> impl Fn(Errno) -> Failed {
        move |errno| Failed { step: self, errno }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.step {
            Step::Table => write!(f, "unable to copy the table of descriptors (close_range)"),
            Step::Group => write!(f, "unable to lead a process group (setpgid)"),
            Step::Descriptor(number) => {
                write!(f, "unable to open descriptor {number} for it (dup3)")
            }
            Step::Signals => write!(f, "unable to reset signals (rt_sigaction)"),
        }?;
        write!(f, ": {}", self.errno.desc())?;
        match (self.step, self.errno) {
            (Step::Descriptor(_), Errno::EBADF | Errno::EMFILE | Errno::EINVAL) => {
                write!(f, ": is it beyond the limit of open files (ulimit -n)?")
            }
            (_, Errno::EPERM | Errno::ENOSYS) => {
                write!(f, ": a seccomp profile may refuse it")
            }
            _ => Ok(()),
        }
    }
}

impl Failed {
    /// Reports on stderr what could not be done for a program, and returns the exit code.
    pub(super) fn report(&self, program: &[u8]) -> i32 {
        let mut line = BoundedLine { text: [0; 512], length: 0 };
        let program = std::str::from_utf8(program).unwrap_or("its program");
        // A line takes whatever fits into it.
        let _ = write!(line, "sixtree: fatal: unable to start {program}");
        let mut directory = [0; 256];
        let address = directory.as_mut_ptr() as usize;
        // SAFETY: so many bytes are there.
        let length = unsafe { raw::call(libc::SYS_getcwd, [address, directory.len(), 0, 0]) };
        let directory = length.ok().and_then(|length| directory.get(..length.checked_sub(1)?));
        if let Some(directory) = directory.and_then(|path| std::str::from_utf8(path).ok()) {
            // A line takes whatever fits into it.
            let _ = write!(line, " in {directory}");
        }
        // The same.
        let _ = writeln!(line, ": {self}");
        // There is no other place to report it.
        let address = line.text.as_ptr() as usize;
        let _ = plain(libc::SYS_write, [2, address, line.length]);
        111
    }
}

/// A line that is being written, without allocating. What does not fit is cut off.
struct BoundedLine {
    text: [u8; 512],
    length: usize,
}

impl Write for BoundedLine {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = self.text.get_mut(self.length..).unwrap_or_default();
        for (to, from) in room.iter_mut().zip(part.bytes()) {
            *to = from;
            self.length += 1;
        }
        Ok(())
    }
}

/// The descriptors that a child does not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Others {
    /// They are closed.
    Closed,
    /// The kernel cannot close them at once. Those that were marked go with the next program.
    Open,
}

impl Setup {
    /// Sets up this child. `fds` is what it gets. `is_apart` is called once it has a descriptor
    /// table of its own, or needs ours no longer.
    pub(super) fn apply(
        &self,
        fds: &mut [DescriptorMove],
        is_apart: impl FnOnce(),
    ) -> Result<Others, Failed> {
        if self.shares_table {
            let range = [LOW as usize, u32::MAX as usize, libc::CLOSE_RANGE_UNSHARE as usize];
            plain(libc::SYS_close_range, range).map_err(Step::Table.failed())?;
        }
        is_apart();
        match self.session {
            Session::New => drop(plain(libc::SYS_setsid, [0; 3])),
            Session::Foreground => foreground().map_err(Step::Group.failed())?,
            Session::Same => {}
        }
        place(fds)?;
        let others = match close_others(fds) {
            Ok(()) => Others::Closed,
            Err(_) => Others::Open,
        };
        if let Some((soft, hard)) = self.nofile {
            restore_nofile(soft, hard);
        }
        restore_signals().map_err(Step::Signals.failed())?;
        Ok(others)
    }
}

/// Leads a process group; takes the terminal's foreground, where stdin is our terminal.
fn foreground() -> Result<(), Errno> {
    plain(libc::SYS_setpgid, [0; 3])?;
    let me = plain(libc::SYS_getpid, [0; 3])? as libc::pid_t;
    let address = std::ptr::from_ref(&me) as usize;
    // SIGTTOU, which this sends to those in the background, is blocked here.
    let _ = plain(libc::SYS_ioctl, [0, libc::TIOCSPGRP as usize, address]);
    Ok(())
}

/// Puts descriptors at their numbers, even where old and new numbers overlap.
fn place(fds: &mut [DescriptorMove]) -> Result<(), Failed> {
    let above = fds.iter().map(|&(to, _)| to).max().unwrap_or(2).max(2) + 1;
    let mut left = fds;
    while let Some(((to, from), rest)) = left.split_first_mut() {
        let failed = Step::Descriptor(*to).failed();
        if to != from && rest.iter().any(|(_, later)| later == to) {
            let number = libc::F_DUPFD_CLOEXEC as usize;
            let moved = plain(libc::SYS_fcntl, [*to as usize, number, above as usize]);
            let moved = moved.map_err(&failed)? as RawFd;
            rest.iter_mut().filter(|(_, later)| later == to).for_each(|(_, later)| *later = moved);
        }
        copy(*to, *from).map_err(failed)?;
        left = rest;
    }
    Ok(())
}

fn copy(to: RawFd, from: RawFd) -> Result<(), Errno> {
    if to == from {
        plain(libc::SYS_fcntl, [to as usize, libc::F_SETFD as usize, 0]).map(drop)
    } else {
        plain(libc::SYS_dup3, [from as usize, to as usize, 0]).map(drop)
    }
}

/// Closes all that a child does not get.
fn close_others(fds: &mut [DescriptorMove]) -> Result<(), Errno> {
    fds.sort_unstable_by_key(|&(to, _)| to);
    let close = |first, last| plain(libc::SYS_close_range, [first, last, 0]).map(drop);
    let mut next = 0;
    for to in fds.iter().filter_map(|&(to, _)| usize::try_from(to).ok()) {
        if next < to {
            close(next, to - 1)?;
        }
        next = to + 1;
    }
    close(next, u32::MAX as usize)
}

fn restore_nofile(soft: u64, hard: u64) {
    let limit = libc::rlimit64 { rlim_cur: soft, rlim_max: hard };
    let address = std::ptr::from_ref(&limit) as usize;
    // The limit that it had before is always allowed.
    let _ = plain(libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE as usize, address]);
}

/// As `super::restore_signals` does.
fn restore_signals() -> Result<(), Errno> {
    raw::set_default_signal(Signal::SIGPIPE as usize)?;
    let none = 0_u64;
    let address = std::ptr::from_ref(&none) as usize;
    let how = libc::SIG_SETMASK as usize;
    // SAFETY: as many bytes as the kernel reads.
    unsafe { raw::call(libc::SYS_rt_sigprocmask, [how, address, 0, raw::SIGNAL_SET_BYTES]) }
        .map(drop)
}

/// A call of numbers, or of something that the kernel only reads.
fn plain(number: libc::c_long, [a, b, c]: [usize; 3]) -> Result<usize, Errno> {
    // SAFETY: it changes nothing but this child.
    unsafe { raw::call(number, [a, b, c, 0]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_said_with_its_reason_and_what_to_do() {
        let said = |step: Step, errno| Failed { step, errno }.to_string();
        assert_eq!(
            said(Step::Descriptor(5000), Errno::EBADF),
            "unable to open descriptor 5000 for it (dup3): Bad file number: is it beyond the limit \
             of open files (ulimit -n)?"
        );
        assert!(said(Step::Table, Errno::EPERM).ends_with("a seccomp profile may refuse it"));
    }

    #[test]
    fn a_line_leaves_out_what_is_too_long() {
        let mut line = BoundedLine { text: [0; 512], length: 0 };
        for _ in 0..100 {
            line.write_str("0123456789").unwrap();
        }
        assert_eq!((line.length, &line.text[500..]), (512, &b"012345678901"[..]));
    }
}
