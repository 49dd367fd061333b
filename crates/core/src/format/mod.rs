//! The byte formats that other programs read: pure, and tested by round trips.

pub mod access;
pub mod blake2s;
pub mod cdb;
pub mod civil;
pub mod control;
pub mod count;
pub mod decimal;
pub mod end_action;
pub mod envdir;
pub mod fifodir;
pub mod fstab;
pub mod logline;
pub mod look;
pub mod output;
pub mod request;
pub mod settings;
pub mod shutdown;
pub mod signal;
pub mod status;
pub mod syslog;
pub mod tai;
pub mod tally;
mod wire;
