//! The memory of all that is ours, and of nothing that is a service's.

use crate::container::Container;
use crate::programs::Bench;
use crate::table::{Table, Target};
use crate::tree::{self, Kind};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// How long it is left alone before it is looked at: a second, and time for others to begin.
const REST: Duration = Duration::from_millis(1500);

/// Shares of memory, in kB.
#[derive(Clone, Copy, Default)]
struct Memory {
    pss_kb: f64,
    rss_kb: f64,
}

/// With more and more longruns.
pub(crate) fn measure(bench: &Bench, table: &mut Table) {
    let mut known = Vec::new();
    for count in [0, 10, 50, 200, 1000] {
        let tree = tree::make(bench, Kind::Longruns, count);
        let tree = if count == 0 { bench.folder.join("none") } else { tree };
        let mut container = Container::start(bench, &tree, &["/init", "/bench/cmd"]);
        container.wait_for(count + 2);
        // Then it gives back what only the boot needed.
        std::thread::sleep(REST);
        let memory = ours(bench, container.init);
        let target = if count == 0 { Target::AtMost(350.0) } else { Target::None };
        let of = [("RSS", memory.rss_kb, " kB")];
        table.row(&format!("PSS, {count} longruns"), &of, (memory.pss_kb, " kB"), target);
        known.push((count as f64, memory.pss_kb));
        container.stop();
    }
    let (first, last) = (known[0], known[known.len() - 1]);
    let each = (last.1 - first.1) / (last.0 - first.0);
    table.row("PSS for each longrun, of 1000", &[], (each, " kB"), Target::AtMost(2.0));
}

/// All of PID 1 and its descendants that runs our program.
fn ours(bench: &Bench, init: Pid) -> Memory {
    let program = fs::metadata(&bench.sixtree).expect("the release").ino();
    let children = fs::read_to_string(format!("/proc/{init}/task/{init}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace().map(str::to_owned).chain([init.to_string()]);
    let is_ours = |pid: &String| {
        fs::metadata(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe.ino() == program)
    };
    pids.filter(is_ours).fold(Memory::default(), |sum, pid| {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let field = |key: &str| {
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0.0)
        };
        Memory { pss_kb: sum.pss_kb + field("Pss:"), rss_kb: sum.rss_kb + field("Rss:") }
    })
}
