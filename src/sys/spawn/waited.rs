//! A child that shares our memory and our stack until it executes its program, as after vfork(2):
//! we wait for that, and learn from it why it could not. For programs that have nothing else to do.

use crate::sys::process::{self, wait};
use crate::sys::raw;
use nix::errno::Errno;
use nix::libc::{self, c_void};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::sync::atomic::{AtomicI32, Ordering};

struct Task<'a> {
    go: &'a dyn Fn() -> Errno,
    /// Why `go` has failed, where the child leaves it to us.
    failure: AtomicI32,
    running: AtomicI32,
}

/// Starts a child that executes a program, by `go`, or fails to, for the reason that it gives.
pub fn execute(go: &dyn Fn() -> Errno) -> Result<Pid, Errno> {
    let task = Task { go, failure: AtomicI32::new(0), running: AtomicI32::new(1) };
    let flags = libc::CLONE_VFORK | libc::SIGCHLD;
    let stack = std::ptr::null_mut();
    let argument = std::ptr::from_ref(&task).cast();
    // SAFETY: on our own stack, below all that we have there, since we do not go on before the
    // child has left our memory; `begin` never returns.
    let pid = unsafe { raw::clone(flags, stack, task.running.as_ptr(), begin, argument) }?;
    let pid = Pid::from_raw(pid as i32);
    match task.failure.load(Ordering::Relaxed) {
        0 => Ok(pid),
        errno => {
            let _ = wait(pid.as_raw(), WaitPidFlag::empty());
            Err(Errno::from_raw(errno))
        }
    }
}

/// Where the child begins.
///
/// # Safety
/// `task` points to its task.
unsafe extern "C" fn begin(task: *const c_void) -> ! {
    // SAFETY: our parent waits, and has it.
    let task = unsafe { &*task.cast::<Task>() };
    task.failure.store((task.go)() as i32, Ordering::Relaxed);
    process::exit(127)
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
