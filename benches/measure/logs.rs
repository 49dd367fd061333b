//! What handles much: s6-log, and `sixtree check`.

use crate::debian;
use crate::programs::Bench;
use crate::table::{Table, Target, median};
use crate::tree::{self, Kind};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// How often each is done.
const RUNS: usize = 5;

/// How much is logged, in lines of a hundred bytes.
const LINES: usize = 400_000;

/// s6-log, with the script of the catch-all logger, against Debian's.
pub(crate) fn throughput(bench: &Bench, table: &mut Table) {
    let Some(debian) = debian::original() else { return };
    // Memory, not the disk, is to be measured.
    let folder = tempfile::tempdir_in("/dev/shm").expect("/dev/shm");
    let input = folder.path().join("input");
    fs::write(&input, format!("{:<99}\n", "a line, as a server writes them").repeat(LINES))
        .expect("/dev/shm");
    for (what, script) in [
        ("s6-log n20 s1000000 T", &["n20", "s1000000", "T"][..]),
        ("s6-log n20 s1000000", &["n20", "s1000000"]),
    ] {
        let mut rates = [const { Vec::new() }; 2];
        for _ in 0..RUNS {
            let mut ours = Command::new(bench.root.join("command/s6-log"));
            rates[0].push(rate(&mut ours, &input, folder.path(), script));
            let mut theirs = Command::new(debian.0.join("usr/bin/s6-log"));
            theirs.env("LD_LIBRARY_PATH", debian.libraries());
            rates[1].push(rate(&mut theirs, &input, folder.path(), script));
        }
        let [ours, theirs] = rates.map(median);
        let of = [("", ours, " MB/s"), ("Debian's", theirs, " MB/s")];
        table.row(what, &of, (ours / theirs, " ×"), Target::AtLeast(1.0));
    }
}

/// Logs a file, in MB a second.
fn rate(logger: &mut Command, input: &Path, folder: &Path, script: &[&str]) -> f64 {
    let logs = folder.join("logs");
    let _ = fs::remove_dir_all(&logs);
    logger.args(script).arg(&logs).stdin(Stdio::from(File::open(input).expect("the input")));
    let begin = Instant::now();
    assert!(logger.status().is_ok_and(|status| status.success()), "{logger:?}");
    LINES as f64 / 1e4 / begin.elapsed().as_secs_f64()
}

/// Large trees, checked.
pub(crate) fn check(bench: &Bench, table: &mut Table) {
    for count in [1000, 10_000] {
        let image = bench.folder.join(format!("image-{count}"));
        let tree = tree::make(bench, Kind::Longruns, count);
        fs::create_dir_all(image.join("etc")).expect("target/ can be written to");
        std::os::unix::fs::symlink(tree, image.join("etc/s6-overlay")).expect("a link");
        let once = |_| {
            let mut check = Command::new(&bench.sixtree);
            check.args(["check", "--root"]).arg(&image).stdout(Stdio::null());
            let begin = Instant::now();
            assert!(check.status().is_ok_and(|status| status.success()), "{check:?}");
            begin.elapsed().as_secs_f64() * 1000.0
        };
        let took = median((0..RUNS).map(once).collect());
        table.row(&format!("sixtree check, {count} longruns"), &[], (took, " ms"), Target::None);
    }
}
