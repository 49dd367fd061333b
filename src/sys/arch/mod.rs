//! System calls by the machine's own instructions: a file for each architecture, all with the same
//! two functions. `raw` is what the rest of the program calls.

#[cfg_attr(target_arch = "aarch64", path = "aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "arm.rs")]
#[cfg_attr(target_arch = "powerpc64", path = "powerpc64.rs")]
#[cfg_attr(target_arch = "riscv64", path = "riscv64.rs")]
#[cfg_attr(target_arch = "s390x", path = "s390x.rs")]
#[cfg_attr(target_arch = "x86", path = "x86.rs")]
#[cfg_attr(target_arch = "x86_64", path = "x86_64.rs")]
mod machine;

#[cfg(test)]
pub(super) use machine::trap;
pub(super) use machine::{call, clone};

use std::os::raw::c_void;

/// Where a child made by `clone` begins; it never returns.
pub(super) type ChildEntry = unsafe extern "C" fn(*const c_void) -> !;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::raw;
    use nix::libc;
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::Pid;
    use std::sync::atomic::{AtomicI32, Ordering};

    #[test]
    fn a_call_passes_its_four_arguments_and_returns_the_result() {
        let mut bytes = *b"12345678";
        let file = std::fs::File::open("/proc/self/cmdline").unwrap();
        let fd = std::os::fd::AsRawFd::as_raw_fd(&file) as usize;
        let buffer = bytes.as_mut_ptr() as usize;
        // SAFETY: reads the first three bytes of a file into a buffer that is longer.
        let read = unsafe { raw::call(libc::SYS_read, [fd, buffer, 3, 0]) };
        assert_eq!(read, Ok(3));
        assert_eq!(&bytes[3..], b"45678");
        let mut mask = u64::MAX;
        let before = std::ptr::from_mut(&mut mask) as usize;
        let how = libc::SIG_BLOCK as usize;
        // SAFETY: no new mask, and as many bytes for the one at present as are told.
        let blocked = unsafe { raw::call(libc::SYS_rt_sigprocmask, [how, 0, before, 8]) };
        assert_eq!((blocked, mask), (Ok(0), 0));
    }

    #[test]
    fn a_failing_call_returns_its_error() {
        // SAFETY: no such descriptor; nothing is written.
        let written = unsafe { raw::call(libc::SYS_write, [usize::MAX, 0, 0, 0]) };
        assert_eq!(written, Err(nix::errno::Errno::EBADF));
    }

    /// Exits with the number that it finds at its argument.
    unsafe extern "C" fn exits_with(code: *const c_void) -> ! {
        // SAFETY: the test passes the address of a number that outlives the child.
        let code = unsafe { *code.cast::<usize>() };
        loop {
            // SAFETY: ends this process alone.
            let _ = unsafe { raw::call(libc::SYS_exit, [code, 0, 0, 0]) };
        }
    }

    #[test]
    fn a_child_begins_on_its_stack_with_its_argument() {
        let mut stack = vec![0_u128; 1024];
        let running = AtomicI32::new(1);
        let code = 37_usize;
        let flags = libc::CLONE_VFORK | libc::SIGCHLD;
        let (top, argument) = (stack.as_mut_ptr_range().end.cast(), std::ptr::from_ref(&code));
        // SAFETY: with CLONE_VFORK the child has exited when clone(2) returns here.
        let pid = unsafe { raw::clone(flags, top, running.as_ptr(), exits_with, argument.cast()) };
        let pid = Pid::from_raw(pid.unwrap() as i32);
        assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 37)));
        assert_eq!(running.load(Ordering::Acquire), 0);
    }
}
