//! A tree at work: how soon a service is there again, and how long commands take.

use crate::container::{Container, Stamp, ms, now};
use crate::programs::Bench;
use crate::table::{Table, Target, median};
use crate::tree::{self, Kind};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::time::Duration;

/// Longer than a start must be from the readiness before it.
const THROTTLE: Duration = Duration::from_millis(1100);

/// How often each is done.
const RUNS: usize = 5;

/// How many services the subtree has.
const FARM: usize = 100;

/// Everything.
pub(crate) fn measure(bench: &Bench, table: &mut Table) {
    restart(bench, table);
    round_trip(bench, table);
    change(bench, table);
}

/// From KILL to the next start, of a service that has been ready for more than a second.
fn restart(bench: &Bench, table: &mut Table) {
    let tree = tree::make(bench, Kind::ReadyChain, 1);
    let mut container = Container::start(bench, &tree, &["/init", "/bench/cmd"]);
    container.wait_for(3);
    let mut times = Vec::new();
    for run in 0..RUNS {
        std::thread::sleep(THROTTLE);
        let begin = now();
        kill(daemon(&container), Signal::SIGKILL).expect("it runs");
        container.wait_for(4 + run);
        times.push(ms(begin, container.seen.last().expect("a stamp").ns));
    }
    container.stop();
    table.row("restart after KILL", &[], (median(times), " ms"), Target::None);
}

fn daemon(container: &Container) -> Pid {
    let init = container.init;
    let children = fs::read_to_string(format!("/proc/{init}/task/{init}/children"));
    let children = children.unwrap_or_default();
    let mut pids = children.split_whitespace();
    let is_run = |pid: &&str| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.starts_with(b"./run"))
    };
    let pid = pids.find(is_run).and_then(|pid| pid.parse().ok());
    Pid::from_raw(pid.expect("the service runs"))
}

/// `s6-svc -r`, waiting until the service is ready again.
fn round_trip(bench: &Bench, table: &mut Table) {
    let tree = tree::make(bench, Kind::ReadyChain, 1);
    let (runs, rest) = (RUNS.to_string(), THROTTLE.as_millis().to_string());
    let restart = ["/command/s6-svc", "-wR", "-r", "/run/service/service-00000"];
    let argv = ["/init", "/bench/repeat", runs.as_str(), rest.as_str()];
    let mut container = Container::start(bench, &tree, &[&argv[..], &restart].concat());
    container.wait_for_cmd();
    let took = spans(&container.seen, 'A', 'a');
    container.stop();
    table.row("s6-svc -wR -r", &[], (median(took), " ms"), Target::None);
}

/// Down and up again: a oneshot and all the longruns that need it.
fn change(bench: &Bench, table: &mut Table) {
    let tree = tree::make_farm(bench, FARM);
    let runs = RUNS.to_string();
    let down = ["/command/s6-rc", "-d", "change", "farm"];
    let up = ["/command/s6-rc", "-u", "change", "user"];
    let argv = ["/init", "/bench/repeat", runs.as_str(), "1"];
    let argv = [&argv[..], &down, &["+"], &up].concat();
    let mut container = Container::start(bench, &tree, &argv);
    container.wait_for_cmd();
    let (down, up) = (spans(&container.seen, 'A', 'a'), spans(&container.seen, 'B', 'b'));
    container.stop();
    table.row("s6-rc -d change, 100 longruns", &[], (median(down), " ms"), Target::None);
    table.row("s6-rc -u change, 100 longruns", &[], (median(up), " ms"), Target::None);
}

/// The times between stamps, in ms.
fn spans(stamps: &[Stamp], from: char, to: char) -> Vec<f64> {
    let of = |letter| stamps.iter().filter(move |stamp| stamp.letter == letter);
    of(from).zip(of(to)).map(|(begin, end)| ms(begin.ns, end.ns)).collect()
}
