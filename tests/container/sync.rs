//! `S6_SYNC_DISKS`: what is on disks is written to them when all has stopped, and only if that is
//! wanted.

use crate::boot::is_possible;
use crate::image::{Image, Scratch};
use std::process::Command;

/// The names of the calls by which a container syncs, and by which its processes end, in order.
/// The last to end are PID 1 and `sixtree run`, which waits for it.
fn calls(variables: &[&str]) -> Vec<String> {
    let place = Scratch::new("sync");
    let file = place.path().join("calls");
    let image = Image::busybox();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qqq", "-e", "trace=sync,exit_group", "-o"]).arg(&file);
    strace.arg(env!("CARGO_BIN_EXE_sixtree")).arg("run");
    strace.args(variables.iter().map(|variable| format!("--env={variable}")));
    let output = strace.args(image.arguments()).args(["sh", "-c", "exit 3"]).output();
    let output = output.expect("strace starts (make deps)");
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(file).expect("what strace has seen");
    let calls = text.lines().filter_map(|line| line.split_once('(')?.0.split(' ').next_back());
    calls.map(str::to_owned).collect()
}

#[test]
fn disks_are_synced_once_when_all_has_stopped() {
    if !is_possible() {
        return;
    }
    let calls = calls(&["S6_SYNC_DISKS=1"]);
    assert!(calls.ends_with(&["sync", "exit_group", "exit_group"].map(str::to_owned)), "{calls:?}");
    assert_eq!(calls.iter().filter(|call| *call == "sync").count(), 1, "{calls:?}");
}

#[test]
fn disks_are_not_synced_unless_it_is_wanted() {
    if !is_possible() {
        return;
    }
    for variables in [&[][..], &["S6_SYNC_DISKS=0"]] {
        let calls = calls(variables);
        assert!(!calls.iter().any(|call| call == "sync"), "{variables:?}: {calls:?}");
        assert!(calls.iter().any(|call| call == "exit_group"), "{variables:?}: nothing was seen");
    }
}
