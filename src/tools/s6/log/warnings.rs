//! Warnings, for those who want them.

use crate::tools::Process;
use crate::tools::die::show;
use nix::errno::Errno;
use std::fmt::Display;

/// Says what goes wrong on stderr, unless told to be quiet.
#[derive(Clone, Copy)]
pub(super) struct Warnings<'a> {
    /// In whose name.
    pub process: &'a Process,
    /// Whether anybody wants to know.
    pub wanted: bool,
}

impl Warnings<'_> {
    /// `warning: TEXT`.
    pub(super) fn say(&self, text: impl Display) {
        if self.wanted {
            self.process.warn(text);
        }
    }
    /// `warning: unable to WHAT: REASON`.
    pub(super) fn unable(&self, what: impl Display, e: Errno) {
        if self.wanted {
            self.process.warn_errno(format_args!("unable to {what}"), e);
        }
    }
    /// The same about a file.
    pub(super) fn unable_with(&self, what: &str, file: &[u8], e: Errno) {
        self.unable(format_args!("{what} {}", show(file)), e);
    }
}
