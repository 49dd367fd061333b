//! A tree of definition directories, written as one text: `== SERVICE/FILE` on a line of its own
//! begins a file.

use crate::{Outcome, outcome};
use sixtree::cli::check::report::Format;
use sixtree::cli::check::{self, CheckRequest};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use tempfile::TempDir;

/// Words of the text.
pub(crate) const TOKENS: &[&str] = &[
    "\n== a/type\n",
    "\n== a/run\n#!/bin/sh\n",
    "\n== b/type\n",
    "longrun",
    "oneshot",
    "bundle",
    "\n== b/up\n",
    "\n== a/dependencies.d/b\n",
    "\n== b/contents.d/a\n",
    "\n== a/producer-for\n",
    "\n== b/consumer-for\na",
    "\n== a/notification-fd\n",
    "\n== a/timeout-up\n",
    "\n== a/finish\n",
    "\n== a/",
    "#!execlineb -P\n",
    "{ ",
    " }",
    "\"",
    "\r\n",
    "exec ",
    " | ",
];

/// Lays a tree out, checks it as source directory, layer and image, and reports it in every format.
pub(crate) fn check(text: &[u8]) -> Outcome {
    let root = scratch();
    let tree = root.path().join("etc/s6-overlay/s6-rc.d");
    fs::create_dir_all(&tree).unwrap();
    lay_out(text, &tree);
    let of_image = CheckRequest { root: Some(root.path().into()), ..CheckRequest::default() };
    let request = CheckRequest { directories: vec![tree], ..CheckRequest::default() };
    let outcomes =
        [request, CheckRequest { layer: true, ..of_image.clone() }, of_image].map(check_one);
    outcome(outcomes)
}

/// Whether there is a graph, and the codes of what is wrong.
fn check_one(request: CheckRequest) -> (bool, BTreeSet<&'static str>) {
    let Ok((graph, faults)) = check::check(&request) else { panic!("it cannot be looked at") };
    assert!(graph.is_some() || faults.iter().any(|fault| fault.is_error()));
    for format in ["human", "json", "github", "sarif"] {
        let report = Format::of(format).report(&faults);
        assert!(faults.is_empty() || !report.is_empty());
    }
    (graph.is_some(), faults.iter().map(|fault| fault.code).collect())
}

/// A folder for a tree: in memory, which is several times faster, if possible.
fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory } else { Path::new(env!("CARGO_TARGET_TMPDIR")) };
    tempfile::tempdir_in(place).unwrap()
}

fn lay_out(text: &[u8], tree: &Path) {
    let mut file: Option<PathBuf> = None;
    let mut content = Vec::new();
    for line in text.split_inclusive(|&b| b == b'\n').chain([&b"== "[..]]) {
        let Some(name) = line.strip_prefix(b"== ") else {
            content.extend_from_slice(line);
            continue;
        };
        if let Some(file) = file.take() {
            write(&file, &content);
        }
        content.clear();
        let name = Path::new(OsStr::from_bytes(name.trim_ascii_end()));
        // Nothing outside the tree.
        let is_inside = name.components().all(|part| matches!(part, Component::Normal(_)));
        file = is_inside.then(|| tree.join(name));
    }
}

/// A file that cannot be there, because of its name or of another one, is not.
fn write(file: &Path, content: &[u8]) {
    if file.parent().is_some_and(|folder| fs::create_dir_all(folder).is_ok()) {
        let _ = fs::write(file, content);
    }
}
