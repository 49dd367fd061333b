//! Where containers really run: /run on a disk. Boot and stop on ext4 and on the kernel's overlayfs
//! over it, beside a /run in memory, and beside other inits where the environment names them.

use crate::boots::Times;
use crate::container::{RunOn, Start};
use crate::peers::Peer;
use crate::programs::Bench;
use crate::table::{Table, Target, median};
use crate::tree::{self, Kind};

/// How many services.
const COUNTS: [usize; 2] = [50, 200];

/// How often each is started.
const RUNS: usize = 7;

/// Boots and stops, everywhere.
pub(crate) fn measure(bench: &Bench, table: &mut Table) {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: /run on a disk: only root mounts one");
        return;
    }
    let peers = Peer::of_environment(bench);
    for count in COUNTS {
        let memory = on(bench, count, RunOn::Memory, &peers, table, None);
        for run in [RunOn::Ext4, RunOn::Overlay] {
            on(bench, count, run, &peers, table, Some(memory));
        }
    }
}

/// On one of them; the medians of boot and stop, in ms.
fn on(
    bench: &Bench,
    count: usize,
    run: RunOn,
    peers: &[Peer],
    table: &mut Table,
    memory: Option<(f64, f64)>,
) -> (f64, f64) {
    let tree = tree::make(bench, Kind::Scripted, count);
    let start = Start { root: &bench.root, tree: &tree, run, host: "", traced: false };
    let mut ours = Times::default();
    let mut others: Vec<Times> = peers.iter().map(|_| Times::default()).collect();
    for _ in 0..RUNS {
        ours.take_as(bench, &start, &["/init", "/bench/cmd"], count + 2);
        for (peer, times) in peers.iter().zip(&mut others) {
            let services = peer.services(bench, count);
            times.take_as(bench, &peer.start(&services, run), peer.argv(), count + peer.extra());
        }
    }
    let (boot, stop) = (median(ours.boot_ms), median(ours.stop_ms));
    let against = |times: f64, own: f64, most| match memory {
        None => ((own, " ms"), Target::None),
        Some(_) => ((own / times, " ×"), Target::AtMost(most)),
    };
    let (boot_before, stop_before) = memory.unwrap_or((boot, stop));
    let place = run.name();
    let mut row = |what: &str, own, before, most| {
        let (figure, target) = against(before, own, most);
        let what = format!("{what}, {count} longruns by execlineb, /run: {place}");
        table.row(&what, &[("", own, " ms"), ("memory", before, " ms")], figure, target);
    };
    row("boot", boot, boot_before, 1.6);
    row("stop", stop, stop_before, 2.0);
    for (peer, times) in peers.iter().zip(others) {
        let (their_boot, their_stop) = (median(times.boot_ms), median(times.stop_ms));
        let (boot_target, stop_target) = peer.targets(run);
        let mut row = |what: &str, own: f64, theirs: f64, target| {
            let what = format!("· {what} against {}", peer.name());
            let of = [("", own, " ms"), (peer.name(), theirs, " ms")];
            table.row(&what, &of, (own / theirs, " ×"), target);
        };
        row("boot", boot, their_boot, boot_target);
        row("stop", stop, their_stop, stop_target);
    }
    (boot, stop)
}
