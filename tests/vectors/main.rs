//! Recorded vectors: what the originals printed, exited with and left behind, and whether ours do.
//!
//! `tests/conformance/vectors/README.md` says where they come from and what their keys mean.
//! `VECTORS=if,case cargo test --test vectors` runs those of these areas, or whose id is given.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

mod expectation;
#[path = "../skip/mod.rs"]
mod skip;
mod vector;

use sixtree::tools::FAMILIES;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::thread;
use tempfile::TempDir;
use vector::Vector;

const VECTORS: &str = "tests/conformance/vectors";

/// How many run at a time.
const WORKERS: usize = 2;

/// Areas and vectors that are not run, and why.
const SKIPPED: &[(&str, &str)] = &[(
    "s6-log/processor-reads-state",
    "it counts on a line that the original writes twice: while a processor runs, what it has just \
     written to current is taken for not written",
)];

/// The areas that are about parts of one program.
const PARTS: &[(&str, &str)] = &[
    ("execline-lex", "execlineb"),
    ("execline-subst", "execlineb"),
    ("execlineb-options", "execlineb"),
];

/// All that there are and that the variable VECTORS asks for, if it is set.
fn vectors() -> Vec<Vector> {
    let mut all = Vec::new();
    for file in ["execline.jsonl", "s6.jsonl", "portable.jsonl", "command-lines.jsonl"] {
        let text = fs::read_to_string(Path::new(VECTORS).join(file)).unwrap();
        all.extend(text.lines().map(Vector::parse));
    }
    if let Ok(list) = std::env::var("VECTORS") {
        all.retain(|v| list.split(',').any(|name| name == v.area || name == v.id));
    }
    all
}

/// Whether the programs of an area are there.
fn is_there(area: &str) -> bool {
    let program = PARTS.iter().find(|(part, _)| *part == area).map_or(area, |(_, whole)| whole);
    sixtree::tools::find(program.as_bytes()).is_some()
}

/// A folder that everybody may enter, with a copy of the program and links of all names to it. Some
/// vectors run as another user, who may be kept from entering the folders above the build's own.
fn programs() -> TempDir {
    let folder = vector::folder();
    let program = folder.path().join("sixtree");
    fs::copy(env!("CARGO_BIN_EXE_sixtree"), &program).unwrap();
    for tool in FAMILIES.iter().flat_map(|(_, tools)| tools.iter()) {
        symlink("sixtree", folder.path().join(tool.name)).unwrap();
    }
    folder
}

/// Gives this thread, and those that it starts, the niceness 0, with which all vectors were
/// recorded. Returns whether it has it now.
fn is_niceness_0() -> bool {
    let thread = nix::unistd::gettid().to_string();
    // Only root may lower it; what counts is the result.
    let _ = Command::new("renice").args(["-n", "0", "-p", &thread]).output();
    let niceness = Command::new("nice").output().unwrap().stdout;
    niceness == b"0\n"
}

/// Removes the vectors that cannot be run here, and reports them; all others have their programs.
fn sort_out(vectors: &mut Vec<Vector>) {
    for (name, reason) in SKIPPED {
        let before = vectors.len();
        vectors.retain(|v| v.area != *name && v.id != *name);
        if vectors.len() < before {
            eprintln!("skipped {name}: {reason}");
        }
    }
    if !is_root() {
        let before = vectors.len();
        vectors.retain(|v| !v.needs_root);
        skip::skip(&format!("{} vectors need root", before - vectors.len()));
    }
    if !is_niceness_0() {
        vectors.retain(|v| v.area != "s6-nice");
        skip::skip("the vectors of s6-nice need the niceness 0");
    }
    let areas: BTreeSet<_> = vectors.iter().map(|v| v.area.as_str()).collect();
    let gone: Vec<_> = areas.into_iter().filter(|area| !is_there(area)).collect();
    assert!(gone.is_empty(), "there is no program for {gone:?}");
}

/// Whether this is root, and may become and give to anybody: containers may take that from root.
fn is_root() -> bool {
    // Bits 0, 6 and 7, as capabilities(7) counts them.
    const CHOWN_SETGID_SETUID: u64 = 1 | 1 << 6 | 1 << 7;
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let capabilities = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    let capabilities = u64::from_str_radix(capabilities.trim(), 16).unwrap();
    nix::unistd::geteuid().is_root() && capabilities & CHOWN_SETGID_SETUID == CHOWN_SETGID_SETUID
}

#[test]
fn every_vector_passes() {
    // What all of them were recorded with.
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let mut run = vectors();
    sort_out(&mut run);
    let programs = programs();
    let total = run.len();
    let left = Mutex::new(run.into_iter());
    let failures = Mutex::new(Vec::new());
    let work = || {
        let next = || left.lock().unwrap().next();
        while let Some(vector) = next() {
            if let Err(lines) = vector.check(programs.path()) {
                failures.lock().unwrap().push(lines);
            }
        }
    };
    thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let count = failures.len();
    assert!(failures.is_empty(), "{count} of {total} vectors fail\n{}", failures.concat());
}
