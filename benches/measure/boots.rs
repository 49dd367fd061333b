//! Boot: from the exec of /init to the last of the services and the CMD. Stop: from TERM to the end
//! of PID 1. Both beside the floor.

use crate::container::{Container, RunOn, Start};
use crate::programs::Bench;
use crate::table::{Table, Target, median};
use crate::tree::{self, Kind};
use std::path::Path;

/// How many services.
const COUNTS: [usize; 5] = [1, 10, 50, 200, 1000];

/// As many as anybody will ever have.
const LARGE: usize = 10_000;

/// From so many on, the targets count.
const MANY: usize = 50;

/// One boot and one stop.
#[derive(Default)]
pub(crate) struct Times {
    /// From the exec of PID 1 to the last of its services.
    pub boot_ms: Vec<f64>,
    /// From TERM to the end of PID 1.
    pub stop_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
}

impl Times {
    fn take(&mut self, bench: &Bench, tree: &Path, argv: &[&str], stamps: usize) {
        let (run, root) = (RunOn::Memory, bench.root.as_path());
        self.take_as(bench, &Start { root, tree, run, host: "", traced: false }, argv, stamps);
    }

    /// One boot and one stop, as told.
    pub(crate) fn take_as(&mut self, bench: &Bench, start: &Start, argv: &[&str], stamps: usize) {
        let mut container = Container::start_as(bench, start, argv);
        container.wait_for(stamps);
        self.boot_ms.push(container.boot_ms());
        self.cpu_ms.push(container.cpu_ms());
        self.stop_ms.push(container.stop());
    }
}

/// No service at all, against the CMD as PID 1.
pub(crate) fn empty(bench: &Bench, table: &mut Table) {
    let tree = bench.folder.join("none");
    let (mut ours, mut bare) = (Times::default(), Times::default());
    for _ in 0..21 {
        ours.take(bench, &tree, &["/init", "/bench/cmd"], 2);
        let mut container = Container::start(bench, &tree, &["/bench/cmd"]);
        container.wait_for(2);
        bare.boot_ms.push(container.boot_ms());
    }
    let (ours_ms, bare_ms) = (median(ours.boot_ms), median(bare.boot_ms));
    let of = [("/init", ours_ms, " ms"), ("CMD alone", bare_ms, " ms")];
    let beyond = (ours_ms - bare_ms, " ms");
    table.row("empty tree to CMD, beyond CMD alone", &of, beyond, Target::AtMost(3.0));
    table.row("empty tree: stop", &[], (median(ours.stop_ms), " ms"), Target::None);
}

/// Every kind, every count.
pub(crate) fn boot_and_stop(bench: &Bench, table: &mut Table) {
    for kind in Kind::ALL {
        let mut each_us = Vec::new();
        for count in COUNTS {
            let (ours, floor) = compare(bench, kind, count);
            let what = format!("boot, {count} {}", kind.name());
            let (ours_ms, floor_ms) = (median(ours.boot_ms), median(floor.boot_ms));
            each_us.push((count, ours_ms * 1000.0 / count as f64));
            let of = [("", ours_ms, " ms"), ("floor", floor_ms, " ms")];
            let target = if count >= MANY { Target::AtMost(1.25) } else { Target::None };
            table.row(&what, &of, (ours_ms / floor_ms, " ×"), target);
            let cpu = [("", median(ours.cpu_ms), " ms"), ("floor", median(floor.cpu_ms), " ms")];
            let each = (cpu[0].1 - cpu[1].1) * 1000.0 / count as f64;
            table.row(
                "· PID 1's own time beyond the floor's",
                &cpu,
                (each, " µs each"),
                Target::None,
            );
            stop(table, count, median(ours.stop_ms), median(floor.stop_ms));
        }
        growth(table, kind, &each_us);
    }
}

fn stop(table: &mut Table, count: usize, ours_ms: f64, floor_ms: f64) {
    let of = [("", ours_ms, " ms"), ("floor", floor_ms, " ms")];
    let target = if count == MANY { Target::AtMost(20.0) } else { Target::None };
    table.row("· stop, beyond the floor", &of, (ours_ms - floor_ms, " ms"), target);
}

/// What a service costs among a thousand, against what it costs among fifty.
fn growth(table: &mut Table, kind: Kind, each_us: &[(usize, f64)]) {
    let at = |count| each_us.iter().find(|(n, _)| *n == count).map_or(f64::NAN, |(_, us)| *us);
    let of = [("1000:", at(1000), " µs"), ("50:", at(50), " µs")];
    let what = format!("each of 1000 against each of 50, {}", kind.name());
    table.row(&what, &of, (at(1000) / at(50), " ×"), Target::AtMost(1.2));
}

fn compare(bench: &Bench, kind: Kind, count: usize) -> (Times, Times) {
    let tree = tree::make(bench, kind, count);
    let (mut ours, mut floor) = (Times::default(), Times::default());
    let number = count.to_string();
    let runs = if count < 200 { 11 } else { 5 };
    for _ in 0..runs {
        let stamps = kind.stamps(count) + 2;
        ours.take(bench, &tree, &["/init", "/bench/cmd"], stamps);
        floor.take(bench, &tree, &["/bench/floor", kind.floor(), &number], stamps);
    }
    (ours, floor)
}

/// Ten thousand, once; fewer where there may not be so many descriptors in one process.
pub(crate) fn large(bench: &Bench, table: &mut Table) {
    use nix::sys::resource::{Resource, getrlimit};
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    let count = usize::try_from(most.saturating_sub(200) / 2).map_or(LARGE, |n| n.min(LARGE));
    let mut times = Times::default();
    let tree = tree::make(bench, Kind::Longruns, count);
    times.take(bench, &tree, &["/init", "/bench/cmd"], count + 2);
    let mut row = |what: &str, ms| {
        table.row(&format!("{what}, {count} longruns"), &[], (median(ms), " ms"), Target::None);
    };
    row("boot", times.boot_ms);
    row("PID 1's own time", times.cpu_ms);
    row("stop", times.stop_ms);
}
