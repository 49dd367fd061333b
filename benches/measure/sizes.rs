//! What there is to copy and to download.

use crate::programs::Bench;
use crate::table::{Table, Target};
use std::fs;
use std::path::Path;

/// The release's program and tarballs.
pub(crate) fn measure(bench: &Bench, table: &mut Table) {
    let dist = bench.target.join("dist");
    let kb = |path: &Path| fs::metadata(path).map_or(f64::NAN, |m| m.len() as f64 / 1000.0);
    let program = kb(&bench.sixtree);
    table.row("size: the program", &[], (program, " kB"), Target::AtMost(1500.0));
    let arch = std::env::consts::ARCH;
    let xz = kb(&dist.join(format!("sixtree-{arch}.tar.xz")));
    table.row("size: the tarball, .xz", &[], (xz, " kB"), Target::AtMost(500.0));
    let gz = kb(&dist.join(format!("sixtree-{arch}.tar.gz")));
    table.row("size: the tarball, .gz", &[], (gz, " kB"), Target::None);
    let count = files(&dist.join("root"));
    table.row("size: files and links", &[], (count as f64, ""), Target::None);
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let count = |entry: fs::DirEntry| match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
        true => files(&entry.path()),
        false => 1,
    };
    entries.map(count).sum()
}
