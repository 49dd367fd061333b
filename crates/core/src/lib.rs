//! The pure part of sixtree: types, parsers and decisions. Nothing here reads a file, a clock or a
//! variable, and no dependency of this crate can. `ARCHITECTURE.md` is the map.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(clippy::unwrap_used, clippy::expect_used))]

pub mod definition;
pub mod engine;
pub mod execline;
pub mod format;
pub mod graph;
