//! x86-64.

use super::ChildEntry;
use nix::libc::{self, c_long, c_void};
use std::arch::asm;

/// A system call; a failure comes back as its number below 0.
///
/// # Safety
/// As the call's own page says.
pub(crate) unsafe fn call(number: c_long, [a, b, c, d]: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the kernel's convention; the rest is the caller's.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => result, in("rdi") a, in("rsi") b,
            in("rdx") c, in("r10") d, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// clone(2) onto a stack of the child's own, on which it begins with `entry(argument)`.
///
/// # Safety
/// As `raw::clone` says.
pub(crate) unsafe fn clone(
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
        asm!("syscall", "test rax, rax", "jnz 2f", "xor ebp, ebp", "mov rdi, r12", "call r13",
            "ud2", "2:", inlateout("rax") libc::SYS_clone as isize => result, in("rdi") flags,
            in("rsi") stack, in("rdx") 0_usize, in("r10") running, in("r8") 0_usize,
            in("r12") argument, in("r13") entry, lateout("rcx") _, lateout("r11") _);
    }
    result
}

/// What a panic of a release is here: an instruction that always traps.
#[cfg(test)]
pub(crate) fn trap() {
    // SAFETY: the process ends, or its handler ends it.
    unsafe { asm!("ud2") }
}
