//! What happens to one service, or to a few.

use crate::world::{Side, World};
use nix::sys::signal::Signal;
use sixtree::sys::fifodir::{self, Listener};
use std::os::unix::ffi::OsStrExt;

/// Ready when it is told to be, until it is told to end.
const OBEDIENT: &[(&str, &str)] = &[
    ("run", "#!/bin/sh\nuntil [ -e ../ready ]; do sleep 0.01; done\necho >&3\nexec sleep 1000\n"),
    ("notification-fd", "3\n"),
    ("finish", "#!/bin/sh\nwhile [ -e ../hold ]; do sleep 0.01; done\n"),
];

const SLEEPER: &[(&str, &str)] = &[("run", "#!/bin/sh\nexec sleep 1000\n")];

/// The fields that s6-svstat has on both sides, but for those that change with time.
const FIELDS: &str = "up,wantedup,normallyup,ready,paused,pid,exitcode,signal,signum,\
                      updownsince,readysince";

/// The exit code of s6-svc when there is no supervisor.
fn not_listening(side: Side) -> Option<i32> {
    Some(if side == Side::Ours { 102 } else { 100 })
}

/// Started, ready, restarted, stopped, left alone.
pub(crate) fn a_life(world: &World) {
    world.service("a", OBEDIENT);
    assert_eq!(world.run(&["s6-svok", "a"]).code, Some(1));
    assert_eq!(world.run(&["s6-svstat", "a"]).code, Some(1));
    world.supervise("s6-supervise", "a");
    world.ok(&["s6-svok", "a"]);
    world.ok(&["s6-svwait", "-u", "-t", "50000", "a"]);
    world.times_out(&["s6-svwait", "-U", "-t", "100", "a"]);
    std::fs::write(world.dir.join("ready"), "").unwrap();
    world.ok(&["s6-svwait", "-U", "-t", "50000", "a"]);
    let pid = world.ok(&["s6-svstat", "-o", "pid", "a"]);
    world.ok(&["s6-svc", "-r", "-wR", "-T", "50000", "a"]);
    assert_ne!(world.ok(&["s6-svstat", "-o", "pid", "a"]), pid);
    assert_eq!(world.ok(&["s6-svstat", "-o", "up,ready", "a"]), "true true");
    world.ok(&["s6-svc", "-d", "-wD", "-T", "50000", "a"]);
    assert_eq!(world.ok(&["s6-svstat", "-o", "up,wantedup,signal", "a"]), "false false SIGTERM");
    world.ok(&["s6-svc", "-D", "a"]);
    world.until("there is a down file", || world.has("a/down"));
    world.ok(&["s6-svc", "-U", "-wU", "-T", "50000", "a"]);
    world.until("there is no down file", || !world.has("a/down"));
    world.ok(&["s6-svlisten1", "-D", "-t", "50000", "a", "s6-svc", "-xd", "a"]);
    assert_eq!(world.supervisor_ends(), Some(0));
    assert_eq!(world.run(&["s6-svok", "a"]).code, Some(1));
    assert_eq!(world.run(&["s6-svc", "-u", "a"]).code, not_listening(world.tools));
}

/// The letters that are signals.
pub(crate) fn every_letter_arrives(world: &World) {
    let run = "#!/bin/sh\nfor s in ALRM ABRT QUIT HUP TERM INT USR1 USR2 WINCH; do\n\
               trap \"echo $s >> ../trace\" $s; done\necho up >> ../trace\n\
               while :; do sleep 0.01; done\n";
    world.service("a", &[("run", run)]);
    world.supervise("s6-supervise", "a");
    world.until_file_says("trace", &["up"]);
    let mut seen = vec!["up"];
    for (letter, signal) in [
        ("-a", "ALRM"),
        ("-b", "ABRT"),
        ("-q", "QUIT"),
        ("-h", "HUP"),
        ("-i", "INT"),
        ("-t", "TERM"),
        ("-1", "USR1"),
        ("-2", "USR2"),
        ("-y", "WINCH"),
    ] {
        world.ok(&["s6-svc", letter, "a"]);
        seen.push(signal);
        world.until_file_says("trace", &seen);
    }
    world.ok(&["s6-svc", "-k", "-wD", "-T", "50000", "-O", "a"]);
    assert_eq!(world.ok(&["s6-svstat", "-o", "up,signum", "a"]), "false 9");
}

