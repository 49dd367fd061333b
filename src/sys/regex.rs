//! POSIX regular expressions, by the C library.

use nix::errno::Errno;
use nix::libc;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;

/// A compiled regular expression.
pub struct Regex(Box<libc::regex_t>);

impl Regex {
    /// Compiles an extended one. EINVAL: it is not one.
    pub fn extended(pattern: &[u8]) -> Result<Self, Errno> {
        let pattern = CString::new(pattern).map_err(|_| Errno::EINVAL)?;
        let mut compiled = Box::new(MaybeUninit::uninit());
        let flags = libc::REG_EXTENDED | libc::REG_NOSUB;
        // SAFETY: regcomp fills what it is given, and reads a NUL-terminated string.
        match unsafe { libc::regcomp(compiled.as_mut_ptr(), pattern.as_ptr(), flags) } {
            // SAFETY: regcomp has succeeded, so it is filled.
            0 => Ok(Self(unsafe { compiled.assume_init() })),
            libc::REG_ESPACE => Err(Errno::ENOMEM),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Whether it matches some part of `text`, which ends at its first NUL if it has one.
    pub fn is_match(&self, text: &[u8]) -> bool {
        let end = text.iter().position(|&byte| byte == 0).unwrap_or(text.len());
        CString::new(&text[..end]).is_ok_and(|text| self.matches(&text))
    }

    /// The same without a copy.
    pub fn matches(&self, text: &CStr) -> bool {
        // SAFETY: compiled by regcomp; a NUL-terminated string; no places of matches are asked for.
        unsafe { libc::regexec(&*self.0, text.as_ptr(), 0, std::ptr::null_mut(), 0) == 0 }
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: compiled by regcomp, and not used after this.
        unsafe { libc::regfree(&mut *self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_expressions_match_anywhere() {
        let regex = Regex::extended(b"a(b|c)+$").unwrap();
        assert!(regex.is_match(b"xabcb") && regex.is_match(b"ab\0d"));
        assert!(!regex.is_match(b"abd") && !regex.is_match(b""));
        assert_eq!(Regex::extended(b"a(b").err(), Some(Errno::EINVAL));
        assert_eq!(Regex::extended(b"\0").err(), Some(Errno::EINVAL));
    }
}
