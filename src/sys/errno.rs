//! Errors of the system as text.
//!
//! There is one table, that of the C library: a release is linked with musl, as the reference is,
//! so that its messages are the reference's. A build with glibc words some of them otherwise
//! (EMFILE: "Too many open files" instead of musl's "No file descriptors available").
//!
//! Only a child that shares our memory (`sys::spawn`, `Execve::go`) takes nix's table: it may not
//! call the C library. So does `crates/suexec`, which has no part of this program.

use nix::errno::Errno;
use std::ffi::CStr;

/// The system's error behind one of the standard library; EIO if there is none.
pub fn of(e: &std::io::Error) -> Errno {
    e.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// What an error is called.
pub fn text(e: Errno) -> &'static str {
    if e == Errno::ETIMEDOUT {
        // glibc's text, "Connection timed out", is wrong of a service.
        return "Operation timed out";
    }
    // SAFETY: any number is allowed.
    let text = unsafe { nix::libc::strerror(e as i32) };
    if text.is_null() {
        return e.desc();
    }
    // SAFETY: for every error that has a name, both musl and glibc have a constant string.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().unwrap_or_else(|_| e.desc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_are_the_usual_ones() {
        assert_eq!(text(Errno::EBADF), "Bad file descriptor");
        assert_eq!(text(Errno::ENOENT), "No such file or directory");
        assert_eq!(text(Errno::ETIMEDOUT), "Operation timed out");
    }
}
