//! Services that speak the protocol of systemd: `notify` and `watchdog`.

use crate::boot::{Boot, Container, is_possible};
use crate::image::{Image, Scratch};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// A program that sends its words as sd_notify(3) does.
fn say() -> PathBuf {
    static PLACE: LazyLock<Scratch> = LazyLock::new(|| {
        let place = Scratch::new("say");
        let mut compile = Command::new("cc");
        compile.args(["-static", "-o"]).arg(place.path().join("say"));
        compile.arg("tests/container/say.c");
        assert!(compile.status().is_ok_and(|s| s.success()), "cc (make deps): {compile:?}");
        place
    });
    PLACE.path().join("say")
}

const RUN: &str = "#!/command/with-contenv sh
trace \"web $(basename $NOTIFY_SOCKET) $WATCHDOG_USEC $NAME\"
say 'STATUS=warming up'
while [ ! -e /tmp/go ]; do sleep 0.05; done
trace web is ready
# By a child, as a shell script does it.
say READY=1 'STATUS=3 requests' MAINPID=1
(while [ ! -e /tmp/hang ]; do say WATCHDOG=1; sleep 0.1; done) &
wait
sleep 1000
";

fn image() -> Image {
    let web = "etc/s6-overlay/s6-rc.d/web";
    let late = "etc/s6-overlay/s6-rc.d/late";
    Image::busybox()
        .copy(say(), "bin/say")
        .file(&format!("{web}/type"), "longrun\n")
        .file(&format!("{web}/notify"), "systemd\n")
        .file(&format!("{web}/watchdog"), "2000\n")
        .file(&format!("{web}/run"), RUN)
        .file(&format!("{late}/type"), "longrun\n")
        .file(&format!("{late}/dependencies.d/web"), "")
        .file(&format!("{late}/run"), "#!/bin/sh\ntrace late\nexec sleep 1000\n")
        .file("etc/s6-overlay/user-bundles.d/user/contents.d/late", "")
}

#[test]
fn what_a_service_says_of_itself_is_heeded() {
    if !is_possible() {
        return;
    }
    let mut boot = Boot::default();
    boot.set("NAME", "value");
    boot.set("NOTIFY_SOCKET", "/of/the/container");
    let mut container = boot.start(&image());
    container.wait_for_text("trace", "web notify 2000000 value\n", 1);
    wait_for_status(&mut container, "warming up");
    // Nobody else can say it.
    let path = "NOTIFY_SOCKET=/run/s6-rc/notify";
    container.exec(&["env", path, "say", "READY=1", "STATUS=a lie"], None);
    container.exec(&["touch", "/tmp/go"], None);
    container.wait_for_text("trace", "late\n", 1);
    let trace = container.trace();
    let place = |line| trace.iter().position(|l| l == line);
    assert!(place("web is ready") < place("late"), "{trace:?}");
    wait_for_status(&mut container, "3 requests");
    container.exec(&["touch", "/tmp/hang"], None);
    container.wait_for_text("trace", "web notify 2000000 value\n", 2);
    let said = "sixtree: warning: web: no WATCHDOG=1 in 2 s: restarting it";
    container.wait_for_text("stderr", said, 1);
}

fn wait_for_status(container: &mut Container, text: &str) {
    container.wait_until(&format!("{text:?} in the status"), |container| {
        let output = container.exec(&["sixtree", "status", "web"], None).stdout;
        String::from_utf8_lossy(&output).contains(text).then_some(())
    });
}
