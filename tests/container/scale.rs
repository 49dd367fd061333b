//! Trees of thousands of services boot, answer and stop.

use crate::boot::{Boot, Container, is_possible};
use crate::image::Image;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

const SERVICES: usize = 2_000;

/// Services that are known, and not up.
const KNOWN: usize = 10_000;

/// The soft limit of open files that the container begins with. PID 1 needs more.
const NOFILE: u64 = 1024;

/// The `run` of nearly all of them.
const PAUSE: &str = "#!/command/execlineb -P\ns6-pause\n";

/// The `run` of one of them.
const PRINT_LIMIT: &str = "#!/bin/sh\ntrace the limit is $(ulimit -n)\nexec sleep 1000\n";

#[test]
fn thousands_of_services_start_and_restart_and_stop() {
    if !is_possible() {
        return;
    }
    let image = (0..SERVICES).fold(Image::busybox(), |image, at| {
        let folder = format!("etc/s6-overlay/s6-rc.d/svc-{at}");
        image
            .file(&format!("etc/s6-overlay/user-bundles.d/user/contents.d/svc-{at}"), "")
            .file(&format!("{folder}/type"), "longrun\n")
            .file(&format!("{folder}/run"), if at == 7 { PRINT_LIMIT } else { PAUSE })
    });
    let mut clock = Clock(Instant::now());
    let mut container = boot(&image);
    clock.report("2,000 services: the boot");
    let listed = container.exec(&["s6-rc", "-a", "list"], None);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.lines().filter(|line| line.starts_with("svc-")).count(), SERVICES);
    clock.report("the list");
    restart(&mut container, "svc-1234");
    clock.report("one restart");
    check_limits(&mut container);
    clock = Clock(Instant::now());
    container.stops();
    clock.report("the stop");
    let said = container.text("stderr");
    // A busy machine may be slow to stop them.
    let faults: Vec<_> = said.lines().filter(|line| !line.contains("still waiting for")).collect();
    assert_eq!(faults, [""; 0]);
    assert!(said.lines().count() <= 3, "{said}");
}

#[test]
fn ten_thousand_services_are_listed() {
    if !is_possible() {
        return;
    }
    let image = (0..KNOWN).fold(Image::busybox(), |image, at| {
        let folder = format!("etc/s6-overlay/s6-rc.d/known-by-a-name-that-is-not-short-{at}");
        image.file(&format!("{folder}/type"), "oneshot\n").file(&format!("{folder}/up"), "true\n")
    });
    let mut clock = Clock(Instant::now());
    let mut container = boot(&image);
    clock.report("10,000 services: the boot");
    for (words, line) in [
        (&["s6-rc", "-da", "list"][..], "known-"),
        (&["sixtree", "status", "--json"], "\"name\":\"known-"),
        (&["sixtree", "status"], "\nknown-"),
    ] {
        let output = container.exec(words, None);
        let out = String::from_utf8_lossy(&output.stdout);
        let count = format!("\n{out}").matches(line).count();
        assert_eq!(count, KNOWN, "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        clock.report(&words.join(" "));
    }
}

#[test]
fn clients_are_turned_away_when_there_are_too_many_open_files() {
    if !is_possible() {
        return;
    }
    let boot = Boot { nofile: Some("64:64".into()), ..Boot::default() };
    let image = Image::busybox();
    let mut container = boot.start(&image);
    let socket = format!("/proc/{}/root/run/s6-rc/control", container.init());
    container.wait_for_boot();
    let clients = (0..100).map(|_| UnixStream::connect(&socket).expect("PID 1 listens"));
    let mut clients: Vec<_> = clients.collect();
    let turned_away = |mut client: &UnixStream| {
        client.set_nonblocking(true).expect("a socket");
        client.read(&mut [0]).is_ok_and(|n| n == 0)
    };
    container.wait_until("all that is too much is turned away", |_| {
        let left = clients.iter().filter(|client| !turned_away(client)).count();
        (0 < left && left < 64).then_some(())
    });
    clients.clear();
    container.wait_until("a client is served", |c| {
        c.exec(&["s6-rc", "list"], None).status.success().then_some(())
    });
}

/// Boots until the CMD runs.
fn boot(image: &Image) -> Container {
    let cmd = ["sh", "-c", "trace all are up; exec sleep 1000"].map(str::to_string).to_vec();
    let mut boot = Boot { cmd, nofile: Some(format!("{NOFILE}:")), ..Boot::default() };
    boot.set("S6_VERBOSITY", "1");
    let mut container = boot.start(image);
    container.wait_until("the end of the boot", |c| {
        c.trace().contains(&"all are up".into()).then_some(())
    });
    container
}

fn restart(container: &mut Container, service: &str) {
    let pid = |c: &Container| c.status(service).filter(|s| s.is_up()).map(|s| s.pid);
    let before = pid(container).expect("it runs");
    let restart = ["s6-svc", "-r", &format!("/run/service/{service}")];
    assert!(container.exec(&restart, None).status.success());
    container.wait_until("it runs again", |c| pid(c).filter(|pid| *pid != before));
}

/// PID 1 has raised its soft limit as far as it could, and given the old one back to its children.
fn check_limits(container: &mut Container) {
    container.wait_until("a service tells its limit", |c| {
        c.trace().contains(&format!("the limit is {NOFILE}")).then_some(())
    });
    let limits = fs::read_to_string(format!("/proc/{}/limits", container.init()));
    let limits = limits.expect("PID 1 runs");
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let numbers: Vec<_> = files.expect("a line of it").split_ascii_whitespace().collect();
    assert_eq!(numbers[0], numbers[1], "{limits}");
    assert_ne!(numbers[0], NOFILE.to_string(), "the hard limit here is too low for this test");
}

/// Reports how long things have taken; nothing depends on it.
struct Clock(Instant);

impl Clock {
    fn report(&mut self, what: &str) {
        let took = self.0.elapsed();
        let _ = writeln!(std::io::stderr(), "{what} took {took:.2?}");
        self.0 = Instant::now();
    }
}
