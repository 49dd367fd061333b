//! 32-bit x86.

use super::ChildEntry;
use nix::libc::{self, c_long, c_void};
use std::arch::asm;

/// A system call; a failure comes back as its number below 0.
///
/// # Safety
/// As the call's own page says.
pub unsafe fn call(number: c_long, [a, b, c, d]: [usize; 4]) -> isize {
    let result: isize;
    // SAFETY: the kernel's convention; the rest is the caller's. LLVM keeps esi to itself.
    unsafe {
        asm!("xchg esi, {d}", "int 0x80", "xchg esi, {d}", d = in(reg) d,
            inlateout("eax") number as isize => result, in("ebx") a, in("ecx") b, in("edx") c,
            options(nostack));
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
    // result; it touches nothing that we have on ours. There are too few registers: they are
    // filled from a list, and the child finds its entry and its argument where clone(2) without
    // CLONE_PARENT_SETTID and CLONE_SETTLS reads nothing.
    unsafe {
        let list =
            [flags as usize, stack as usize, entry as usize, argument as usize, running as usize];
        asm!("push esi", "mov ebx, [eax]", "mov ecx, [eax + 4]", "mov edx, [eax + 8]",
            "mov esi, [eax + 12]", "mov edi, [eax + 16]", "mov eax, {number}", "int 0x80",
            "test eax, eax", "jnz 2f", "xor ebp, ebp", "and esp, -16", "sub esp, 12", "push esi",
            "call edx", "ud2", "2:", "pop esi", number = const libc::SYS_clone,
            inlateout("eax") list.as_ptr() => result, out("ebx") _, out("ecx") _, out("edx") _,
            out("edi") _);
    }
    result
}

/// What a panic of a release is here: an instruction that always traps.
#[cfg(test)]
pub fn trap() {
    // SAFETY: the process ends, or its handler ends it.
    unsafe { asm!("ud2") }
}
