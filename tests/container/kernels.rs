//! `/init` on older kernels, under Docker's default seccomp profile, and under what QEMU's user
//! emulation makes of a kernel: `refuse.c` answers for them.

use crate::boot::{Boot, is_possible};
use crate::image::{Image, Scratch};
use crate::{cases, steps};
use std::io::Write;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many containers run at a time: they wait more than they work.
const AT_ONCE: usize = 4;

/// The program that makes an older kernel of this one for what it starts.
pub(crate) fn refuse() -> PathBuf {
    static PLACE: LazyLock<Scratch> = LazyLock::new(|| {
        let place = Scratch::new("refuse");
        let mut compile = Command::new("cc");
        compile.args(["-static", "-o"]).arg(place.path().join("refuse"));
        compile.arg("tests/container/refuse.c");
        assert!(compile.status().is_ok_and(|s| s.success()), "cc (make deps): {compile:?}");
        place
    });
    PLACE.path().join("refuse")
}

/// Whether a case does an engine's work inside of the container: it mounts or unmounts something.
fn mounts(case: &str) -> bool {
    let text = std::fs::read_to_string(format!("tests/container/cases/{case}.case"));
    text.expect("the case")
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word.ends_with("mount"))
}

/// Runs cases on a kernel (for engines it has another name), says how many of them pass, and fails
/// if it is not all.
fn run_cases(kernel: &'static str, for_engines: &'static str, cases: &[&'static str]) {
    if !is_possible() {
        return;
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let kernel = if mounts(case) { for_engines } else { kernel };
            if catch_unwind(|| steps::run(case, Some(kernel))).is_err() {
                failed.push(*case);
            }
        }
        failed
    };
    let failed: Vec<&str> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("it catches all")).collect()
    });
    let passed = cases.len() - failed.len();
    // Not by eprintln!: the harness keeps for itself what a test says that does not fail.
    let line = format!("kernel {kernel}: {passed} of {} cases pass\n", cases.len());
    std::io::stderr().write_all(line.as_bytes()).expect("stderr takes it");
    assert!(failed.is_empty(), "kernel {kernel}: {failed:?} fail; what they said is above");
}

/// Every fourth case, beginning with another one for each kernel.
fn every_fourth(first: usize) -> Vec<&'static str> {
    cases::NAMES.iter().skip(first).step_by(4).copied().collect()
}

/// What sees lines again after a kill of the process that had them. They are in a memfd, which is
/// there since Linux 3.17; before, they end with it.
const NEED_MEMFD: [&str; 2] = ["log_followed", "log_killed"];

#[test]
fn all_cases_pass_on_linux_3_10() {
    let cases = cases::NAMES.iter().filter(|case| !NEED_MEMFD.contains(case));
    run_cases("3.10", "3.10-admin", &cases.copied().collect::<Vec<_>>());
}

#[test]
fn all_cases_pass_under_qemu_user() {
    run_cases("qemu", "qemu", cases::NAMES);
}

#[test]
fn cases_pass_on_linux_4_4() {
    run_cases("4.4", "4.4-admin", &every_fourth(0));
}

#[test]
fn cases_pass_on_linux_4_18() {
    run_cases("4.18", "4.18-admin", &every_fourth(1));
}

#[test]
fn cases_pass_on_linux_5_4() {
    run_cases("5.4", "5.4-admin", &every_fourth(2));
}

#[test]
fn cases_pass_on_linux_5_10() {
    run_cases("5.10", "5.10-admin", &every_fourth(3));
}

/// Says which descriptors it has.
const RUN: &str = "#!/bin/sh\ncd /proc/self/fd && trace fds *\n\
    echo >&3\ntrap 'trace web stops; exit 0' TERM\nwhile :; do sleep 0.05; done\n";

/// The variables, descriptors, states: one of each kind of thing that tools do.
const CMD: &str = "s6-svwait -U -t 5000 /run/service/web && s6-svc -r -wR -T 5000 /run/service/web \
    && s6-rc -u change late && sixtree healthcheck && s6-rmrf /var/log/x && exit 7";

/// Descriptors are those that are meant, and tools do without what the kernel has not.
fn boots_on(kernel: &'static str) {
    if !is_possible() {
        return;
    }
    // A descriptor that /init is started with is no more for a service than one of its own.
    let init = "#!/bin/sh\nexec /package/admin/s6-overlay/libexec/stage0 \"$@\" 9< /init\n";
    let services = "etc/s6-overlay/s6-rc.d";
    let image = Image::busybox()
        .copy(refuse(), "bin/refuse")
        .file("init", init)
        .file("var/log/x/y", "")
        .file("etc/s6-overlay/user-bundles.d/user/contents.d/web", "")
        .file(&format!("{services}/web/type"), "longrun\n")
        .file(&format!("{services}/web/notification-fd"), "3\n")
        .file(&format!("{services}/web/run"), RUN)
        .file(&format!("{services}/late/type"), "oneshot\n")
        .file(&format!("{services}/late/up"), "trace late\n")
        .file("etc/services.d/old/run", "#!/command/with-contenv sh\nexec sleep 1000\n");
    let cmd = ["with-contenv", "sh", "-c", CMD].map(str::to_owned).to_vec();
    let mut container = Boot { cmd, kernel: Some(kernel), ..Boot::default() }.start(&image);
    assert_eq!(container.exit_code(), 7, "{}", container.transcript());
    let trace = container.trace();
    // Beside stdio and the notification there are the shell's: its script, and the folder.
    assert_eq!(trace[0], "fds 0 1 10 2 3 4", "{}", container.transcript());
    for line in ["late", "web stops"] {
        assert!(trace.iter().any(|l| l == line), "no {line}: {}", container.transcript());
    }
}

#[test]
fn newer_system_calls_are_not_there() {
    boots_on("3.10");
}

#[test]
fn newer_system_calls_are_not_permitted() {
    boots_on("3.10-eperm");
}

#[test]
fn there_are_only_fork_and_vfork() {
    boots_on("qemu");
}
