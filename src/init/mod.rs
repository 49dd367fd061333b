//! `/init`: what happens before the loop and after it.

use crate::tools::Word;

/// Runs `/init` with its arguments; returns the exit code.
pub fn run(_argv: Vec<Word>) -> i32 {
    100
}
