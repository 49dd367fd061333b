//! What Debian's version does not have yet, or not in this form.

use crate::world::{Side, World};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};

/// Makes instances of a service, controls them, removes them.
#[test]
fn instances_come_and_go() {
    let world = World::ours("instances");
    world.service("template", &[("run", "#!/bin/sh\necho $1 >> /proc/self/fd/2\nexec sleep 99\n")]);
    fs::create_dir(world.dir.join("scan")).unwrap();
    world.ok(&["s6-instance-maker", "-c", "10", "template", "web"]);
    use_own_interpreter(&world, "web/run");
    world.supervise("s6-svscan", "scan");
    world.ok(&["s6-svlink", "-t", "50000", "scan", "web"]);
    world.ok(&["s6-svwait", "-U", "-t", "50000", "web"]);
    world.ok(&["s6-instance-create", "-t", "50000", "web", "one"]);
    assert_eq!(world.run(&["s6-instance-create", "web", "one"]).code, Some(100));
    assert_eq!(world.run(&["s6-instance-create", "web", "a/../../b"]).code, Some(100));
    world.ok(&["s6-instance-create", "-d", "-t", "50000", "web", "two"]);
    assert_eq!(world.ok(&["s6-instance-list", "web"]), "one\ntwo");
    world.ok(&["s6-svwait", "-u", "-t", "50000", "web/instance/one"]);
    assert_eq!(world.ok(&["s6-instance-status", "-o", "up", "web", "two"]), "false");
    world.ok(&["s6-instance-control", "-wu", "-T", "50000", "-u", "web", "two"]);
    assert_eq!(world.ok(&["s6-instance-status", "-u", "web", "two"]), "true");
    world.ok(&["s6-instance-delete", "-t", "50000", "web", "one"]);
    world.ok(&["s6-instance-delete", "-t", "50000", "web", "one"]);
    assert_eq!(world.ok(&["s6-instance-list", "web"]), "two");
    assert!(!world.has("web/instances/one"));
    assert_eq!(world.run(&["s6-instance-status", "web", "one"]).code, Some(1));
    world.ok(&["s6-svunlink", "-t", "50000", "scan", "web"]);
    assert_eq!(world.run(&["s6-instance-list", "web"]).code, Some(1));
    world.ok(&["s6-svscanctl", "-t", "scan"]);
    assert_eq!(world.supervisor_ends(), Some(0));
}

/// A script that names /command/execlineb runs without an installation.
fn use_own_interpreter(world: &World, script: &str) {
    let script = world.dir.join(script);
    let text = fs::read_to_string(&script).unwrap();
    let own = format!("#!{}/", world.dir.join("bin").display());
    fs::write(script, text.replace("#!/command/", &own)).unwrap();
}

/// sd_notify's way and s6's way of telling readiness, one inside the other.
#[test]
fn readiness_passes_through_a_socket() {
    let world = World::ours("notify");
    let run = "#!/bin/sh\nexec s6-notify-fd-from-socket sh -c '\n\
               echo ${NOTIFY_SOCKET%${NOTIFY_SOCKET#?}} > ../kind\n\
               exec s6-notify-socket-from-fd -d 4 sh -c \"\n\
               echo \\$NOTIFY_SOCKET. > ../unset\n\
               until [ -e ../ready ]; do sleep 0.01; done; echo >&4; exec sleep 99\"'\n";
    world.service("a", &[("run", run), ("notification-fd", "3\n")]);
    world.supervise("s6-supervise", "a");
    world.until_file_says("unset", &["."]);
    world.until_file_says("kind", &["@"]);
    world.times_out(&["s6-svwait", "-U", "-t", "100", "a"]);
    fs::write(world.dir.join("ready"), "").unwrap();
    world.ok(&["s6-svwait", "-U", "-t", "50000", "a"]);
    assert_eq!(world.run(&["s6-notify-fd-from-socket", "-3", "77", "true"]).code, Some(111));
    let long = ["s6-notify-fd-from-socket", "--doublefork", "--notification-fd=77", "true"];
    assert_eq!(world.run(&long).code, Some(111));
    assert_eq!(world.run(&["s6-notify-socket-from-fd", "sh", "-c", "exit 3"]).code, Some(3));
}

/// What could not be sent is not waited for, and what is unknown is refused.
#[test]
fn a_wait_for_nobody_ends_at_once() {
    let world = World::ours("nobody");
    world.service("a", &[("run", "#!/bin/sh\nexec sleep 99\n")]);
    assert_eq!(world.run(&["s6-svc", "-u", "-wu", "a"]).code, Some(111), "never supervised");
    world.supervise("s6-supervise", "a");
    world.ok(&["s6-svc", "-wD", "-T", "50000", "-xd", "a"]);
    assert_eq!(world.supervisor_ends(), Some(0));
    assert_eq!(world.run(&["s6-svc", "-u", "-wu", "a"]).code, Some(102));
    assert_eq!(world.run(&["s6-svc", "-u", "a", "nothing"]).code, Some(111), "the last error");
    for wrong in [&["-s", "SEGV"] as &[_], &["-w", "x"], &["-Z"], &["-T", "soon"]] {
        let words = [&["s6-svc"], wrong, &["a"]].concat();
        assert_eq!(world.run(&words).code, Some(100), "{wrong:?}");
    }
    assert_eq!(world.run(&["s6-svc", &format!("-{}", "u".repeat(63)), "a"]).code, Some(100));
    assert_eq!(world.run(&["s6-svwait"]).code, Some(0));
    assert_eq!(world.run(&["s6-svwait", "-t", "50", "nothing"]).code, Some(111));
}

