//! What `sixtree import` makes of files, booted: it behaves as under supervisord and foreman.

use crate::boot::{Boot, Container, is_possible};
use crate::image::{Image, Scratch};
use nix::sys::signal::Signal;
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

/// An image with what the file becomes.
fn image(file: &str, folder: &Scratch) -> Image {
    let mut import = Command::new(env!("CARGO_BIN_EXE_sixtree"));
    import.arg("import").arg(format!("tests/container/imported/{file}"));
    import.args(["--here", "/srv"]).arg("--out").arg(folder.path());
    let output = import.output().expect("sixtree starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let image = Image::busybox().on(folder.path().to_str().expect("UTF-8"));
    image
        .file("bin/child", CHILD)
        .file("srv/api.sh", API)
        .file("srv/api/empty", "")
        .file("srv/monitor.sh", MONITOR)
        .file("srv/trace-and-exit.sh", ENDS)
        .file("srv/index.html", "it works\n")
        .file_of_mode("trace", "", 0o666)
}

/// A port that nobody listens on: containers share the network of the tests.
fn free_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has one").port().to_string()
}

/// What a program that was run inside printed.
fn output(container: &mut Container, words: &[&str]) -> String {
    String::from_utf8_lossy(&container.exec(words, None).stdout).into_owned()
}

fn wait_for_page(container: &mut Container, port: &str) {
    let url = format!("http://127.0.0.1:{port}/index.html");
    container.init();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while output(container, &["wget", "-q", "-O", "-", &url]) != "it works\n" {
        assert!(std::time::Instant::now() < deadline, "{}", container.transcript());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn wait_for_text(container: &mut Container, file: &str, text: &str, times: usize) {
    container.wait_until(&format!("{text:?} in {file}, {times} times"), |c| {
        (c.text(file).matches(text).count() >= times).then_some(())
    });
}

/// A crash that leaves nothing behind.
fn kill(container: &Container, service: &str) {
    container.control(service, "K");
}

fn count(container: &Container, line: &str) -> usize {
    container.trace().iter().filter(|traced| *traced == line).count()
}

#[test]
fn supervisord_conf_behaves_as_under_supervisord() {
    if !is_possible() {
        return;
    }
    let folder = Scratch::new("imported");
    let port = free_port();
    let mut boot = Boot::default();
    boot.set("PORT", &port);
    let image = image("supervisord.conf", &folder);
    let mut container = boot.start(&image);

    // It starts: as whom, where, with which variables; what it writes is where it should be.
    wait_for_page(&mut container, &port);
    let said = format!("app in /srv/api: hello, world, 2 workers, prod, --port {port}\n");
    wait_for_text(&mut container, "/var/log/api.log", &said, 1);
    wait_for_text(&mut container, "/var/log/api.err.log", "starting\n", 1);
    wait_for_text(&mut container, "/var/log/monitor.log", "limit 90%\n", 1);
    wait_for_text(&mut container, "stdout", "MemFree:", 3);

    // It starts again after a crash, but what fails at once no more than twice.
    kill(&container, "api");
    wait_for_text(&mut container, "/var/log/api.log", &said, 2);
    wait_for_text(&mut container, "stderr", "PERMANENT FAILURE triggered after 3 events", 1);
    let counts = ["hopeless", "done", "once"].map(|line| count(&container, line));
    assert_eq!(counts, [3, 1, 1], "{}", container.transcript());
    assert!(container.status("later").is_some_and(|status| status.pid == 0));

    // Its log files are rotated.
    assert!(container.exec(&["touch", "/tmp/more"], None).status.success());
    let archives = |c: &mut Container| output(c, &["sh", "-c", "ls /var/log/api.log.d"]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while archives(&mut container).matches('@').count() != 2 {
        assert!(std::time::Instant::now() < deadline, "{}", archives(&mut container));
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    // It stops with all of its group, after what has a higher priority.
    let stopped = container.exec(&["sixtree", "stop", "api"], None);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    wait_for_text(&mut container, "trace", "api child stops", 1);
    let trace = container.trace();
    let stops = trace.iter().filter(|line| line.ends_with("stops")).collect::<Vec<_>>();
    assert_eq!(stops, ["monitor stops", "api child stops"], "{trace:?}");
    container.signal(Signal::SIGTERM);
    assert_eq!(container.exit_code(), 0, "{}", container.transcript());
}

#[test]
fn a_procfile_behaves_as_under_foreman() {
    if !is_possible() {
        return;
    }
    let folder = Scratch::new("imported");
    let port = free_port();
    let mut boot = Boot::default();
    boot.set("PORT", &port);
    let image = image("Procfile", &folder);
    let mut container = boot.start(&image);
    wait_for_page(&mut container, &port);
    let said = "worker hello, world on 5100\n";
    wait_for_text(&mut container, "stdout", said, 1);
    wait_for_text(&mut container, "trace", "worker child starts", 1);

    kill(&container, "worker");
    wait_for_text(&mut container, "stdout", said, 2);
    let pid = |c: &Container| c.status("web").map(|status| status.pid).filter(|pid| *pid != 0);
    let first = pid(&container);
    kill(&container, "web");
    container.wait_until("web is back", |c| pid(c).filter(|_| pid(c) != first));
    wait_for_page(&mut container, &port);

    // It stops with all of its group.
    wait_for_text(&mut container, "trace", "worker child starts", 2);
    let stopped = container.exec(&["sixtree", "stop", "worker"], None);
    assert!(stopped.status.success(), "{}", String::from_utf8_lossy(&stopped.stderr));
    wait_for_text(&mut container, "trace", "worker child stops", 1);
    assert!(container.status("web").is_some_and(|status| status.pid != 0));
    container.signal(Signal::SIGTERM);
    assert_eq!(container.exit_code(), 0, "{}", container.transcript());
}
