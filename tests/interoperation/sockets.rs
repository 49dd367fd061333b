//! What goes through sockets with descriptors: s6-sudo, and descriptors that are held.

use crate::world::{Side, World};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Serves a socket by s6-sudod, with these options and this program line.
fn serve(world: &World, options: &[&str], program: &[&str]) {
    let server = ["s6-ipcserver", "-a700", "socket", "s6-sudod"];
    world.spawn(world.supervisor, &[&server, options, &["--"], program].concat());
    world.until("the server listens", || world.listens("socket"));
}

/// Runs a shell with a script that asks for a program.
fn ask(world: &World, script: &str) -> (Option<i32>, String) {
    let ended = world.run(&["s6-sudo", "-t", "50000", "-T", "50000", "socket", "sh", "-c", script]);
    (ended.code, ended.stdout)
}

/// A program runs elsewhere with the client's words and descriptors, and its end comes back.
pub(crate) fn a_program_runs_for_a_client(world: &World) {
    serve(world, &[], &["env", "FIRST=server"]);
    assert_eq!(ask(world, "echo $FIRST $0"), (Some(0), "server sh".into()));
    assert_eq!(ask(world, "exit 7").0, Some(7));
    assert_eq!(ask(world, "exit 200").0, Some(128));
    assert_eq!(ask(world, "kill -9 $$").0, Some(128 + 9));
    let args = ["s6-sudo", "-e", "socket", "printf", "[%s]", "a b", "", "c"];
    assert_eq!(world.ok(&args), "[a b][][c]");
    let asks = "exec s6-sudo socket sh -c 'cat; echo error >&2; exit 3' < in > out 2> err";
    fs::write(world.dir.join("in"), "input\n").unwrap();
    let shell = [if world.tools == Side::Ours { "s6-env" } else { "env" }, "sh", "-c", asks];
    assert_eq!(world.run(&shell).code, Some(3));
    assert_eq!(fs::read_to_string(world.dir.join("out")).unwrap(), "input\n");
    assert_eq!(fs::read_to_string(world.dir.join("err")).unwrap(), "error\n");
}

/// Only variables that the server has, and has empty, come from the client.
pub(crate) fn variables_come_where_the_server_lets_them(world: &World) {
    let server = "export EMPTY=; export FULL=server; \
                  exec s6-ipcserver -a700 socket s6-sudod -0 sh -c \
                  'cat; echo $EMPTY,$FULL,${ABSENT-none}'";
    let env = |side| if side == Side::Ours { "s6-env" } else { "env" };
    world.spawn(world.supervisor, &[env(world.supervisor), "sh", "-c", server]);
    world.until("the server listens", || world.listens("socket"));
    let asks = |options: &str| {
        let script = format!("EMPTY=a FULL=b ABSENT=c exec s6-sudo {options} socket < run");
        world.ok(&[env(world.tools), "sh", "-c", &script])
    };
    fs::write(world.dir.join("run"), "not read\n").unwrap();
    assert_eq!(asks(""), "a,server,none");
    assert_eq!(asks("-e"), ",server,none");
}

/// If the client goes, so does its program; a detached one stays.
pub(crate) fn a_program_without_its_client_ends(world: &World) {
    let script =
        "trap 'echo term > told; exit 0' TERM; echo > begun; sleep 99 > /dev/null 2>&1 & wait";
    serve(world, &[], &[]);
    let begins = |ms: &str| {
        let asks = ["s6-sudo", "-T", ms, "socket", "sh", "-c", script];
        assert_eq!(world.run(&asks).code, Some(111), "the time is over");
        world.has("begun")
    };
    // On a busy machine it needs more time to begin at all.
    assert!(["300", "1000", "3000", "9000"].into_iter().any(begins));
    world.until_file_says("told", &["term"]);
}

