//! 64-bit POWER.

use super::ChildEntry;
use nix::libc::{self, c_long, c_void};
use std::arch::asm;

/// A system call; a failure comes back as its number below 0.
///
/// # Safety
/// As the call's own page says.
pub unsafe fn call(number: c_long, [a, b, c, d]: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the kernel's convention (an error is a positive number, and a flag says so); the rest
    // is the caller's.
    unsafe {
        asm!("sc", "bns+ 2f", "neg 3, 3", "2:", inlateout("r0") number => _,
            inlateout("r3") a as isize => result, inlateout("r4") b => _, inlateout("r5") c => _,
            inlateout("r6") d => _, lateout("r7") _, lateout("r8") _, lateout("r9") _,
            lateout("r10") _, lateout("r11") _, lateout("r12") _, lateout("cr0") _,
            lateout("ctr") _, lateout("xer") _, options(nostack));
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
    // result; it touches nothing that we have on ours. The child's frame leaves alone what a
    // leaf function may have below its own.
    unsafe {
        asm!("sc", "bns+ 3f", "neg 3, 3", "3:", "cmpdi 3, 0", "bne 2f", "li 0, 0",
            "stdu 0, -320(1)", "mr 3, 14", "mr 12, 15", "mtctr 12", "bctrl", "trap", "2:",
            inlateout("r0") libc::SYS_clone => _, inlateout("r3") flags => result,
            inlateout("r4") stack => _, inlateout("r5") 0_usize => _, inlateout("r6") 0_usize => _,
            inlateout("r7") running => _, in("r14") argument, in("r15") entry, lateout("r8") _,
            lateout("r9") _, lateout("r10") _, lateout("r11") _, lateout("r12") _,
            lateout("cr0") _, lateout("ctr") _, lateout("xer") _);
    }
    result
}

/// What a panic of a release is here: an instruction that always traps.
#[cfg(test)]
pub fn trap() {
    // SAFETY: the process ends, or its handler ends it.
    unsafe { asm!("trap") }
}
