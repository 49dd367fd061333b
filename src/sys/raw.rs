//! System calls that touch nothing of this process but what they are told to: not even `errno`,
//! which a child that shares our memory has in common with us.

use nix::errno::Errno;
use nix::libc::{self, c_int, c_long, c_void};
use std::arch::asm;

/// Makes a system call.
///
/// # Safety
/// As the call's own page says.
pub unsafe fn call(number: c_long, args: [usize; 4]) -> Result<usize, Errno> {
    let [a, b, c, d] = args;
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the kernel's convention; the rest is the caller's.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => result, in("rdi") a, in("rsi") b,
            in("rdx") c, in("r10") d, lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the kernel's convention; the rest is the caller's.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a as isize => result, in("x1") b,
            in("x2") c, in("x3") d, options(nostack));
    }
    outcome(result)
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
    entry: unsafe extern "C" fn(*const c_void) -> !,
    argument: *const c_void,
) -> Result<usize, Errno> {
    let flags = (flags | libc::CLONE_VM | libc::CLONE_CHILD_CLEARTID) as isize;
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the child begins with all registers as they are here, but for its stack's and the
    // result; it touches nothing that we have on ours.
    unsafe {
        asm!("syscall", "test rax, rax", "jnz 2f", "xor ebp, ebp", "mov rdi, r12", "call r13",
            "ud2", "2:", inlateout("rax") libc::SYS_clone as isize => result, in("rdi") flags,
            in("rsi") stack, in("rdx") 0_usize, in("r10") running, in("r8") 0_usize,
            in("r12") argument, in("r13") entry, lateout("rcx") _, lateout("r11") _);
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the child begins with all registers as they are here, but for its stack's and the
    // result; it touches nothing that we have on ours.
    unsafe {
        asm!("svc 0", "cbnz x0, 2f", "mov x29, xzr", "mov x0, x9", "blr x10", "brk 1", "2:",
            in("x8") libc::SYS_clone, inlateout("x0") flags => result, in("x1") stack,
            in("x2") 0_usize, in("x3") 0_usize, in("x4") running, in("x9") argument,
            in("x10") entry);
    }
    outcome(result)
}

fn outcome(result: isize) -> Result<usize, Errno> {
    match result {
        -4095..=-1 => Err(Errno::from_raw(-result as i32)),
        _ => Ok(result as usize),
    }
}
