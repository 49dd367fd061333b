//! The supervision engine: pure, deterministic, no syscalls.
//!
//! Contract: `handle` one event, then drain `poll` until `None`, then sleep until `deadline` or
//! the next event.

mod event;

pub use event::*;
