//! The system: every `unsafe` block of the crate is in this folder (and the entry).

pub mod clock;
pub mod copy;
pub mod device;
pub mod errno;
pub mod exec;
pub mod fd;
pub mod fifodir;
pub mod glob;
pub mod identity;
pub mod ipc;
pub mod limits;
pub mod lock;
pub mod machine;
pub mod mount;
pub mod poll;
pub mod process;
pub mod random;
pub mod regex;
pub mod remove;
pub mod signal;
pub mod signalfd;
pub mod socket;
pub mod spawn;
pub mod timezone;
pub mod user;
pub mod why;
