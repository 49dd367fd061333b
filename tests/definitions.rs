//! Trees of services, and what is reported of each.
//!
//! `tests/definitions/NAME/` holds a tree: source directories, or an image in `root/`. Beside it is
//! the report that is expected: in `faults.txt` that of reading and resolving source directories as
//! a boot does, in `check.txt` and `check.json` that of `sixtree check`, which is given the
//! variables in `env.txt`, if there is one. `UPDATE=1 cargo test` rewrites these files.
#![allow(clippy::disallowed_methods)]

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use proptest::prelude::*;
use serde_json::Value;
use sixtree::cli::check::report::{self, Format};
use sixtree::cli::check::{self, CheckRequest};
use sixtree::definition::{self, Atomic, Definition, Fault, Kind, Longrun, Reference};
use sixtree::graph::{Direction, Graph};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

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
    faults.iter().map(|fault| format!("{} {fault}\n", fault.exit_code)).collect()
}

fn checked(tree: &Path) -> Vec<Fault> {
    let root = tree.join("root");
    if tree.ends_with("world-writable") {
        // A mode that git does not keep.
        let run = root.join("etc/s6-overlay/s6-rc.d/web/run");
        std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let env = std::fs::read_to_string(tree.join("env.txt")).unwrap_or_default();
    let pairs = env.lines().filter_map(|line| line.split_once('='));
    let env = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let request = if root.is_dir() {
        let layer = tree.ends_with("good-one-layer");
        CheckRequest { root: Some(root), layer, env, ..CheckRequest::default() }
    } else {
        CheckRequest { directories: directories(tree), env, ..CheckRequest::default() }
    };
    check::check(&request).unwrap().1
}

/// Returns what is reported of a tree, by the name of the file that has what is expected.
fn reports(tree: &Path) -> Vec<(&'static str, String)> {
    let faults_of_check = checked(tree);
    let mut reports = vec![
        ("check.txt", Format::Human.report(&faults_of_check)),
        ("check.json", Format::Json.report(&faults_of_check)),
    ];
    if !tree.join("root").is_dir() {
        reports.push(("faults.txt", faults(tree)));
    }
    for (_, text) in &mut reports {
        *text = text.replace(&format!("{}/", tree.display()), "");
    }
    reports
}

#[test]
fn every_tree_gets_the_report_that_is_expected() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = String::new();
    for tree in directories(Path::new(GALLERY)) {
        for (file, report) in reports(&tree) {
            let golden = tree.join(file);
            if update {
                std::fs::write(&golden, &report).unwrap();
            }
            let expected = std::fs::read_to_string(&golden).unwrap_or_default();
            if report != expected {
                let golden = golden.display();
                wrong += &format!("{golden}:\n-- expected --\n{expected}-- reported --\n{report}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn good_trees_and_only_they_have_nothing_wrong() {
    let trees = directories(Path::new(GALLERY));
    let is_good = |tree: &&PathBuf| tree.file_name().unwrap().to_string_lossy().starts_with("good");
    let (good, bad): (Vec<_>, Vec<_>) = trees.iter().partition(is_good);
    assert!(good.len() >= 10 && bad.len() >= 60, "{} and {}", good.len(), bad.len());
    good.iter().for_each(|tree| assert_eq!(checked(tree), [], "{tree:?}"));
    bad.iter().for_each(|tree| assert_ne!(checked(tree), [], "{tree:?}"));
}

#[test]
fn strict_fails_for_every_warning_but_that_of_a_place_that_works() {
    let fails = |tree: &str| {
        let faults = checked(&Path::new(GALLERY).join(tree));
        (check::fails(&faults, false), check::fails(&faults, true))
    };
    assert_eq!(fails("run-missing"), (true, true));
    assert_eq!(fails("lone-setuidgid"), (false, true));
    assert_eq!(fails("old-place"), (false, false));
}

/// What the published schema of SARIF 2.1.0 asks for, in the objects that are used.
#[test]
fn every_report_for_forges_has_their_form() {
    for tree in directories(Path::new(GALLERY)) {
        let faults = checked(&tree);
        let sarif: Value = serde_json::from_str(&Format::Sarif.report(&faults)).unwrap();
        let run = &sarif["runs"][0];
        let driver = &run["tool"]["driver"];
        assert_eq!((&sarif["version"], driver["name"].is_string()), (&"2.1.0".into(), true));
        let list = |value: &Value| value.as_array().unwrap().clone();
        let rules: BTreeSet<String> =
            list(&driver["rules"]).iter().map(|rule| rule["id"].as_str().unwrap().into()).collect();
        assert_eq!(list(&run["results"]).len(), faults.len());
        for result in list(&run["results"]) {
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~%".contains(&byte);
            assert!(uri.bytes().all(is_safe), "{uri}");
            assert!(place["region"]["startLine"].as_u64() >= Some(1), "{tree:?}");
            assert!(result["message"]["text"].as_str().is_some_and(|text| !text.is_empty()));
            assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
            assert!(rules.contains(result["ruleId"].as_str().unwrap()), "{tree:?}");
        }
        let github = Format::Github.report(&faults);
        assert_eq!(github.lines().count(), faults.len());
        let command = ["::error file=", "::warning file="];
        let is_command = |line: &str| command.iter().any(|start| line.starts_with(start));
        assert!(github.lines().all(|line| is_command(line) && line.matches("::").count() >= 2));
    }
}

/// Every code that a source file can give.
fn codes() -> BTreeSet<String> {
    let sources = [
        "crates/core/src/definition/error.rs",
        "crates/core/src/definition/instances.rs",
        "crates/core/src/definition/names.rs",
        "crates/core/src/definition/presence.rs",
        "crates/core/src/graph/conflict.rs",
        "src/cli/check/lint.rs",
    ];
    let text: String = sources.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let quoted = text.split('"').filter(|word| {
        word.len() == 4
            && word.starts_with(['E', 'W'])
            && word.bytes().skip(1).all(|byte| byte.is_ascii_digit())
    });
    quoted.map(str::to_owned).collect()
}

#[test]
fn every_code_has_a_page_and_a_tree() {
    let trees = directories(Path::new(GALLERY));
    let mut seen: BTreeSet<String> =
        trees.iter().flat_map(|tree| checked(tree)).map(|fault| fault.code.to_owned()).collect();
    // A repository cannot hold their trees: an unreadable name, a huge file.
    seen.extend(["E004", "E005", "E007"].map(str::to_owned));
    let codes = codes();
    assert!(codes.len() > 40, "{codes:?}");
    for code in &codes {
        assert!(report::explain(code).is_some(), "{code} has no page in docs/diagnostics.md");
    }
    assert_eq!(codes.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// So many services: one long chain, and a little breadth.
fn chain(length: usize) -> Vec<Definition> {
    let longrun = |i: usize| {
        let before: BTreeSet<usize> = [i.wrapping_sub(1), i / 2, i / 3].into();
        let needs = before.into_iter().filter(|&on| on < i);
        let dependencies = needs.map(|on| Reference::to(&format!("svc-{on:04}"))).collect();
        let atomic = Atomic { dependencies, ..Atomic::default() };
        let longrun = Longrun { atomic, ..Longrun::default() };
        Definition::new(&format!("svc-{i:04}"), Kind::Longrun(longrun))
    };
    (0..length).map(longrun).collect()
}

/// Ten times the services take about ten times as long, and not a hundred times. It is the time of
/// the processor that counts, in the best of some tries: others use the machine, too.
#[test]
fn ten_thousand_services_are_resolved_in_linear_time() {
    let resolve = |length| {
        let definitions = chain(length);
        let before = thread_time();
        let graph = Graph::new(definitions).unwrap();
        let took = thread_time() - before;
        let last = graph.service(&format!("svc-{:04}", length - 1)).unwrap();
        assert_eq!(graph.closure(&[last], Direction::Up).len(), length);
        took
    };
    let fewer = (0..10).map(|_| resolve(1_000)).min().unwrap();
    let more = (0..3).map(|_| resolve(10_000)).min().unwrap();
    eprintln!("1,000 services are resolved in {fewer:?}, 10,000 in {more:?}");
    assert!(more < fewer * 30, "{fewer:?}, {more:?}");
}

#[test]
fn a_thousand_services_are_checked_fast() {
    let directory = tempfile::tempdir().unwrap();
    let source = directory.path();
    for i in 0..1000 {
        let service = source.join(format!("svc-{i:03}"));
        std::fs::create_dir_all(service.join("dependencies.d")).unwrap();
        std::fs::write(service.join("type"), "longrun\n").unwrap();
        std::fs::write(service.join("run"), "#!/bin/sh\nexec web\n").unwrap();
        let on = if i > 0 { format!("svc-{:03}", i - 1) } else { "base".to_owned() };
        std::fs::write(service.join("dependencies.d").join(on), "").unwrap();
    }
    let request = CheckRequest { directories: vec![source.into()], ..CheckRequest::default() };
    let (graph, _) = check::check(&request).unwrap();
    assert!(graph.is_some());
    // How fast the release is: what it takes of the processor, for which others may have it wait.
    // What scripts/dev-root makes is none.
    let root = std::env::var_os("SIXTREE_ROOT").map(PathBuf::from);
    let Some(root) = root.filter(|root| !root.ends_with("dev/root")) else { return };
    let check = |_| {
        let before = children_time();
        let mut sixtree = Command::new(root.join("command/sixtree"));
        let output = sixtree.arg("check").arg(&request.directories[0]).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code < 2), "{output:?}");
        children_time() - before
    };
    // Where system calls cost more, as under a seccomp profile, it may take as much longer.
    let read = |_| {
        let before = thread_time();
        for file in walkdir::WalkDir::new(&request.directories[0]).into_iter().flatten() {
            let _ = std::fs::read(file.path());
        }
        thread_time() - before
    };
    let reading = (0..5).map(read).min().unwrap();
    let limit = (reading * 5 / 2).max(Duration::from_millis(100));
    // Other tests have children, too: some of its tries are its own.
    let took = (0..50).map(check).find(|took| *took < limit).expect("one of 50 tries is fast");
    eprintln!("1,000 services are checked by the release in {took:?}, and read in {reading:?}");
}

/// The processor time that this thread has taken.
fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

/// The processor time of all programs that were started here and have ended.
fn children_time() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(micros as u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_tree_makes_it_panic(files in prop::collection::vec(random_file(), 0..40)) {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path();
        for (service, file, text) in files {
            let path = source.join(service).join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            // Some files want to be where a directory is.
            let _ = std::fs::write(path, text);
        }
        let (graph, faults) = Graph::of(definition::read(&[source.into()]));
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
        "after.d/b",
        "after.d/e",
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
        "if-env",
        "instances",
        "data/x",
    ];
    let usual = vec!["longrun\n", "oneshot", "bundle\n", "a\n", "b\nc", "3\n", "", "x {\n", "e"];
    let text = prop_oneof![
        5 => prop::sample::select(usual).prop_map(|text| text.as_bytes().to_vec()),
        1 => any::<Vec<u8>>(),
    ];
    (prop::sample::select(names), prop::sample::select(files), text)
}
