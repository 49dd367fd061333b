//! System calls without the C library: they do not even change `errno`, which a child that shares
//! our memory has in common with us.

use super::arch::{self, ChildEntry};
use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, c_void};

/// Makes a system call.
///
/// # Safety
/// As the call's own page says.
pub unsafe fn call(number: c_long, args: [usize; 4]) -> Result<usize, Errno> {
    // SAFETY: the caller's promise.
    outcome(unsafe { arch::call(number, args) })
}

/// clone(2) with a stack of the child's own, on which it begins with `entry(argument)`. When it
/// leaves our memory, by execve(2) or its end, the kernel writes 0 to `running`.
///
/// # Safety
/// `stack` is the upper end of memory that nobody else uses, and `entry` never returns. All that
/// the child looks at must stay as it is until `running` is 0.
pub unsafe fn clone(
    flags: c_int,
    stack: *mut u8,
    running: *mut i32,
    entry: ChildEntry,
    argument: *const c_void,
) -> Result<usize, Errno> {
    let flags = (flags | libc::CLONE_VM | libc::CLONE_CHILD_CLEARTID) as isize;
    // SAFETY: the caller's promise.
    outcome(unsafe { arch::clone(flags, stack, running, entry, argument) })
}

/// Lets a signal act by default.
pub fn set_default_signal(number: usize) -> Result<(), Errno> {
    // The kernel's own struct: handler (the default one), flags, restorer, mask.
    let default = [0_u64; 4];
    let address = std::ptr::from_ref(&default) as usize;
    // SAFETY: as many bytes as the kernel reads; the default is no code of ours.
    unsafe { call(libc::SYS_rt_sigaction, [number, address, 0, SIGNAL_SET_BYTES]) }.map(drop)
}

/// Bytes of the kernel's own set of signals.
pub const SIGNAL_SET_BYTES: usize = 8;

fn outcome(result: isize) -> Result<usize, Errno> {
    match result {
        -4095..=-1 => Err(Errno::from_raw(-result as i32)),
        _ => Ok(result as usize),
    }
}