/// In every state both s6-svstat read the same from `supervise/status`.
pub(crate) fn both_read_every_state_alike(world: &World) {
    let alike = |state: &str| {
        let [ours, theirs] = [Side::Ours, Side::Theirs]
            .map(|side| world.run_of(side, &["s6-svstat", "-o", FIELDS, "a"]));
        assert_eq!(ours, theirs, "{state}");
        assert_eq!(ours.code, Some(0), "{state}");
    };
    world.service("a", OBEDIENT);
    world.supervise("s6-supervise", "a");
    world.ok(&["s6-svwait", "-u", "-t", "50000", "a"]);
    alike("up");
    std::fs::write(world.dir.join("ready"), "").unwrap();
    world.ok(&["s6-svwait", "-U", "-t", "50000", "a"]);
    alike("up and ready");
    world.ok(&["s6-svc", "-p", "a"]);
    world.until("it is paused", || world.ok(&["s6-svstat", "-o", "paused", "a"]) == "true");
    alike("paused");
    world.ok(&["s6-svc", "-c", "a"]);
    world.until("it goes on", || world.ok(&["s6-svstat", "-o", "paused", "a"]) == "false");
    world.ok(&["s6-svc", "-O", "a"]);
    world.until("it is not wanted", || world.ok(&["s6-svstat", "-o", "wantedup", "a"]) == "false");
    alike("up once");
    std::fs::write(world.dir.join("hold"), "").unwrap();
    world.ok(&["s6-svc", "-k", "-wd", "-T", "50000", "a"]);
    alike("finishing");
    std::fs::remove_file(world.dir.join("hold")).unwrap();
    world.ok(&["s6-svwait", "-D", "-t", "50000", "a"]);
    alike("killed");
    world.service("a", &[("run", "#!/bin/sh\nexit 7\n")]);
    world.ok(&["s6-svc", "-o", "-wu", "-T", "50000", "a"]);
    world.ok(&["s6-svwait", "-D", "-t", "50000", "a"]);
    assert_eq!(world.ok(&["s6-svstat", "-o", "exitcode", "a"]), "7");
    alike("exited");
}

/// A finish that exits 125 is reported to those who wait for the service to be up.
pub(crate) fn a_permanent_failure_ends_the_wait(world: &World) {
    let files = [
        ("run", "#!/bin/sh\nuntil [ -e ../go ]; do sleep 0.01; done\nexit 5\n"),
        ("notification-fd", "3\n"),
        ("finish", "#!/bin/sh\nexec s6-permafailon 60 2 1,4-6,SIGSEGV true\n"),
    ];
    world.service("a", &files);
    world.supervise("s6-supervise", "a");
    world.ok(&["s6-svwait", "-u", "-t", "50000", "a"]);
    let words = ["s6-svlisten1", "-U", "-t", "50000", "a", "touch", "go"];
    assert_eq!(world.run(&words).code, Some(1));
    world.ok(&["s6-svwait", "-D", "-t", "50000", "a"]);
    assert_eq!(world.ok(&["s6-svstat", "-o", "up,wantedup,exitcode", "a"]), "false false 5");
    world.ok(&["s6-svwait", "-d", "-t", "50000", "a"]);
}

/// The death tally is the same to both.
pub(crate) fn deaths_are_listed_and_forgotten(world: &World) {
    let run = "#!/bin/sh\necho x >> ../starts\ncase $(wc -l < ../starts) in\n\
               1) exit 11 ;;\n2) kill -9 $$ ;;\n*) echo up > ../up; exec sleep 1000 ;;\nesac\n";
    world.service("a", &[("run", run)]);
    world.supervise("s6-supervise", "a");
    world.until_file_says("up", &["up"]);
    let listed = world.ok(&["s6-svdt", "a"]);
    let causes: Vec<_> = listed.lines().filter_map(|line| line.split_once(' ')).collect();
    let causes: Vec<_> = causes.iter().map(|(_, cause)| *cause).collect();
    assert_eq!(causes, ["exitcode 11", "signal SIGKILL"]);
    for options in [&["-n1"] as &[_], &["-s"], &["-S", "-n", "5"]] {
        let words = [&["s6-svdt"], options, &["a"]].concat();
        assert_eq!(world.run_of(Side::Ours, &words), world.run_of(Side::Theirs, &words));
    }
    world.ok(&["s6-svdt-clear", "a"]);
    assert_eq!(world.ok(&["s6-svdt", "a"]), "");
    world.ok(&["s6-svc", "-k", "-wd", "-T", "50000", "a"]);
    assert_eq!(world.ok(&["s6-svdt", "a"]).lines().count(), 1);
}

/// No event between the subscription and the end of the wait is missed.
pub(crate) fn a_listener_hears_what_its_program_does(world: &World) {
    world.service("a", SLEEPER);
    world.supervise("s6-supervise", "a");
    world.ok(&["s6-svwait", "-u", "-t", "50000", "a"]);
    for (goal, letter) in [("-d", "-d"), ("-u", "-u"), ("-D", "-d"), ("-u", "-o"), ("-r", "-ru")] {
        world.ok(&["s6-svlisten1", goal, "-t", "50000", "a", "s6-svc", letter, "a"]);
    }
    world.times_out(&["s6-svlisten1", "-d", "-t", "100", "a", "true"]);
    world.until("no listener's FIFO is left behind", || world.is_empty("a/event"));
}

