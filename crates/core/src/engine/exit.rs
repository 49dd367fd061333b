//! How a process ends, and what the end of a service can come to.

use crate::definition::EndAction;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited.
    Code(u8),
    /// A signal killed it.
    Signal(u8),
}

/// What an end means where a service does not say it, in the whole container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndDefaults {
    /// `SIXTREE_ON_FAILURE`.
    pub on_failure: EndAction,
    /// `SIXTREE_ON_GIVE_UP`.
    pub on_give_up: EndAction,
}

impl Default for EndDefaults {
    fn default() -> Self {
        Self { on_failure: EndAction::Restart, on_give_up: EndAction::Down }
    }
}

/// Why a longrun that was wanted is not started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Its `finish` exited 125.
    Finish {
        /// How `run` ended at last.
        exit: Exit,
        /// How often it ended by failure, one time after the other.
        failures: u32,
        /// In which time, in ms.
        during_ms: u64,
    },
    /// It ended by itself, and that is to be its last end.
    Ended {
        /// How.
        exit: Exit,
        /// That is a failure.
        failed: bool,
    },
    /// Its `run` cannot be executed, and that is to be its last try.
    Refused,
    /// Whoever looks at it finds it unwell, and that is to be its end.
    Unwell,
    /// It ended more often than `restart-limit` allows.
    Limit {
        /// So many times.
        ends: u32,
        /// In so many seconds.
        seconds: u32,
        /// How it ended at last.
        exit: Exit,
    },
}

/// Ends of a longrun by failure, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailureRow {
    /// The last one.
    pub exit: Exit,
    /// For how long it was up before that, in ms.
    pub lived_ms: u64,
    /// How many there were.
    pub failures: u32,
    /// In which time, in ms.
    pub during_ms: u64,
}

impl Rest {
    /// What the container exits with if it stops because of it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Finish { exit, .. } | Self::Ended { exit, .. } | Self::Limit { exit, .. } => {
                exit.code()
            }
            // What a shell makes of a command that it cannot find.
            Self::Refused => 127,
            Self::Unwell => 1,
        }
    }
}

impl Exit {
    /// The code that stands for it, as in a shell: 128 and the number of a signal.
    pub fn code(self) -> u8 {
        match self {
            Self::Code(code) => code,
            Self::Signal(number) => number.wrapping_add(128),
        }
    }
}
