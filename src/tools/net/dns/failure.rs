//! Why a name is not resolved.

use super::message::Malformed;
use super::name::TooLong;
use crate::tools::die::reason;
use crate::tools::{Exit, Process};
use nix::errno::Errno;
use std::fmt::{self, Display, Formatter};

/// Why there is no answer, or none of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The deadline has passed.
    TimedOut,
    /// No server has given an answer.
    NoServer,
    /// The name does not exist.
    NoSuchDomain,
    /// The answer cannot be parsed.
    Malformed,
    /// The name cannot be asked for.
    NameTooLong,
    /// A system call failed.
    System(Errno),
}

impl Failure {
    /// What a program exits with: 2 where a server has answered.
    pub fn code(self) -> u8 {
        match self {
            Self::TimedOut => 99,
            Self::NoSuchDomain | Self::Malformed => 2,
            Self::NoServer | Self::NameTooLong | Self::System(_) => 111,
        }
    }

    /// `NAME: fatal: unable to resolve WHAT: REASON`.
    pub fn report(self, process: &Process, what: impl Display) -> Exit {
        process.fatal(self.code(), format_args!("unable to resolve {what}: {self}"))
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "query timed out",
            Self::NoServer => "no available DNS server",
            Self::NoSuchDomain => "no such domain",
            Self::Malformed => "malformed packet",
            Self::NameTooLong => "Filename too long",
            Self::System(errno) => reason(*errno),
        })
    }
}

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

impl From<TooLong> for Failure {
    fn from(_: TooLong) -> Self {
        Self::NameTooLong
    }
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}
