//! Broken trees, and what is said of each.
//!
//! `tests/definitions/NAME/` holds the source directories of a tree, and in `faults.txt` what
//! reading and resolving it must say. `UPDATE=1 cargo test` rewrites these files.

use proptest::prelude::*;
use sixtree::definition;
use sixtree::graph::{Direction, Graph};
use std::path::{Path, PathBuf};
use std::time::Instant;

const GALLERY: &str = "tests/definitions";

/// The directories in one, sorted.
fn directories(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    all.sort();
    all
}

fn faults(tree: &Path) -> String {
    let (graph, faults) = Graph::of(definition::read(&directories(tree)));
    assert_eq!(graph.is_none(), faults.iter().any(|fault| fault.is_error()), "{tree:?}");
    let lines = faults.iter().map(|fault| format!("{} {fault}\n", fault.exit_code));
    lines.collect::<String>().replace(&format!("{}/", tree.display()), "")
}

#[test]
fn every_broken_tree_is_told_what_it_should_be_told() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    for tree in directories(Path::new(GALLERY)) {
        let golden = tree.join("faults.txt");
        let told = faults(&tree);
        if update {
            std::fs::write(&golden, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if told != expected {
            wrong += &format!("{}:\n-- expected --\n{expected}-- told --\n{told}", tree.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A directory of this name that is not there yet.
fn scratch(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&directory);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

#[test]
fn ten_thousand_services_are_read_and_resolved_fast() {
    let source = scratch("ten-thousand");
    for i in 0..10_000 {
        let service = source.join(format!("svc-{i}"));
        std::fs::create_dir_all(service.join("dependencies.d")).unwrap();
        std::fs::write(service.join("type"), "longrun\n").unwrap();
        std::fs::write(service.join("run"), "#!/bin/sh\n").unwrap();
        // One long chain, and a little breadth.
        for on in [i - 1, i / 2, i / 3] {
            if 0 <= on && on < i {
                std::fs::write(service.join(format!("dependencies.d/svc-{on}")), "").unwrap();
            }
        }
    }
    let start = Instant::now();
    let read = definition::read(&[source]);
    let resolving = Instant::now();
    let (graph, faults) = Graph::of(read);
    let resolved = Instant::now();
    assert_eq!(faults, []);
    let graph = graph.unwrap();
    let all = graph.closure(&[graph.service("svc-9999").unwrap()], Direction::Up).len();
    assert_eq!(all, 10_000);
    let (read, resolved) = (resolving - start, resolved - resolving);
    eprintln!("10,000 services: read in {read:?}, resolved in {resolved:?}");
    assert!(resolved.as_secs() < 5, "resolving takes {resolved:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_tree_makes_it_panic(files in prop::collection::vec(random_file(), 0..40)) {
        let source = scratch("random-tree");
        for (service, file, text) in files {
            let path = source.join(service).join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            // Some files want to be where a directory is.
            let _ = std::fs::write(path, text);
        }
        let (graph, faults) = Graph::of(definition::read(&[source]));
        prop_assert_eq!(graph.is_none(), faults.iter().any(|fault| fault.is_error()));
    }
}

/// The service, file and text of a file that may be in a definition directory.
fn random_file() -> impl Strategy<Value = (&'static str, &'static str, Vec<u8>)> {
    let names = vec!["a", "b", "c", "d"];
    let files = vec![
        "type",
        "up",
        "down",
        "run",
        "finish",
        "contents",
        "contents.d/a",
        "contents.d/b",
        "dependencies",
        "dependencies.d/a",
        "dependencies.d/c",
        "dependencies.d/e",
        "producer-for",
        "consumer-for",
        "pipeline-name",
        "notification-fd",
        "timeout-up",
        "flag-essential",
        "data/x",
    ];
    let usual = vec!["longrun\n", "oneshot", "bundle\n", "a\n", "b\nc", "3\n", "", "x {\n", "e"];
    let text = prop_oneof![
        5 => prop::sample::select(usual).prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<Vec<u8>>(),
    ];
    (prop::sample::select(names), prop::sample::select(files), text)
}
