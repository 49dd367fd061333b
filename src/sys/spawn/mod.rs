//! A child of the supervisor: a process that puts everything in its place before its program
//! starts.
//!
//! The program may be one of ours and go on without an execve, so close-on-exec is not enough:
//! the child closes all that it was not given by hand.
//!
//! There are three ways to make one, each for what the one before cannot do:
//!
//! 1. It shares our memory until it executes its program (`shared`).
//! 2. It is forked, and shares our table of descriptors until it takes one of its own.
//! 3. It is forked.

mod offer;
mod setup;
mod shared;
mod slots;
mod stacks;
pub mod waited;

use super::exec::Execve;
use super::{bug, errno, fd, process, signal};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::unistd::Pid;
use offer::{SHARED_TABLE, close_range};
use setup::{Others, Setup};
use shared::NotStarted;
use std::os::fd::RawFd;

/// The session or process group in which a child begins.
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
    /// Descriptors that it gets, as (number in the child, number here). They must stay open here
    /// for as long as this process lives, because the child may take them over later.
    pub fds: &'a [(RawFd, RawFd)],
    /// More descriptors that it gets, which may be closed here as soon as the child exists. The
    /// child gets no others.
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
    /// A function that runs in a fork of this process, and returns the exit code.
    Here(Box<dyn FnOnce() -> i32>),
}

impl Program {
    /// Becomes it. It returns only with a code to exit with.
    pub fn go(self) -> i32 {
        match self {
            Self::File(execve) => execve.go(),
            Self::Here(body) => body(),
        }
    }

    /// Its name for a message.
    fn name(&self) -> &[u8] {
        match self {
            Self::File(execve) => execve.file(),
            Self::Here(_) => b"a child",
        }
    }
}

/// Why there is no child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpawnError {
    /// The kernel makes no process.
    #[error("unable to create a process: {}{}", errno::text(*.0), advice(*.0))]
    Process(Errno),
    /// It makes none in a PID namespace of its own.
    #[error("unable to create a PID namespace: {}{}", errno::text(*.0), namespace_advice(*.0))]
    PidNamespace(Errno),
}

impl SpawnError {
    /// The kernel's reason.
    pub fn errno(self) -> Errno {
        match self {
            Self::Process(e) | Self::PidNamespace(e) => e,
        }
    }

    /// Whether trying again may succeed, when other processes have ended.
    pub fn is_temporary(self) -> bool {
        matches!(self.errno(), Errno::EAGAIN | Errno::ENOMEM)
    }
}

fn advice(e: Errno) -> &'static str {
    match e {
        Errno::EAGAIN => ": there are too many (docker run --pids-limit, ulimit -u)",
        _ => "",
    }
}

fn namespace_advice(e: Errno) -> &'static str {
    match e {
        Errno::EPERM => ": flag-newpidns needs CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN)",
        Errno::EINVAL => {
            ": neither this kernel nor an emulator may offer any: remove flag-newpidns"
        }
        Errno::ENOSPC => ": they are nested too deep, or there are too many",
        _ => advice(e),
    }
}

/// Starts children; those that only execute a file cost less than a fork.
#[derive(Debug, Default)]
pub struct Spawner(shared::Nursery);

impl Spawner {
    /// Starts a child with this set-up.
    pub fn spawn(&mut self, child: &Child, program: Program) -> Result<Pid, SpawnError> {
        let execve = match program {
            Program::File(execve) => execve,
            here @ Program::Here(_) => return spawn(child, here),
        };
        match self.0.start(child, execve) {
            Ok(pid) => Ok(pid),
            Err(NotStarted::Unsuited(execve)) => spawn(child, Program::File(execve)),
            Err(NotStarted::Failed(e)) => Err(e),
        }
    }

    /// Closes what children have taken over by now. Returns whether some have not yet.
    pub fn settle(&mut self) -> bool {
        self.0.settle()
    }

