//! s390x.

use super::ChildEntry;
use nix::libc::{self, c_long, c_void};
use std::arch::asm;

/// A system call; a failure comes back as its number below 0.
///
/// # Safety
/// As the call's own page says.
pub unsafe fn call(number: c_long, [a, b, c, d]: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the kernel's convention; the rest is the caller's.
    unsafe {
        asm!("svc 0", in("r1") number, inlateout("r2") a as isize => result, in("r3") b,
            in("r4") c, in("r5") d, options(nostack));
    }
    result
}

/// clone(2) onto a stack of the child's own, on which it begins with `entry(argument)`.
///
/// # Safety
/// As `raw::clone` says.
pub unsafe fn clone(
    flags: isize,
    stack: *mut u8,
    running: *mut i32,
    entry: ChildEntry,
    argument: *const c_void,
) -> isize {
    let result: isize;
    // SAFETY: the child begins with all registers as they are here, but for its stack's and the
    // result; it touches nothing that we have on ours. The stack is clone(2)'s first argument
    // here, and a callee saves its registers in the caller's frame.
    unsafe {
        asm!("svc 0", "ltgr %r2, %r2", "jne 2f", "aghi %r15, -160", "lgr %r2, %r8",
            "basr %r14, %r9", "j .+2", "2:", in("r1") libc::SYS_clone,
            inlateout("r2") stack as isize => result, in("r3") flags, in("r4") 0_usize,
            in("r5") running, in("r6") 0_usize, in("r8") argument, in("r9") entry,
            lateout("r14") _);
    }
    result
}

/// What a panic of a release is here: an instruction that always traps.
#[cfg(test)]
pub fn trap() {
    // SAFETY: the process ends, or its handler ends it.
    unsafe { asm!("j .+2") }
}
