//! Forking, waiting and leaving.

use nix::errno::Errno;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::{ForkResult, Pid};

/// Which side of a fork this is.
pub enum ForkSide {
    /// The parent, with the child's pid.
    Parent(Pid),
    /// The child.
    Child,
}

/// Forks.
///
/// # Safety
/// No other thread of this process holds anything that the child needs: a lock that is held while
/// it forks is held for ever in the child.
pub unsafe fn fork() -> Result<ForkSide, Errno> {
    // SAFETY: the caller's promise.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(ForkSide::Parent(child)),
        ForkResult::Child => Ok(ForkSide::Child),
    }
}

/// Forks a child that runs `body`, to the code to exit with.
pub fn fork_to(body: impl FnOnce() -> i32) -> Result<Pid, Errno> {
    // SAFETY: this program starts no threads (clippy.toml).
    match unsafe { fork() }? {
        ForkSide::Parent(child) => Ok(child),
        ForkSide::Child => exit(body()),
    }
}

/// Forks a child that runs `body` and is not for this process to wait for: its own parent is gone
/// at once.
pub fn fork_orphan_to(body: impl FnOnce() -> i32) -> Result<(), Errno> {
    let between = fork_to(|| if fork_to(body).is_ok() { 0 } else { 111 })?;
    match wait(between.as_raw(), WaitPidFlag::empty()) {
        Ok(Some((_, status))) if status.code() != Some(0) => Err(Errno::EAGAIN),
        // Where SIGCHLD is ignored, there is no status to wait for.
        Ok(_) | Err(Errno::ECHILD) => Ok(()),
        Err(e) => Err(e),
    }
}

/// How a process ended, as `wait` returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitStatus(
    /// The raw status word of wait(2).
    pub i32,
);

impl WaitStatus {
    /// The exit code, unless a signal killed it.
    pub fn code(self) -> Option<u8> {
        nix::libc::WIFEXITED(self.0).then(|| nix::libc::WEXITSTATUS(self.0) as u8)
    }
    /// The signal that killed it.
    pub fn signal(self) -> Option<u8> {
        nix::libc::WIFSIGNALED(self.0).then(|| nix::libc::WTERMSIG(self.0) as u8)
    }
    /// execline's `?`: the exit code, or 256 plus the signal.
    pub fn raw(self) -> u32 {
        self.code().map_or_else(|| 256 + u32::from(self.signal().unwrap_or(0)), u32::from)
    }
    /// What a program that stands for its child exits with: the code if it is below 128, 128 if
    /// it is not, 128 plus the signal if one killed it.
    pub fn approximation(self) -> u8 {
        self.code().map_or_else(|| 128u8.wrapping_add(self.signal().unwrap_or(0)), |c| c.min(128))
    }
}

/// Waits for one child (or any, with pid -1). `None`: none has ended (only with WNOHANG).
pub fn wait(pid: i32, flags: WaitPidFlag) -> Result<Option<(Pid, WaitStatus)>, Errno> {
    let mut status = 0;
    loop {
        // SAFETY: `status` outlives the call.
        match unsafe { nix::libc::waitpid(pid, &raw mut status, flags.bits()) } {
            0 => return Ok(None),
            -1 if Errno::last() == Errno::EINTR => {}
            -1 => return Err(Errno::last()),
            pid => return Ok(Some((Pid::from_raw(pid), WaitStatus(status)))),
        }
    }
}

/// Leaves at once, without running any exit handler: what a forked child must do.
pub fn exit(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { nix::libc::_exit(code) }
}

/// The same, and the child is PID 1 of a new PID namespace.
pub fn fork_into_pid_namespace_to(body: impl FnOnce() -> i32) -> Result<Pid, Errno> {
    // SAFETY: this program starts no threads (clippy.toml).
    match unsafe { fork_into_pid_namespace() }? {
        ForkSide::Parent(child) => Ok(child),
        ForkSide::Child => exit(body()),
    }
}

/// Forks; the child is PID 1 of a new PID namespace.
///
/// # Safety
/// As for `fork`.
pub unsafe fn fork_into_pid_namespace() -> Result<ForkSide, Errno> {
    // SAFETY: the caller's promise.
    unsafe { clone(nix::libc::CLONE_NEWPID) }
}

/// Forks; parent and child have one table of descriptors, until the child unshares it.
///
/// # Safety
/// As for `fork`; and until then, the child closes no descriptor that an owner here counts on.
pub unsafe fn fork_sharing_descriptors() -> Result<ForkSide, Errno> {
    // SAFETY: the caller's promise.
    unsafe { clone(nix::libc::CLONE_FILES) }
}

/// fork, with flags. The C library does not hear of it: its idea of the thread's id stays that of
/// the parent, so the child must not raise signals by it (a panic exits, see `bug`).
///
/// # Safety
/// As for `fork`. The flags are none that share memory.
unsafe fn clone(flags: i32) -> Result<ForkSide, Errno> {
    let flags = flags | nix::libc::SIGCHLD;
    // On s390x the stack comes first.
    let (first, second) = if cfg!(target_arch = "s390x") { (0, flags) } else { (flags, 0) };
    // SAFETY: without a stack or CLONE_VM, clone is fork; the rest is the caller's promise.
    match unsafe { nix::libc::syscall(nix::libc::SYS_clone, first, second, 0, 0, 0) } {
        -1 => Err(Errno::last()),
        0 => Ok(ForkSide::Child),
        pid => Ok(ForkSide::Parent(Pid::from_raw(pid as i32))),
    }
}

/// kill(2), for any signal number, real-time ones too: a process, its group (negative pid), or
/// every process there is (-1). Signal 0 only asks whether there is one.
pub fn kill(pid: i32, signal: u8) -> Result<(), Errno> {
    // SAFETY: numbers only.
    Errno::result(unsafe { nix::libc::kill(pid, i32::from(signal)) }).map(drop)
}

/// Adds to the niceness of this process, up to its limits.
pub fn nice(increment: i32) -> Result<(), Errno> {
    Errno::clear();
    // SAFETY: a number only. -1 is a possible niceness, so errno tells whether it has failed.
    match unsafe { nix::libc::nice(increment) } {
        -1 if Errno::last_raw() != 0 => Err(Errno::last()),
        _ => Ok(()),
    }
}
