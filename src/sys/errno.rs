//! Errors in words.

use nix::errno::Errno;
use std::ffi::CStr;

/// The system's error behind one of the standard library; EIO if there is none.
pub fn of(e: &std::io::Error) -> Errno {
    e.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// The C library's words for an error.
pub fn words(e: Errno) -> &'static str {
    if e == Errno::ETIMEDOUT {
        // glibc has only connections in mind.
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
    fn they_are_those_that_everybody_knows() {
        assert_eq!(words(Errno::EBADF), "Bad file descriptor");
        assert_eq!(words(Errno::ENOENT), "No such file or directory");
        assert_eq!(words(Errno::ETIMEDOUT), "Operation timed out");
    }
}
