//! execline scripts, against Debian's execline.

use crate::container::{STAMP_BYTES, Stamp, ms};
use crate::debian::{self, Debian};
use crate::programs::Bench;
use crate::table::{Table, Target, median};
use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How often each script is run.
const RUNS: usize = 101;

/// Programs that a script goes through: as many kinds as there are in ordinary scripts.
const LINKS: [&str; 5] = ["importas -u one A", "export B b", "umask 022", "cd /", "define x y"];

/// One execline.
struct Side {
    /// Where its programs are.
    path: String,
    libraries: PathBuf,
}

/// Scripts of 1, 5 and 20 links, and with-contenv.
pub(crate) fn measure(bench: &Bench, table: &mut Table) {
    let Some(debian) = debian::original() else { return };
    let sides = [ours(bench), theirs(debian)];
    for count in [1, 5, 20] {
        let scripts = [0, 1].map(|at: usize| script(bench, &sides[at], at, &links(count)));
        let target = if count == 5 { Target::AtMost(0.5) } else { Target::None };
        compare(bench, table, &sides, &scripts, (&format!("script of {count} links"), target));
    }
    let contenv = bench.folder.join("rundir/s6/container_environment");
    fs::create_dir_all(&contenv).expect("target/ can be written to");
    for name in ["HOME", "LANG", "PUID", "PGID", "TZ"] {
        fs::write(contenv.join(name), "value\n").expect("target/ can be written to");
    }
    // What with-contenv is in s6-overlay, but for its shell.
    let words = format!("s6-envdir -Lfn -- {}\nsh -c true\n", contenv.display());
    let scripts = [
        script(bench, &sides[0], 0, "with-contenv sh -c true\n"),
        script(bench, &sides[1], 1, &words),
    ];
    compare(bench, table, &sides, &scripts, ("with-contenv sh -c true", Target::None));
}

fn links(count: usize) -> String {
    let links = LINKS.iter().cycle().take(count).map(|link| format!("{link}\n"));
    links.chain(["/bench-exit\n".to_owned()]).collect()
}

fn ours(bench: &Bench) -> Side {
    let command = bench.root.join("command");
    Side { path: format!("{}:/usr/bin:/bin", command.display()), libraries: PathBuf::new() }
}

fn theirs(debian: &Debian) -> Side {
    // All of Debian's programs, in one folder as ours are.
    let folder = debian.0.join("bench");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("target/ can be written to");
    for place in ["usr/lib/execline/bin", "usr/bin"] {
        for entry in fs::read_dir(debian.0.join(place)).expect("Debian's programs") {
            let entry = entry.expect("an entry");
            let _ = symlink(entry.path(), folder.join(entry.file_name()));
        }
    }
    Side { path: format!("{}:/usr/bin:/bin", folder.display()), libraries: debian.libraries() }
}

fn script(bench: &Bench, side: &Side, at: usize, text: &str) -> PathBuf {
    let programs = side.path.split(':').next().unwrap_or_default();
    let done = bench.program("true").display().to_string();
    let text = format!("#!{programs}/execlineb -P\n{}", text.replace("/bench-exit", &done));
    let file = bench.folder.join(format!("script-{at}"));
    fs::write(&file, text).expect("target/ can be written to");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("it is ours");
    file
}

fn compare(
    bench: &Bench,
    table: &mut Table,
    sides: &[Side; 2],
    scripts: &[PathBuf; 2],
    row: (&str, Target),
) {
    let mut times = [const { Vec::new() }; 2];
    for _ in 0..5 {
        for at in [0, 1] {
            times[at].push(median(run(bench, &sides[at], &scripts[at])));
        }
    }
    let [ours, theirs] = times.map(median);
    let of = [("", ours, " ms"), ("Debian's", theirs, " ms")];
    table.row(row.0, &of, (ours / theirs, " ×"), row.1);
}

/// Runs a script many times; each time in ms.
fn run(bench: &Bench, side: &Side, script: &Path) -> Vec<f64> {
    let mut command = Command::new(bench.program("repeat"));
    command.env_clear().env("PATH", &side.path).env("LD_LIBRARY_PATH", &side.libraries);
    command.env("SIXTREE_RUNDIR", bench.folder.join("rundir")).env("A", "a");
    command.args([&RUNS.to_string(), "0"]).arg(script).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).spawn().expect("repeat");
    let mut bytes = vec![0; (2 * RUNS + 1) * STAMP_BYTES];
    let read = child.stdout.take().expect("a pipe").read_exact(&mut bytes);
    read.unwrap_or_else(|e| panic!("{}: {e}", script.display()));
    let _ = child.kill();
    let _ = child.wait();
    let stamps: Vec<Stamp> = bytes.chunks_exact(STAMP_BYTES).map(Stamp::read).collect();
    let pairs = stamps.chunks_exact(2);
    pairs.map(|pair| ms(pair[0].ns, pair[1].ns)).collect()
}