/// Descriptors are stored, listed, retrieved and deleted by those who may.
pub(crate) fn descriptors_are_held(world: &World) {
    hold(world, "one", "holder");
    let env = if world.tools == Side::Ours { "s6-env" } else { "env" };
    let shell = |script: &str| world.run(&[env, "sh", "-c", script]);
    fs::write(world.dir.join("kept"), "first\nsecond\n").unwrap();
    assert_eq!(shell("exec s6-fdholder-store holder file:a < kept").code, Some(0));
    assert_eq!(shell("exec s6-fdholder-store holder file:a < kept").code, Some(1), "it is there");
    assert_eq!(shell("exec s6-fdholder-store holder other < kept").code, Some(1), "no right");
    assert_eq!(shell("exec s6-fdholder-store -d 5 holder file:b 5< kept").code, Some(0));
    let listed = world.ok(&["s6-fdholder-list", "-t", "50000", "holder"]);
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["file:a", "file:b"]);
    // They share the place in the file: it is the same open file.
    assert_eq!(world.ok(&["s6-fdholder-retrieve", "holder", "file:a", "head", "-c6"]), "first");
    assert_eq!(world.ok(&["s6-fdholder-retrieve", "-D", "holder", "file:a", "cat"]), "second");
    assert_eq!(world.run(&["s6-fdholder-retrieve", "holder", "file:a", "cat"]).code, Some(1));
    assert_eq!(world.ok(&["s6-fdholder-delete", "holder", "file:b"]), "");
    assert_eq!(world.run(&["s6-fdholder-delete", "holder", "file:b"]).code, Some(1));
    assert_eq!(world.ok(&["s6-fdholder-list", "holder"]), "");
    assert_eq!(world.run(&["s6-fdholder-list", "nothing"]).code, Some(111));
}

/// A client that does not come to the point is let go.
pub(crate) fn an_idle_client_is_let_go(world: &World) {
    hold(world, "one", "holder");
    let mut client = UnixStream::connect(world.dir.join("holder")).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    client.write_all(b"\0").unwrap();
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
}

/// Dumps go from one daemon to another. Debian's version refuses every dump that it is to set, and
/// its daemon does not give away more descriptors than one message carries.
pub(crate) fn dumps_are_transferred(world: &World) {
    hold(world, "one", "from");
    hold(world, "two", "to");
    let many = if world.supervisor == Side::Ours { 300 } else { 250 };
    let script = format!(
        "exec 4< rules/one/uid/self/allow; set -- S6_FD#={many}; i=0
         while [ $i -lt {many} ]; do
           set -- \"$@\" S6_FD_$i=4 S6_FDID_$i=file:$i; i=$((i + 1))
         done; exec env \"$@\" s6-fdholder-setdump -t 10000 from"
    );
    let ours = |words: &[&str]| world.run_of(Side::Ours, words).code;
    assert_eq!(ours(&["s6-env", "sh", "-c", &script]), Some(0));
    world.ok(&["s6-fdholder-store", "-T", "1000000000", "from", "file:limited"]);
    let transfer = ["s6-fdholder-transferdump", "-t", "50000:50000", "from", "to"];
    assert_eq!(ours(&transfer), Some(0));
    assert_eq!(world.ok(&["s6-fdholder-list", "to"]).lines().count(), many + 1);
    let count = "env | grep -c '^S6_FD_'; env | grep -c '^S6_FDLIMIT_.*=@4'; \
                 env | grep -c '^S6_FDID_.*=file:'";
    let dumped = world.ok(&["s6-fdholder-getdump", "to", "sh", "-c", count]);
    assert_eq!(dumped, format!("{0}\n1\n{0}", many + 1));
}

/// A pipe for each of some names is held, whole.
pub(crate) fn pipes_are_filled_in(world: &World) {
    hold(world, "one", "holder");
    fs::write(world.dir.join("names"), "# consumers\nfirst\n  second\n").unwrap();
    let fill = "exec s6-ipcclient holder s6-rc-fdholder-filler -1 < names";
    assert_eq!(world.run_of(Side::Ours, &["s6-env", "sh", "-c", fill]).code, Some(0));
    let listed = world.ok(&["s6-fdholder-list", "holder"]);
    let mut names: Vec<&str> = listed.lines().collect();
    names.sort_unstable();
    let ends = ["r-first", "r-second", "w-first", "w-second"];
    assert!(names.iter().copied().eq(ends.map(|end| format!("pipe:s6rc-{end}"))), "{names:?}");
}

/// Has descriptors held at a socket; the rules let us do everything with some names.
fn hold(world: &World, name: &str, socket: &str) {
    let rules = format!("rules/{name}");
    let rule = format!("{rules}/uid/self");
    let names = ("env/S6_FDHOLDER_STORE_REGEX", "^file:\n");
    let names = [("allow", ""), names, ("env/S6_FDHOLDER_RETRIEVE_REGEX", "^file:\n")];
    let all = ["LIST", "GETDUMP", "SETDUMP"].map(|what| format!("env/S6_FDHOLDER_{what}"));
    world.service(&rule, &names);
    all.iter().for_each(|file| world.service(&rule, &[(file.as_str(), "\n")]));
    world.spawn(
        world.supervisor,
        &["s6-fdholder-daemon", "-n", "600", "-t", "2000", "-i", &rules, socket],
    );
    world.until("the daemon listens", || UnixStream::connect(world.dir.join(socket)).is_ok());
}
