//! `/init` as an ordinary process: no namespaces, no engine, any user. It boots examples/plain.

#![allow(clippy::disallowed_methods)]

mod ordinary;

use ordinary::Plain;

#[test]
fn a_tree_runs_without_being_a_container() {
    let mut plain = Plain::start();
    plain.wait_for("log", "not PID 1: running as a child subreaper");
    let ticks = format!("under {}\n", plain.init.id());
    plain.wait_for("run/log/current", &ticks);
    plain.wait_for("log", "service ticker successfully started");
    assert_eq!(plain.stop(), Some(0), "{}", plain.text("log"));
    let log = plain.text("log");
    assert!(log.contains("service ticker successfully stopped"), "{log}");
}
