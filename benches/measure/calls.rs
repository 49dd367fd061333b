//! How many system calls PID 1 makes for each longrun, and how many files: what a machine's speed
//! does not change.

use crate::container::{Container, RunOn, Start};
use crate::programs::Bench;
use crate::table::{Table, Target};
use crate::tree::{self, Kind};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// How many services, twice: the difference is that of so many more.
const COUNTS: [usize; 2] = [10, 60];

/// How long PID 1 makes no call before its boot counts as over.
const REST: Duration = Duration::from_millis(500);

/// What one container took.
struct Taken {
    boot: f64,
    stop: f64,
    entries: f64,
    renames: f64,
}

/// Boot and stop, for each plain longrun.
pub(crate) fn measure(bench: &Bench, table: &mut Table) {
    let [few, many] = COUNTS.map(|count| take(bench, count));
    let more = (COUNTS[1] - COUNTS[0]) as f64;
    let mut row = |what: &str, few: f64, many: f64, most| {
        let what = format!("PID 1, for each plain longrun: {what}");
        table.row(&what, &[], ((many - few) / more, ""), Target::AtMost(most));
    };
    row("system calls of the boot", few.boot, many.boot, 40.0);
    row("system calls of the stop", few.stop, many.stop, 24.0);
    row("new directory entries", few.entries, many.entries, 7.0);
    row("renames over a file", few.renames, many.renames, 0.0);
}

fn take(bench: &Bench, count: usize) -> Taken {
    let trace = bench.folder.join("trace");
    let tree = tree::make(bench, Kind::Longruns, count);
    let run = RunOn::Memory;
    let start = Start { root: &bench.root, tree: &tree, run, host: "", traced: true };
    let (mut container, mut strace) =
        Container::start_traced(bench, &start, &["/init", "/bench/cmd"], &trace);
    container.wait_for(count + 2);
    let boot = settled(&trace);
    kill(container.init, Signal::SIGTERM).expect("it runs");
    let _ = strace.wait();
    let all = lines(&trace);
    let named = |names: &[&str]| {
        let of = |line: &&String| names.iter().any(|name| line.starts_with(&format!("{name}(")));
        all.iter().filter(of).filter(|line| line.ends_with(" = 0")).count() as f64
    };
    let created = all.iter().filter(|line| line.contains("O_CREAT") && !line.contains(" = -1"));
    let gone = named(&["unlink", "unlinkat", "rmdir"]);
    let made = named(&["mkdir", "mkdirat", "mknod", "mknodat", "symlink", "symlinkat", "linkat"]);
    Taken {
        boot: boot as f64,
        stop: (all.len() - boot) as f64,
        entries: created.count() as f64 + made - gone,
        renames: named(&["rename", "renameat"]),
    }
}

/// Waits until PID 1 rests; how many calls it has made by then.
fn settled(trace: &Path) -> usize {
    let (mut count, mut since) = (0, Instant::now());
    while since.elapsed() < REST {
        std::thread::sleep(Duration::from_millis(20));
        let now = lines(trace).len();
        if now != count {
            (count, since) = (now, Instant::now());
        }
    }
    count
}

/// The system calls, without what is no call.
fn lines(trace: &Path) -> Vec<String> {
    let text = fs::read_to_string(trace).unwrap_or_default();
    text.lines().filter(|line| line.contains('(')).map(str::to_owned).collect()
}
