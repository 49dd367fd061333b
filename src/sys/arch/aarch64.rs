//! AArch64.

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
        asm!("svc 0", in("x8") number, inlateout("x0") a as isize => result, in("x1") b,
            in("x2") c, in("x3") d, options(nostack));
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
    // result; it touches nothing that we have on ours.
    unsafe {
        asm!("svc 0", "cbnz x0, 2f", "mov x29, xzr", "mov x0, x9", "blr x10", "brk 1", "2:",
            in("x8") libc::SYS_clone, inlateout("x0") flags => result, in("x1") stack,
            in("x2") 0_usize, in("x3") 0_usize, in("x4") running, in("x9") argument,
            in("x10") entry);
    }
    result
}

/// What a panic of a release is here: an instruction that always traps.
#[cfg(test)]
pub fn trap() {
    // SAFETY: the process ends, or its handler ends it.
    unsafe { asm!("brk #1") }
}
