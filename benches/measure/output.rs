//! What services say, through the output process and without it.

use crate::programs::Bench;
use crate::table::{Table, Target, median};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// How often each is done.
const RUNS: usize = 5;

/// How much is said, in lines of a hundred bytes.
const LINES: usize = 1_000_000;

/// The CMD copies lines to its stdout, as `cat` does: with `plain` that is all there is to it.
pub(crate) fn measure(bench: &Bench, table: &mut Table) {
    // Memory, not the disk, is to be measured.
    let folder = tempfile::tempdir_in("/dev/shm").expect("/dev/shm");
    let input = folder.path().join("input");
    fs::write(&input, format!("{:<99}\n", "a line, as a server writes them").repeat(LINES))
        .expect("/dev/shm");
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..RUNS {
        for (mode, rates) in ["plain", "prefix", "json"].into_iter().zip(&mut rates) {
            rates.push(rate(bench, mode, &input));
        }
    }
    let [plain, prefix, json] = rates.map(median);
    for (what, shown) in [("SIXTREE_LOG=prefix", prefix), ("SIXTREE_LOG=json", json)] {
        let target = if what.ends_with("prefix") { Target::AtLeast(150.0) } else { Target::None };
        table.row(what, &[("cat alone", plain, " MB/s")], (shown, " MB/s"), target);
    }
}

/// From the first byte to the last line, in MB of what was said a second.
fn rate(bench: &Bench, mode: &str, input: &Path) -> f64 {
    let mut run = Command::new(&bench.sixtree);
    run.arg("run").arg("--env").arg(format!("SIXTREE_LOG={mode}"));
    run.args(["--env", "S6_VERBOSITY=0"]).arg(&bench.root).arg("s6-cat");
    run.stdin(Stdio::from(File::open(input).expect("the input"))).stdout(Stdio::piped());
    let mut container = run.spawn().expect("sixtree run");
    let mut said = container.stdout.take().expect("a pipe");
    let mut buffer = vec![0; 1 << 16];
    let (mut lines, mut begun, mut over) = (0, None, Instant::now());
    loop {
        let count = said.read(&mut buffer).expect("readable");
        if count == 0 {
            break;
        }
        begun.get_or_insert_with(Instant::now);
        lines += memchr::memchr_iter(b'\n', &buffer[..count]).count();
        over = Instant::now();
    }
    assert!(container.wait().is_ok_and(|status| status.success()));
    assert_eq!(lines, LINES, "{mode}");
    LINES as f64 / 1e4 / (over - begun.expect("something was said")).as_secs_f64()
}