/// The services that are written for others are scripts that execline reads.
#[test]
fn makers_write_what_execline_reads() {
    let world = World::ours("makers");
    world.service("template", &[("run", "#!/bin/sh\n")]);
    let names = "web/web-log/web-pipe";
    let maker = ["s6-instance-maker", "-r", names, "-L", "/var/log/web", "-l", "a \"b\"", "-t3"];
    world.ok(&[&maker as &[_], &["-S", "5", "template", "source"]].concat());
    let tree = ["s6-usertree-maker", "-E", "/etc/env", "-e", "A", "joe", "/var/log/joe", "joe"];
    world.ok(&tree);
    let read = |file: &str| fs::read_to_string(world.dir.join(file)).unwrap();
    assert_eq!(read("source/web/producer-for"), "web-log\n");
    assert_eq!(read("source/web-log/consumer-for"), "web\n");
    assert_eq!(read("source/web-log/pipeline-name"), "web-pipe\n");
    let logger = "#!/command/execlineb -P\ns6-setuidgid \"a \\\"b\\\"\"\n\
                  s6-log -bd3 -- t T n10 s1000000 S5 \"/var/log/web\"\n";
    assert_eq!(read("source/web-log/run"), logger);
    let run = read("joe/run");
    let words = sixtree::execline::lexer::words(run.as_bytes()).unwrap();
    let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
    let end = ["s6-svscan", "-d3", "--", "${HOME}/service"];
    assert_eq!(words[words.len() - 4..], end);
    assert!(words.join(" ").contains("export A ${A} export PATH"));
    let relative = ["s6-usertree-maker", "joe", "log", "there"];
    assert_eq!(world.run_of(Side::Ours, &relative).code, Some(100));
    assert_eq!(world.run(&tree).code, Some(111), "it is there already");
}

/// Whoever may only list what a daemon holds cannot use up its descriptors, neither with messages
/// of more than there is room for nor with some that it keeps back.
#[test]
fn descriptors_that_nobody_may_store_are_closed() {
    let world = World::ours("hoarder");
    let rule = "rules/uid/self";
    world.service(rule, &[("allow", ""), ("env/S6_FDHOLDER_LIST", "\n")]);
    let daemon = ["s6-fdholder-daemon", "-c", "4", "-i", "rules", "holder"];
    world.spawn(Side::Ours, &[&["s6-softlimit", "-o", "40"], &daemon[..]].concat());
    let connect = || UnixStream::connect(world.dir.join("holder"));
    world.until("the daemon listens", || connect().is_ok());
    for _ in 0..3 {
        let mut hoarder = connect().unwrap();
        let copies = vec![hoarder.as_raw_fd(); 253];
        sixtree::sys::socket::send(hoarder.as_fd(), b"\0", &copies).unwrap();
        // What it sent comes back to its end, or is the reason to let it go.
        assert!(matches!(hoarder.read(&mut [0; 8]), Ok(0) | Err(_)));
        assert_eq!(world.ok(&["s6-fdholder-list", "-t", "50000", "holder"]), "");
    }
    let hoarders: Vec<UnixStream> = (0..3).map(|_| connect().unwrap()).collect();
    for hoarder in &hoarders {
        let sent = sixtree::sys::socket::send(hoarder.as_fd(), b"\0", &[0; 20]);
        assert_eq!(sent, Ok(1));
    }
    assert_eq!(world.ok(&["s6-fdholder-list", "-t", "50000", "holder"]), "");
}

/// What was sent to s6-socklog before SIGTERM is read, though it had no turn to read it yet.
#[test]
fn a_syslog_socket_is_read_to_its_end() {
    let world = World::ours("socklog");
    world.spawn(Side::Ours, &["s6-socklog", "-x", "log", "-t", "10000"]);
    world.until("it listens", || world.has("log"));
    world.signal_supervisor(Signal::SIGSTOP);
    let sender = UnixDatagram::unbound().unwrap();
    for number in 0..5 {
        sender.send_to(format!("<13>line {number}").as_bytes(), world.dir.join("log")).unwrap();
    }
    world.signal_supervisor(Signal::SIGTERM);
    world.signal_supervisor(Signal::SIGCONT);
    let lines: Vec<String> = (0..5).map(|number| format!("user.notice: line {number}")).collect();
    world.until_file_says("said", &lines.iter().map(String::as_str).collect::<Vec<_>>());
}
