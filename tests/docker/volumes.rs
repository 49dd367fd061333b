//! Volumes: what bystanders keep in them stays, and what two containers share.

use crate::engine::{Container, answers};
use crate::image::Scratch;
use std::fs;

#[test]
fn volumes_of_bystanders_are_not_touched() {
    if !answers() {
        return;
    }
    let (app, logs) = (Scratch::new("app"), Scratch::new("logs"));
    fs::create_dir(app.path().join("data")).expect("a folder");
    fs::write(app.path().join("data/file"), "mine").expect("a file");
    fs::write(logs.path().join("current"), "old line\n").expect("a file");
    // Docker itself makes a folder of /var/run to mount the first one.
    let app_at = format!("--volume={}:/var/run/app", app.path().display());
    let logs_at = format!("--volume={}:/run/uncaught-logs", logs.path().display());
    for options in [&[app_at.as_str(), &logs_at], &["--env=S6_LOGGING=1", logs_at.as_str()]] {
        let container = Container::run(options, &[]);
        container.wait_for("service web successfully started", 1);
        container.ends_in_order(0);
    }
    assert_eq!(fs::read_to_string(app.path().join("data/file")).expect("it is there"), "mine");
    // s6-log has put the old lines into a file of their own.
    let files = fs::read_dir(logs.path()).expect("a folder").map(|file| file.expect("a file"));
    let log: String = files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect();
    assert!(log.contains("old line\n"), "{log}");
    assert!(log.contains("web runs as"), "{log}");
}

#[test]
fn two_containers_that_share_run_do_not_harm_each_other() {
    if !answers() {
        return;
    }
    let shared = Scratch::new("shared");
    let volume = format!("--volume={}:/run", shared.path().display());
    let first = Container::run(&[&volume], &[]);
    first.wait_for("service web successfully started", 1);
    let second = Container::run(&[&volume], &[]);
    second.wait_for("/run is in use by another init: using /tmp/sixtree-0,", 1);
    second.wait_for("service web successfully started", 1);
    for container in [&first, &second] {
        let killed = container.exec(&["/command/s6-svc", "-k", "/run/service/web"]);
        assert!(killed.status.success(), "{killed:?}");
        container.wait_for("web runs as", 2);
    }
    second.ends_in_order(0);
    let health = first.exec(&["/command/sixtree", "healthcheck", "web"]);
    assert!(health.status.success(), "{health:?}");
    first.ends_in_order(0);
}
