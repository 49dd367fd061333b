//! sixtree: an init for containers. `ARCHITECTURE.md` is the map; `multicall` is where a run
//! begins.
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod definition;
mod init;
mod looker;
pub mod multicall;
mod output;
mod runtime;
pub mod sys;
pub mod tools;

pub use sixtree_core::{engine, execline, format, graph};
