//! sixtree: an init for containers. `ARCHITECTURE.md` is the map; `multicall` is where a run
//! begins.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod cli;
pub mod definition;
pub mod init;
pub mod multicall;
pub mod runtime;
pub mod sys;
pub mod tools;

pub use sixtree_core::{engine, execline, format, graph};
