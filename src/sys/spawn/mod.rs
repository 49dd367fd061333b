//! A child of the supervisor: a fork that puts everything in its place before its program starts.
//!
//! The program may be one of ours and go on without an execve, so close-on-exec is not enough:
//! the child closes all that it was not given by hand.

mod shared;
mod slots;
pub mod waited;

use super::exec::Execve;
use super::{fd, limits, process};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::{Pid, setpgid, setsid};
use std::os::fd::RawFd;

/// What a child begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// The leader of a new session.
    New,
    /// The leader of a process group, in the foreground of the terminal on stdin if there is one.
    Foreground,
    /// What its parent is.
    Same,
}

/// How to set up a child.
#[derive(Debug)]
pub struct Child<'a> {
    /// Its session or process group.
    pub session: Session,
    /// (number in the child, number here): what it gets, and what stays as it is here for as long
    /// as we live. Only then can the child take it over at its leisure.
    pub fds: &'a [(RawFd, RawFd)],
    /// What else it gets, and what may be closed here as soon as the child is there. Every other
    /// descriptor is closed.
    pub passing: &'a [(RawFd, RawFd)],
    /// The soft and hard RLIMIT_NOFILE to give back.
    pub nofile: Option<(u64, u64)>,
    /// Whether it is PID 1 of a new PID namespace.
    pub new_pid_namespace: bool,
}

/// A supervisor holds two descriptors and more for every service. A child that needs only low ones
/// takes no others over, so that its cost does not grow with the number of services.
const LOW: RawFd = 64;

/// What a child becomes.
pub enum Program {
    /// A file that is executed.
    File(Execve),
    /// Something that goes on in a copy of this process, to the code to exit with.
    Here(Box<dyn FnOnce() -> i32>),
}

impl Program {
    /// Becomes it. Comes back only with a code to exit with.
    pub fn go(self) -> i32 {
        match self {
            Self::File(execve) => execve.go(),
            Self::Here(body) => body(),
        }
    }
}

/// Starts children; the ordinary ones at less than a fork's cost.
#[derive(Debug, Default)]
pub struct Spawner(shared::Nursery);

impl Spawner {
    /// Starts a child that is set up as told.
    pub fn spawn(&mut self, child: &Child, program: Program) -> Result<Pid, Errno> {
        let execve = match program {
            Program::File(execve) => execve,
            Program::Here(body) => return spawn(child, body),
        };
        self.0.start(child, execve).or_else(|execve| spawn(child, move || execve.go()))
    }

    /// Lets go of what children have taken over meanwhile. Whether some still have to.
    pub fn settle(&mut self) -> bool {
        self.0.settle()
    }
}

/// Forks a child that is set up as told, runs `body` and exits with its result.
pub fn spawn(child: &Child, body: impl FnOnce() -> i32) -> Result<Pid, Errno> {
    let low = child.fds.iter().all(|&(_, from)| from < LOW);
    let lean = low && child.passing.is_empty() && !child.new_pid_namespace;
    let side = if child.new_pid_namespace {
        process::fork_into_pid_namespace()?
    } else if lean {
        process::fork_sharing_descriptors()?
    } else {
        process::fork()?
    };
    match side {
        process::Side::Parent(pid) => Ok(pid),
        process::Side::Child => match unshare(lean).and_then(|()| set_up(child)) {
            Ok(()) => process::exit(body()),
            Err(_) => process::exit(111),
        },
    }
}

/// Gives the child a table of its own: a copy of the low descriptors alone, where the kernel can.
fn unshare(shared: bool) -> Result<(), Errno> {
    let flags = nix::libc::CLOSE_RANGE_UNSHARE;
    if !shared || close_range(LOW as u32, u32::MAX, flags).is_ok() {
        return Ok(());
    }
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES)
}

fn set_up(child: &Child) -> Result<(), Errno> {
    match child.session {
        Session::New => drop(setsid()),
        Session::Foreground => foreground()?,
        Session::Same => {}
    }
    let fds = [child.fds, child.passing].concat();
    place(&fds)?;
    close_others(fds.iter().map(|&(to, _)| to));
    if let Some(nofile) = child.nofile {
        let _ = limits::restore(nofile);
    }
    restore_signals()
}

/// Leads a process group; takes the terminal's foreground, where stdin is our terminal.
fn foreground() -> Result<(), Errno> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    // SIGTTOU, which tcsetpgrp sends to those in the background, is blocked here as all are.
    let _ = nix::unistd::tcsetpgrp(fd::borrow(0), nix::unistd::getpid());
    Ok(())
}

/// Puts descriptors at their numbers, even where old and new numbers overlap.
fn place(fds: &[(RawFd, RawFd)]) -> Result<(), Errno> {
    let above = fds.iter().map(|&(to, _)| to).max().unwrap_or(2).max(2) + 1;
    let mut sources = Vec::with_capacity(fds.len());
    for &(_, from) in fds {
        let hidden = fds.iter().any(|&(to, other)| to == from && other != from);
        sources.push(match hidden {
            true => fcntl(fd::borrow(from), FcntlArg::F_DUPFD_CLOEXEC(above))?,
            false => from,
        });
    }
    fds.iter().zip(sources).try_for_each(|(&(to, _), from)| fd::copy(to, from))
}

/// Closes every descriptor that is not kept.
fn close_others(kept: impl Iterator<Item = RawFd>) {
    let mut kept: Vec<u32> = kept.filter_map(|fd| u32::try_from(fd).ok()).collect();
    kept.sort_unstable();
    kept.dedup();
    let mut from = 0;
    for fd in kept {
        if from < fd {
            close_all(from, fd - 1);
        }
        from = fd + 1;
    }
    close_all(from, u32::MAX);
}

/// Closes a range, one by one where the kernel or a seccomp profile has no close_range(2).
fn close_all(first: u32, last: u32) {
    if close_range(first, last, 0).is_err() {
        one_by_one(first, last).for_each(fd::close);
    }
}

/// Has all descriptors but stdin, stdout and stderr closed on exec, those too that we were started
/// with: a child that shares our memory cannot close them itself without close_range(2).
pub fn keep_to_ourselves() {
    let flags = nix::libc::CLOSE_RANGE_CLOEXEC;
    if close_range(3, u32::MAX, flags).is_err() {
        for fd in one_by_one(3, u32::MAX) {
            let _ = fd::set_cloexec(fd, true);
        }
    }
}

/// The descriptors of a range that are open, or may be.
fn one_by_one(first: u32, last: u32) -> impl Iterator<Item = RawFd> {
    let open = std::fs::read_dir("/proc/self/fd").map(|entries| {
        let numbers = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
        numbers.filter(|fd| (first..=last).contains(fd)).collect::<Vec<u32>>()
    });
    let all = open.unwrap_or_else(|_| (first..=last.min(65_536)).collect());
    all.into_iter().filter_map(|fd| RawFd::try_from(fd).ok())
}

fn close_range(first: u32, last: u32, flags: u32) -> Result<(), Errno> {
    // SAFETY: numbers only; whatever is closed belongs to a child, or is marked and stays.
    let closed = unsafe { nix::libc::syscall(nix::libc::SYS_close_range, first, last, flags) };
    Errno::result(closed).map(drop)
}

/// The signals as a program expects to find them: none blocked, SIGPIPE deadly.
pub fn restore_signals() -> Result<(), Errno> {
    process::set_signal(Signal::SIGPIPE, SigHandler::SigDfl)?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}
