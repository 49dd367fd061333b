//! 32-bit ARM, in ARM mode: in Thumb mode, r7 is the frame's.

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
        asm!("svc 0", in("r7") number, inlateout("r0") a as isize => result, in("r1") b,
            in("r2") c, in("r3") d, options(nostack));
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
        asm!("svc 0", "cmp r0, #0", "bne 2f", "mov r11, #0", "mov r0, r5", "blx r8", "udf #0", "2:",
            in("r7") libc::SYS_clone, inlateout("r0") flags => result, in("r1") stack,
            in("r2") 0_usize, in("r3") 0_usize, in("r4") running, in("r5") argument,
            in("r8") entry);
    }
    result
}

/// What a panic of a release is here: an instruction that always traps.
#[cfg(test)]
pub fn trap() {
    // SAFETY: the process ends, or its handler ends it.
    unsafe { asm!("udf #65006") }
}
