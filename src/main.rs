//! The entry. A C `main`, because Rust's own start-up reopens closed descriptors and resets
//! SIGPIPE, both of which a chain-loading program must pass on untouched.
#![no_main]

use std::ffi::{c_char, c_int};

/// Called by the C start-up code with the process's arguments.
///
/// # Safety
/// `argv` must be what execve gave the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    sixtree::sys::bug::report_panics();
    // SAFETY: the C start-up passes `argc` NUL-terminated strings that outlive the process.
    let argv = unsafe { sixtree::sys::exec::words(argc, argv) };
    sixtree::multicall::run(argv)
}
