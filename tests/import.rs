//! `sixtree import`: files, and the trees that come of them.
//!
//! `tests/import/NAME/` holds a supervisord.conf or a Procfile, and what lies beside it. In
//! `expected.txt` is what must come of it: the exit code, the notes, and every file that is
//! written. `UPDATE=1 cargo test` rewrites these.
#![allow(clippy::disallowed_methods)]

use proptest::prelude::*;
use sixtree::cli::check::{self, CheckRequest};
use sixtree::cli::import;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GALLERY: &str = "tests/import";

fn import(folder: &Path, out: &Path) -> Output {
    let file = ["supervisord.conf", "Procfile"].into_iter().find(|f| folder.join(f).exists());
    let mut import = Command::new(env!("CARGO_BIN_EXE_sixtree"));
    import.arg("import").arg(folder.join(file.expect("a file to import")));
    import.args(["--here", "/srv", "--workdir", "/srv/app"]).arg("--out").arg(out);
    import.output().expect("sixtree starts")
}

/// Every file below a directory, sorted.
fn files(directory: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(directory).sort_by_file_name();
    let entries = walk.into_iter().flatten().filter(|entry| entry.file_type().is_file());
    entries.map(walkdir::DirEntry::into_path).collect()
}

/// Returns what comes of a folder, in the form of `expected.txt`.
fn outcome(folder: &Path, out: &Path) -> String {
    let output = import(folder, out);
    let mut outcome = format!("exits {}\n", output.status.code().expect("no signal"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    outcome += &said.replace(&format!("{}/", folder.display()), "");
    for file in files(out) {
        let name = file.strip_prefix(out).expect("a file below it").display();
        let name = name.to_string().replace("etc/s6-overlay/", "");
        let text = fs::read_to_string(&file).expect("a text");
        let _ = write!(outcome, "-- {name} --\n{text}");
    }
    outcome
}

#[test]
fn every_file_becomes_the_tree_that_it_should() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(GALLERY).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 10);
    let mut wrong = String::new();
    for folder in folders {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("out");
        let outcome = outcome(&folder, &out);
        let golden = folder.join("expected.txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&golden, &outcome).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if outcome != expected {
            let name = golden.display();
            let _ = writeln!(wrong, "{name}:\n-- expected --\n{expected}-- got --\n{outcome}");
        }
        if out.exists() {
            let request =
                CheckRequest { root: Some(out.clone()), layer: true, ..CheckRequest::default() };
            let (_, faults) = check::check(&request).unwrap();
            assert_eq!(faults, [], "{}", folder.display());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_directory_that_is_not_empty_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path();
    fs::create_dir(out.join("kept")).unwrap();
    let output = import(Path::new("tests/import/procfile"), out);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is not empty"));
    assert_eq!(files(out), Vec::<PathBuf>::new());
    assert!(out.join("kept").is_dir());
}

/// Keys of supervisord.conf, and values, as patterns.
const SETTING: &str = "(command|process_name|environment|stdout_logfile|numprocs|priority|files|\
    programs) ?[=:] ?(%\\([a-zA-Z_]{1,12}\\)[0-9]{0,2}[sd]|[ -~]){0,12}";

/// Lines of supervisord.conf, whole and broken.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\[(program|group|include|supervisord|DEFAULT):?[a-b]?\\]?",
        SETTING,
        "(  )?[ -~\\t;#é]{0,20}",
    ]
}

proptest! {
    #[test]
    fn no_lines_make_it_panic(lines in prop::collection::vec(line(), 0..12)) {
        import::attempt(&lines.join("\n"), false);
        import::attempt(&lines.join("\n"), true);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,200}") {
        import::attempt(&text, false);
        import::attempt(&text, true);
    }
}
