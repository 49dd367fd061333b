//! `/init` under seccomp profiles that refuse newer system calls: it makes do with the older ones.

use crate::boot::{Boot, is_possible};
use crate::image::{Image, Scratch};
use std::process::Command;

/// Says which descriptors it has.
const RUN: &str = "#!/bin/sh\ncd /proc/self/fd && trace fds *\n\
    echo >&3\ntrap 'trace web stops; exit 0' TERM\nwhile :; do sleep 0.05; done\n";

/// The variables, descriptors, states: one of each kind of thing that tools do.
const CMD: &str = "s6-svwait -U -t 5000 /run/service/web && s6-svc -r -wR -T 5000 /run/service/web \
    && s6-rc -u change late && sixtree healthcheck && s6-rmrf /var/log/x && exit 7";

fn boots_without_newer_calls(errno: nix::errno::Errno) {
    if !is_possible() {
        return;
    }
    let place = Scratch::new("seccomp");
    let refuse = place.path().join("refuse");
    let mut compile = Command::new("cc");
    compile.args(["-static", "-o"]).arg(&refuse).arg("tests/container/refuse.c");
    assert!(compile.status().is_ok_and(|s| s.success()), "cc (make deps): {compile:?}");
    // A descriptor that /init is started with is no more for a service than one of its own.
    let init = format!(
        "#!/bin/sh\nexec /bin/refuse {} /package/admin/s6-overlay/libexec/stage0 \"$@\" 9< /init\n",
        errno as i32
    );
    let services = "etc/s6-overlay/s6-rc.d";
    let image = Image::busybox()
        .copy(&refuse, "bin/refuse")
        .file("init", &init)
        .file("var/log/x/y", "")
        .file("etc/s6-overlay/user-bundles.d/user/contents.d/web", "")
        .file(&format!("{services}/web/type"), "longrun\n")
        .file(&format!("{services}/web/notification-fd"), "3\n")
        .file(&format!("{services}/web/run"), RUN)
        .file(&format!("{services}/late/type"), "oneshot\n")
        .file(&format!("{services}/late/up"), "trace late\n")
        .file("etc/services.d/old/run", "#!/command/with-contenv sh\nexec sleep 1000\n");
    let cmd = ["with-contenv", "sh", "-c", CMD].map(str::to_owned).to_vec();
    let mut container = Boot { cmd, ..Boot::default() }.start(&image);
    assert_eq!(container.exit_code(), 7, "{}", container.transcript());
    let trace = container.trace();
    // Beside stdio and the notification there are the shell's: its script, and the folder.
    assert_eq!(trace[0], "fds 0 1 10 2 3 4", "{}", container.transcript());
    for line in ["late", "web stops"] {
        assert!(trace.iter().any(|l| l == line), "no {line}: {}", container.transcript());
    }
}

#[test]
fn newer_system_calls_are_not_permitted() {
    boots_without_newer_calls(nix::errno::Errno::EPERM);
}

#[test]
fn newer_system_calls_are_not_there() {
    boots_without_newer_calls(nix::errno::Errno::ENOSYS);
}