    /// Must be called when a process has ended, as it may have been such a child.
    pub fn has_ended(&mut self, pid: Pid) {
        self.0.has_ended(pid);
    }
}

/// Forks a child with this set-up, which becomes a program.
pub fn spawn(child: &Child, program: Program) -> Result<Pid, SpawnError> {
    let mut fds = [child.fds, child.passing].concat();
    let low = child.passing.is_empty() && fds.iter().all(|&(_, from)| from < LOW);
    let (side, shares_table) = match child.new_pid_namespace {
        // SAFETY: this program starts no threads (clippy.toml).
        true => match unsafe { process::fork_into_pid_namespace() } {
            Ok(side) => (side, false),
            Err(e) => return Err(SpawnError::PidNamespace(e)),
        },
        false => fork(low).map_err(SpawnError::Process)?,
    };
    if let process::ForkSide::Parent(pid) = side {
        return Ok(pid);
    }
    bug::has_forked();
    let setup = Setup { shares_table, session: child.session, nofile: child.nofile };
    match setup.apply(&mut fds, || {}) {
        Ok(others) => {
            if others == Others::Open {
                close_by_hand(&fds);
            }
            process::exit(program.go())
        }
        Err(failed) => process::exit(failed.report(program.name())),
    }
}

/// Forks; the child may share our table of descriptors. Returns whether it does.
fn fork(may_share: bool) -> Result<(process::ForkSide, bool), Errno> {
    if may_share && SHARED_TABLE.is_there() {
        // SAFETY: the same; a table of its own is the first thing that the child takes.
        match unsafe { process::fork_sharing_descriptors() } {
            Err(e) if SHARED_TABLE.is_refused(e) => {}
            other => return Ok((other?, true)),
        }
    }
    // SAFETY: this program starts no threads (clippy.toml).
    Ok((unsafe { process::fork() }?, false))
}

/// Closes every descriptor that is not kept, one by one.
fn close_by_hand(kept: &[setup::DescriptorMove]) {
    let is_kept = |fd: RawFd| kept.iter().any(|&(to, _)| to == fd);
    open_from(0).filter(|fd| !is_kept(*fd)).for_each(fd::close);
}

/// Marks all descriptors but stdin, stdout and stderr as closed on exec, including those that this
/// process was started with: without close_range(2), a child that shares our memory cannot close
/// them itself. Afterwards this process shares its table with no other.
pub fn keep_to_ourselves() {
    let flags = libc::CLOSE_RANGE_CLOEXEC | libc::CLOSE_RANGE_UNSHARE;
    if close_range(3, u32::MAX, flags).is_ok() {
        return SHARED_TABLE.learn(true);
    }
    for fd in open_from(3) {
        // It may be the one of the listing, which is closed by now.
        let _ = fd::set_cloexec(fd, true);
    }
}

/// The descriptors that are open, or may be, from a number on.
fn open_from(first: RawFd) -> impl Iterator<Item = RawFd> {
    let open = std::fs::read_dir("/proc/self/fd").map(|entries| {
        let numbers = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
        numbers.filter(|fd| *fd >= first).collect::<Vec<RawFd>>()
    });
    open.unwrap_or_else(|_| (first..=65_536).collect()).into_iter()
}

/// Sets the signals to what a program expects: none is blocked, and SIGPIPE has its default action.
pub fn restore_signals() -> Result<(), Errno> {
    signal::set_default(Signal::SIGPIPE)?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_child_from_being_is_said_with_what_to_do() {
        let text = SpawnError::Process(Errno::EAGAIN).to_string();
        assert!(text.starts_with("unable to create a process: Resource temporarily"), "{text}");
        assert!(text.ends_with("(docker run --pids-limit, ulimit -u)"), "{text}");
        assert!(SpawnError::PidNamespace(Errno::EPERM).to_string().contains("CAP_SYS_ADMIN"));
        assert!(SpawnError::Process(Errno::ENOMEM).is_temporary());
    }
}
