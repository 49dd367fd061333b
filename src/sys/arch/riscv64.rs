//! 64-bit RISC-V.

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
        asm!("ecall", in("a7") number, inlateout("a0") a as isize => result, in("a1") b,
            in("a2") c, in("a3") d, options(nostack));
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
        asm!("ecall", "bnez a0, 2f", "li s0, 0", "mv a0, a5", "jalr a6", "unimp", "2:",
            in("a7") libc::SYS_clone, inlateout("a0") flags => result, in("a1") stack,
            in("a2") 0_usize, in("a3") 0_usize, in("a4") running, in("a5") argument,
            in("a6") entry);
    }
    result
}

/// What a panic of a release is here: an instruction that always traps.
#[cfg(test)]
pub fn trap() {
    // SAFETY: the process ends, or its handler ends it.
    unsafe { asm!("unimp") }
}