/// All of them, or any.
pub(crate) fn several_services_are_waited_for(world: &World) {
    for name in ["a", "b"] {
        world.service(name, SLEEPER);
        world.supervise("s6-supervise", name);
    }
    world.ok(&["s6-svwait", "-t", "50000", "-u", "a", "b"]);
    world.times_out(&["s6-svwait", "-t", "100", "-d", "-o", "a", "b"]);
    world.ok(&["s6-svc", "-d", "-wD", "-T", "50000", "a"]);
    world.ok(&["s6-svwait", "-t", "50000", "-D", "-o", "a", "b"]);
    world.times_out(&["s6-svwait", "-t", "100", "-D", "-a", "a", "b"]);
    world.ok(&["s6-svlisten", "-D", "-t", "50000", " a", " b", "", "s6-svc", "-d", "b"]);
    let [for_a, for_b] = ["a", "b"].map(|dir| ["s6-svc", "-uwu", "-T", "50000", dir]);
    world.ok(&for_a);
    world.times_out(&["s6-svwait", "-t", "100", "-u", "-a", "a", "b"]);
    world.ok(&for_b);
    world.ok(&["s6-svwait", "-t", "50000", "-u", "a", "b"]);
}

/// Directories of events work between both sides.
pub(crate) fn events_pass_between_both(world: &World) {
    world.ok(&["s6-mkfifodir", "events"]);
    let notify = ["s6-ftrig-notify", "events", "abc"];
    let listen = ["s6-ftrig-listen1", "-t", "50000", "events", "b", "touch", "listening"];
    let mut listener = world.command(world.tools, &listen);
    let listener = listener.stdout(std::process::Stdio::piped()).spawn().unwrap();
    world.until("someone listens", || world.has("listening"));
    assert_eq!(world.run_of(world.supervisor, &notify).code, Some(0));
    let output = listener.wait_with_output().unwrap();
    // Version 2.11 tells the last event only.
    let heard = if world.tools == Side::Ours { "abc\n" } else { "b\n" };
    assert_eq!(String::from_utf8_lossy(&output.stdout), heard);
    world.ok(&["s6-cleanfifodir", "events"]);
    world.until("no listener's FIFO is left behind", || world.is_empty("events"));
}

/// Each side respects the other's lock.
pub(crate) fn a_second_supervisor_is_refused(world: &World) {
    world.service("a", SLEEPER);
    world.supervise("s6-supervise", "a");
    world.ok(&["s6-svwait", "-u", "-t", "50000", "a"]);
    let pid = world.ok(&["s6-svstat", "-o", "pid", "a"]);
    assert_eq!(world.run(&["s6-supervise", "a"]).code, Some(100));
    assert_eq!(world.ok(&["s6-svstat", "-o", "pid", "a"]), pid);
    world.ok(&["s6-svperms", "-G", ":0", "-e", "a"]);
    let [ours, theirs] =
        [Side::Ours, Side::Theirs].map(|side| world.run_of(side, &["s6-svperms", "a"]));
    assert_eq!(ours, theirs);
    assert_eq!(ours.stdout.lines().last(), Some("a events: public"));
}

/// Readiness and death come to the supervisor in one moment: the first is not lost.
pub(crate) fn who_is_ready_and_ends_at_once_was_ready(world: &World) {
    let run = "#!/bin/sh\nread go < ../go\necho >&3\n";
    world.service("a", &[("run", run), ("notification-fd", "3\n")]);
    nix::unistd::mkfifo(&world.dir.join("go"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let events = world.dir.join("a/event");
    fifodir::make(events.as_os_str().as_bytes(), None, false).unwrap();
    let listener = Listener::subscribe(events.as_os_str().as_bytes()).unwrap();
    world.supervise("s6-supervise", "a");
    world.ok(&["s6-svwait", "-u", "-t", "50000", "a"]);
    world.signal_supervisor(Signal::SIGSTOP);
    std::fs::write(world.dir.join("go"), "now\n").unwrap();
    world.until("the service has ended", || world.supervisor_has_a_zombie());
    world.signal_supervisor(Signal::SIGCONT);
    let mut heard = Vec::new();
    world.until("its end is heard", || {
        listener.read(&mut heard).unwrap();
        heard.contains(&b'D')
    });
    let heard = String::from_utf8_lossy(&heard).into_owned();
    assert!(heard.contains("uUdD"), "{heard}");
}
