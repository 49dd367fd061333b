//! Which lines a selection directive means.

use crate::sys::regex::Regex;
use std::ffi::CStr;

/// A compiled regular expression.
pub(super) enum Matcher {
    /// The empty one.
    Everything,
    /// Any other.
    Lines(Regex),
}

impl Matcher {
    /// Compiles an extended regular expression, if it is one.
    pub(super) fn compile(pattern: &[u8]) -> Option<Self> {
        match pattern {
            b"" => Some(Self::Everything),
            _ => Regex::extended(pattern).ok().map(Self::Lines),
        }
    }

    /// Whether the line, with its NUL, is meant.
    pub(super) fn matches(&self, line: &[u8]) -> bool {
        match self {
            Self::Everything => true,
            Self::Lines(regex) => {
                CStr::from_bytes_with_nul(line).is_ok_and(|line| regex.matches(line))
            }
        }
    }
}
