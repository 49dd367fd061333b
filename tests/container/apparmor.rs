//! What is executed in a container, for AppArmor profiles: /init itself executes files only where
//! profiles that were written for s6-overlay allow it.

use crate::boot::is_possible;
use crate::image::{Image, Scratch};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

/// Where such profiles let programs be executed.
const ALLOWED: &[&str] = &[
    "/init",
    "/command/",
    "/package/",
    "/run/s6/",
    "/run/s6-rc",
    "/run/service/",
    "/etc/s6-overlay/",
    "/etc/services.d/",
    "/etc/cont-init.d/",
    "/etc/cont-finish.d/",
    "/bin/",
    "/usr/bin/",
    // By a path that is relative to a service's directory, which is in /run.
    "./run",
    "./finish",
    "./data/check",
    // A link to /command/sixtree: where it leads is what counts.
    "/proc/self/exe",
];

#[test]
fn nothing_is_executed_where_profiles_forbid_it() {
    if !is_possible() {
        return;
    }
    let services = "etc/s6-overlay/s6-rc.d";
    let image = Image::busybox()
        .file("etc/cont-init.d/10-sh", "#!/bin/sh\ntrue\n")
        .file("etc/cont-finish.d/10-sh", "#!/command/with-contenv sh\ntrue\n")
        .file("etc/services.d/old/run", "#!/bin/sh\nexec sleep 1000\n")
        .file("etc/services.d/old/finish", "#!/bin/sh\ntrue\n")
        .file("etc/s6-overlay/user-bundles.d/user/contents.d/web", "")
        .file(&format!("{services}/web/type"), "longrun\n")
        .file(&format!("{services}/web/notification-fd"), "3\n")
        .file(&format!("{services}/web/data/check"), "#!/bin/sh\ntrue\n")
        .file(&format!("{services}/web/run"), "#!/bin/sh\nexec s6-notifyoncheck sleep 1000\n");
    let place = Scratch::new("apparmor");
    // A file for each process: in one for all, a call is in two pieces if another comes between.
    let trace = place.path().join("execs");
    std::fs::create_dir(&trace).expect("a directory for the traces");
    let mut strace = Command::new("strace");
    strace
        .args(["-ff", "-qq", "-e", "trace=execve", "-e", "signal=none", "-o"])
        .arg(trace.join("of"));
    strace.args([env!("CARGO_BIN_EXE_sixtree"), "run", "--env", "S6_KILL_GRACETIME=100"]);
    strace.args(["--env", "PATH=/usr/bin:/bin", "--env", "S6_LOGGING=1"]);
    strace.args(image.arguments()).args(["s6-svwait", "-U", "-t", "10000", "/run/service/web"]);
    let ended = strace.stdin(Stdio::null()).output().expect("strace starts (make deps)");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(0), "{said}");
    let traces = std::fs::read_dir(trace).expect("the traces").flatten();
    let trace: String =
        traces.map(|file| std::fs::read_to_string(file.path()).expect("a trace")).collect();
    let executed: BTreeSet<&str> =
        trace.lines().filter(|line| line.ends_with(" = 0")).filter_map(file).collect();
    // The first is `sixtree run` itself.
    let inside = executed.iter().filter(|file| **file != env!("CARGO_BIN_EXE_sixtree"));
    let wrong: Vec<_> =
        inside.filter(|file| !ALLOWED.iter().any(|allowed| file.starts_with(allowed))).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    for expected in ["/init", "/etc/cont-init.d/10-sh", "./run"] {
        assert!(executed.contains(expected), "{expected} is not in {executed:?}");
    }
}

/// `execve("FILE", …`: the file.
fn file(line: &str) -> Option<&str> {
    line.strip_prefix("execve(\"")?.split('"').next()
}
