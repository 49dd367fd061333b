//! The execline family of tools.

pub mod blocks;
mod execlineb;
pub mod frames;

use super::Tool;

/// This family's tools, sorted by name.
pub const TOOLS: &[Tool] = &[Tool::new(
    "execlineb",
    execlineb::run,
    "[ -p | -P | -S nmin | -s nmin ] [ -q | -w | -W ] [ -e ] [ -c commandline ] script args",
    "Run a script as a chain of programs",
)];
