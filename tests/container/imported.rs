//! What `sixtree import` makes of files, booted: it behaves as under supervisord and foreman.

use crate::boot::{Boot, Container, is_possible};
use crate::image::{Image, Scratch};
use crate::web::{free_port, page};
use std::path::Path;
use std::process::Command;

/// A server whose parent does not pass TERM on: without its group, it would stay.
const API: &str = "#!/bin/sh\n\
    echo \"$(id -un) in $(pwd): $GREETING, $WORKERS workers, $STAGE, $*\"\n\
    echo starting >&2\nchild api &\n\
    (until [ -e /tmp/more ]; do sleep 0.05; done; yes 'thirty characters' | head -n 900) &\n\
    httpd -f -p 127.0.0.1:$2 -h /srv & wait\n";

const MONITOR: &str = "#!/bin/sh\necho \"limit $1\" >&2\ntrap 'trace monitor stops; exit' TERM\n\
    while :; do grep MemFree /proc/meminfo; sleep 0.1; done\n";

/// Tells of the TERM that its group gets.
const CHILD: &str = "#!/bin/sh\ntrap \"trace $1 child stops; exit\" TERM\ntrace $1 child starts\n\
    while :; do sleep 0.05; done\n";

const ENDS: &str = "#!/bin/sh\ntrace $1\nexit $2\n";

/// BusyBox, and over it what a file becomes.
pub(crate) fn imported(file: &Path) -> Image {
    let folder = Scratch::new("imported");
    let mut import = Command::new(env!("CARGO_BIN_EXE_sixtree"));
    import.arg("import").arg(file).args(["--here", "/srv"]).arg("--out").arg(folder.path());
    let output = import.output().expect("sixtree starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Image::busybox().on_scratch(folder)
}

/// Boots what a file becomes, until its server has a page at that port.
fn boot(file: &str) -> (Container, u16) {
    let image = imported(&Path::new("tests/container/imported").join(file))
        .file("bin/child", CHILD)
        .file("srv/api.sh", API)
        .file("srv/api/empty", "")
        .file("srv/monitor.sh", MONITOR)
        .file("srv/trace-and-exit.sh", ENDS)
        .file("srv/index.html", "it works\n")
        .file_of_mode("trace", "", 0o666);
    let port = free_port();
    let mut boot = Boot::default();
    boot.set("PORT", &port.to_string());
    let mut container = boot.start(&image);
    wait_for_page(&mut container, port);
    (container, port)
}

fn wait_for_page(container: &mut Container, port: u16) {
    let page = container.wait_until("there is a page", |_| page(port));
    assert!(page.ends_with("it works\n"), "{page}");
}

/// A crash that leaves nothing behind.
fn kill(container: &Container, service: &str) {
    container.control(service, "K");
}

/// Stops a service with all of its group.
fn stop(container: &mut Container, service: &str) {
    let stopped = container.exec(&["sixtree", "stop", service], None);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    container.wait_for_text("trace", &format!("{service} child stops"), 1);
}

#[test]
fn supervisord_conf_behaves_as_under_supervisord() {
    if !is_possible() {
        return;
    }
    // It starts: as whom, where, with which variables; what it writes is where it should be.
    let (mut container, port) = boot("supervisord.conf");
    let said = format!("app in /srv/api: hello, world, 2 workers, prod, --port {port}\n");
    container.wait_for_text("/var/log/api.log", &said, 1);
    container.wait_for_text("/var/log/api.err.log", "starting\n", 1);
    container.wait_for_text("/var/log/monitor.log", "limit 90%\n", 1);
    container.wait_for_text("stdout", "MemFree:", 3);

    // It starts again after a crash, but what fails at once no more than twice.
    kill(&container, "api");
    container.wait_for_text("/var/log/api.log", &said, 2);
    container.wait_for_text("stderr", "service hopeless gave up: it ended 3 times in 13 s", 1);
    let trace = container.trace();
    let count = |line| trace.iter().filter(|traced| *traced == line).count();
    let counts = ["hopeless", "done", "once"].map(count);
    assert_eq!(counts, [3, 1, 1], "{}", container.transcript());
    assert!(container.status("later").is_some_and(|status| status.pid == 0));

    // Its log files are rotated.
    assert!(container.exec(&["touch", "/tmp/more"], None).status.success());
    container.wait_until("there are two archives", |c| {
        let names = c.exec(&["ls", "/var/log/api.log.d"], None).stdout;
        (names.iter().filter(|byte| **byte == b'@').count() == 2).then_some(())
    });

    // It stops with all of its group, after what has a higher priority.
    stop(&mut container, "api");
    let trace = container.trace();
    let stops = trace.iter().filter(|line| line.ends_with("stops")).collect::<Vec<_>>();
    assert_eq!(stops, ["monitor stops", "api child stops"], "{trace:?}");
    container.stops();
}

#[test]
fn a_procfile_behaves_as_under_foreman() {
    if !is_possible() {
        return;
    }
    let (mut container, port) = boot("Procfile");
    let said = "worker hello, world on 5100\n";
    container.wait_for_text("stdout", said, 1);
    container.wait_for_text("trace", "worker child starts", 1);

    kill(&container, "worker");
    container.wait_for_text("stdout", said, 2);
    let pid = |c: &Container| c.status("web").map(|status| status.pid).filter(|pid| *pid != 0);
    let first = pid(&container);
    kill(&container, "web");
    container.wait_until("web is back", |c| pid(c).filter(|_| pid(c) != first));
    wait_for_page(&mut container, port);

    // It stops with all of its group, and alone.
    container.wait_for_text("trace", "worker child starts", 2);
    stop(&mut container, "worker");
    assert!(pid(&container).is_some());
    container.stops();
}
