//! A child that shares our memory until it executes its program, as after vfork(2): we wait for
//! that, and learn why if it fails. For programs that have nothing else to do meanwhile.

use super::offer::SHARED_MEMORY;
use crate::sys::process::{self, wait};
use crate::sys::{fd, raw};
use nix::errno::Errno;
use nix::libc::{self, c_void};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI32, Ordering};

struct WaitedTask<'a> {
    go: &'a dyn Fn() -> Errno,
    outcome: AtomicI32,
    running: AtomicI32,
}

/// The value of `outcome` before the child has begun. If it is still there when the child has left
/// our memory, the child never shared it.
const NOT_SEEN: i32 = -1;
/// Its value if the child executes its program. Otherwise it is an errno.
const BEGUN: i32 = 0;

/// Starts a child that executes a program, by `go`, or fails to, for the reason that it gives.
pub fn execute(go: &dyn Fn() -> Errno) -> Result<Pid, Errno> {
    if SHARED_MEMORY.is_there() {
        match execute_here(go) {
            Err(NotExecuted::NoChild(e)) if SHARED_MEMORY.is_refused(e) => {}
            Err(NotExecuted::NoChild(e) | NotExecuted::Failed(e)) => return Err(e),
            Ok(pid) => return Ok(pid),
        }
    }
    fork(|| Err(go()), || 127)
}

enum NotExecuted {
    NoChild(Errno),
    Failed(Errno),
}

fn execute_here(go: &dyn Fn() -> Errno) -> Result<Pid, NotExecuted> {
    let task = WaitedTask { go, outcome: AtomicI32::new(NOT_SEEN), running: AtomicI32::new(1) };
    let flags = libc::CLONE_VFORK | libc::SIGCHLD;
    let stack = std::ptr::null_mut();
    let argument = std::ptr::from_ref(&task).cast();
    // SAFETY: on our own stack, below all that we have there, since we do not go on before the
    // child has left our memory; `begin` never returns.
    let pid = unsafe { raw::clone(flags, stack, task.running.as_ptr(), begin, argument) };
    let pid = Pid::from_raw(pid.map_err(NotExecuted::NoChild)? as i32);
    match task.outcome.load(Ordering::Relaxed) {
        BEGUN => Ok(pid),
        NOT_SEEN => {
            // An emulator has made a fork instead: we do not learn why this child fails, but the
            // next ones are forked and report it.
            SHARED_MEMORY.learn(false);
            Ok(pid)
        }
        errno => {
            reap(pid);
            Err(NotExecuted::Failed(Errno::from_raw(errno)))
        }
    }
}

/// Where the child begins.
///
/// # Safety
/// `task` points to its task.
unsafe extern "C" fn begin(task: *const c_void) -> ! {
    // SAFETY: our parent waits, and has it.
    let task = unsafe { &*task.cast::<WaitedTask>() };
    task.outcome.store(BEGUN, Ordering::Relaxed);
    let why = (task.go)();
    task.outcome.store(why as i32, Ordering::Relaxed);
    process::exit(if why == Errno::ENOENT { 127 } else { 126 })
}

/// Forks a child that does `first`, or reports why it cannot, and then `rest`, which returns the
/// exit code. We wait until `first` is done, or has executed a program.
pub fn fork(
    first: impl FnOnce() -> Result<(), Errno>,
    rest: impl FnOnce() -> i32,
) -> Result<Pid, Errno> {
    let (result, report) = fd::pipe_above_2()?;
    let (result_fd, report_fd) = (result.as_raw_fd(), report.as_raw_fd());
    let child = process::fork_to(|| {
        fd::close(result_fd);
        if let Err(e) = first() {
            // If nobody reads it, the exit code says that it failed.
            let _ = fd::write_all(report_fd, &(e as i32).to_ne_bytes());
            return 127;
        }
        fd::close(report_fd);
        rest()
    })?;
    drop(report);
    let mut errno = [0; 4];
    if fd::read(result.as_raw_fd(), &mut errno) == Ok(errno.len()) {
        reap(child);
        return Err(Errno::from_raw(i32::from_ne_bytes(errno)));
    }
    Ok(child)
}

/// Reaps a child whose failure is known.
fn reap(child: Pid) {
    // Where SIGCHLD is ignored there is nothing to reap.
    let _ = wait(child.as_raw(), WaitPidFlag::empty());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::exec::Execve;
    use std::cell::Cell;

    fn program(words: &[&str]) -> Execve {
        let argv: Vec<_> = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        Execve::new(&argv[0], &argv, &[]).unwrap()
    }

    #[test]
    fn a_fork_does_what_a_child_in_our_memory_does() {
        let sh = program(&["/bin/sh", "-c", "exit 7"]);
        let pid = fork(|| Err(sh.attempt()), || 127).unwrap();
        let ended = wait(pid.as_raw(), WaitPidFlag::empty()).unwrap().unwrap();
        assert_eq!(ended.1.code(), Some(7));
        assert_eq!(fork(|| Err(program(&["/nowhere"]).attempt()), || 0), Err(Errno::ENOENT));
        let pid = fork(|| Ok(()), || 3).unwrap();
        assert_eq!(wait(pid.as_raw(), WaitPidFlag::empty()).unwrap().unwrap().1.code(), Some(3));
    }

    #[test]
    fn it_becomes_its_program_or_says_why_not() {
        let set_up = Cell::new(0);
        for at in 1..100 {
            let code = at.to_string();
            let sh = program(&["/bin/sh", "-c", &format!("exit {code}")]);
            let go = || {
                set_up.set(at);
                sh.attempt()
            };
            let pid = execute(&go).unwrap();
            assert_eq!(set_up.get(), at, "it was in our memory");
            let ended = wait(pid.as_raw(), WaitPidFlag::empty()).unwrap().unwrap();
            assert_eq!((ended.0, ended.1.code()), (pid, Some(at)));
            assert_eq!(execute(&|| program(&["/nowhere"]).attempt()), Err(Errno::ENOENT));
            assert_eq!(execute(&|| Errno::EMFILE), Err(Errno::EMFILE));
        }
    }
}
