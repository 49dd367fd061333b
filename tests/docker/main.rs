//! Containers that only an engine makes: other users, roots, PID namespaces and stop signals.
//!
//! They need Docker, and tini-static to compare with; those with Podman and systemd-nspawn are
//! skipped where these are not installed. The release under test is that of the tests
//! in namespaces: the root that SIXTREE_ROOT names, else one with a debug binary.
#![allow(clippy::disallowed_methods)]

mod engine;
mod http;
#[path = "../container/image.rs"]
#[allow(dead_code, reason = "of what the tests in namespaces need, these need a part")]
mod image;
mod nspawn;
mod php;
mod podman;
#[path = "../skip/mod.rs"]
mod skip;
mod stops;
mod swarm;
mod terminal;
mod users;
mod volumes;

use engine::{Container, answers};
use image::Image;
use std::process::Command;

/// A service that says who it is and when it stops. What it leaves behind says so, too.
const WEB: &str = "#!/command/with-contenv sh
( trap 'echo \"orphan told to go\"; exit 0' TERM; while :; do sleep 0.1; done ) &
trap 'echo \"web stops\"; exit 0' TERM
echo \"web runs as $(id -u):$(id -g) in $PLACE\"
echo >&3
while :; do sleep 0.1; done
";

/// sixtree-suexec, under the name by which it is the container's first program.
const SUEXEC: &str = "/opt/suexec/init";

/// A hook that tells ordinary users by the owner of /run, as that of linuxserver's images does.
const OWNER_HOOK: &str = "#!/bin/sh
[ \"$(stat -c %u /run)\" = 0 ] || printf 1 >/run/s6/container_environment/LSIO_NON_ROOT_USER
";

/// The bundle that has ten services with nothing to do.
const IDLE_BUNDLES: &str = "/opt/idle";

/// The image that every container here is of.
fn image() -> Image {
    let services = "etc/s6-overlay/s6-rc.d";
    let mut image = Image::busybox()
        .file("etc/s6-overlay/user-bundles.d/user/contents.d/web", "")
        .file(&format!("{services}/web/type"), "longrun\n")
        .file(&format!("{services}/web/notification-fd"), "3\n")
        .file(&format!("{services}/web/dependencies.d/base"), "")
        .file(&format!("{services}/web/run"), WEB);
    for number in 0..10 {
        let idle = format!("{services}/idle-{number}");
        image = image
            .file(&format!("{idle}/type"), "longrun\n")
            .file(&format!("{idle}/run"), "#!/command/execlineb -P\ns6-pause\n")
            .file(&format!("{IDLE_BUNDLES}/user/contents.d/idle-{number}"), "");
    }
    for bundle in ["user", "user2"] {
        image = image
            .file(&format!("{IDLE_BUNDLES}/{bundle}/type"), "bundle\n")
            .file(&format!("{IDLE_BUNDLES}/{bundle}/contents.d/.keep"), "");
    }
    image
        .copy("/usr/bin/tini-static", "bin/tini")
        .copy_of_mode(image::suexec(), SUEXEC.trim_start_matches('/'), 0o4755)
        .file("opt/owner-hook", OWNER_HOOK)
}

/// Boots with these options, waits for the service, and sees that it stops in order.
fn lives(options: &[&str], says: &[&str]) {
    if !answers() {
        return;
    }
    let container = Container::run(options, &[]);
    says.iter().for_each(|text| container.wait_for(text, 1));
    container.wait_for("service web successfully started", 1);
    let status = container.exec(&["/command/sixtree", "status"]);
    let shown = String::from_utf8_lossy(&status.stdout);
    assert!(status.status.success() && shown.contains("web"), "{status:?}");
    container.ends_in_order(0);
}

#[test]
fn another_init_is_pid_1() {
    lives(&["--init"], &["not PID 1: running as a child subreaper", "web runs as 0:0"]);
}

#[test]
fn a_root_without_capabilities() {
    let options = ["--cap-drop=ALL", "--security-opt=no-new-privileges"];
    lives(&options, &["web runs as 0:0"]);
}

#[test]
fn a_read_only_root_with_a_tmpfs_as_docker_makes_it() {
    // That is noexec, and the scripts of services are on it.
    lives(&["--read-only", "--tmpfs=/run"], &["web runs as 0:0"]);
}

#[test]
fn a_read_only_root_with_nowhere_to_write() {
    if !answers() {
        return;
    }
    let container = Container::run(&["--read-only"], &[]);
    let (code, log) = (container.exit_code(), container.log());
    assert_eq!(code, 100, "{log}");
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(
        log.contains("mount a tmpfs on it (--tmpfs /run), or name a writable directory"),
        "{log}"
    );
}

#[test]
fn in_the_hosts_pid_namespace_only_its_own_are_told_to_go() {
    if !answers() {
        return;
    }
    let mut bystander = Command::new("sleep").arg("1000").spawn().expect("sleep starts");
    let container = Container::run(&["--pid=host"], &[]);
    container.wait_for("service web successfully started", 1);
    container.ends_in_order(0);
    let log = container.log();
    let unharmed = bystander.try_wait().expect("our own child").is_none();
    let _ = bystander.kill();
    let _ = bystander.wait();
    assert!(unharmed, "the bystander has gone\n{log}");
    assert!(log.contains("orphan told to go"), "{log}");
}

#[test]
fn a_restart_finds_a_clean_place() {
    if !answers() {
        return;
    }
    let container = Container::run(&["--env=PLACE=Docker"], &[]);
    container.wait_for("service web successfully started", 1);
    let left = container.exec(&["touch", "/run/s6/container_environment/LEFT"]);
    assert!(left.status.success(), "{left:?}");
    engine::docker(["restart", "--time", "50", &container.name]);
    container.wait_for("service web successfully started", 2);
    let log = container.log();
    assert_eq!(log.matches("web stops").count(), 1, "{log}");
    assert_eq!(log.matches("web runs as 0:0 in Docker").count(), 2, "{log}");
    let left = container.exec(&["/command/printcontenv", "LEFT"]);
    assert_eq!(left.status.code(), Some(2), "{left:?}");
    container.ends_in_order(0);
}
