//! What a test does that cannot be run here.

use std::io::Write;

/// Says that the test is skipped, and why; where CI=true it fails instead.
pub fn skip(reason: &str) {
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_ci, "it cannot be run, and CI=true: {reason}");
    let thread = std::thread::current();
    let line = format!("skipped: {}: {}\n", thread.name().unwrap_or("a test"), reason.trim_end());
    // Not by eprintln!: the harness keeps for itself what a test says that does not fail.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
