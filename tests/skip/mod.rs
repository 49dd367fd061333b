//! How a test is skipped that cannot run on this machine.

use std::io::Write;

/// Reports that the test is skipped, and why; with CI=true it fails instead.
pub(crate) fn skip(reason: &str) {
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_ci, "it cannot be run, and CI=true: {reason}");
    report(reason);
}

/// Reports that the test is skipped for want of a program that `make deps` does not install.
#[allow(dead_code, reason = "most tests need nothing else")]
pub(crate) fn skip_without(reason: &str) {
    report(reason);
}

fn report(reason: &str) {
    let thread = std::thread::current();
    let line = format!("skipped: {}: {}\n", thread.name().unwrap_or("a test"), reason.trim_end());
    // Not by eprintln!: the harness captures that, and shows it of tests that fail only.
    // A closed stderr fails no test.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
