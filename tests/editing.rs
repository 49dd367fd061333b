//! `sixtree new`, `add` and `remove`: what they write is right, what they refuse leaves no trace.

use sixtree::cli;
use sixtree::cli::check::{self, CheckRequest};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An image with nothing in it, for one test.
struct Tree {
    directory: TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir_all(tree.root().join("etc/s6-overlay/s6-rc.d")).unwrap();
        tree
    }

    fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Runs `sixtree` with these words; the exit code.
    fn run(&self, words: &[&str]) -> i32 {
        let at = words.iter().position(|word| *word == "--").unwrap_or(words.len());
        let root = self.root().to_str().unwrap();
        let (before, after) = words.split_at(at);
        let all = [&["sixtree"], before, &["--root", root], after].concat();
        cli::run(all.into_iter().map(|word| word.as_bytes().to_vec()).collect())
    }

    /// What a strict check says.
    fn faults(&self) -> Vec<String> {
        let request = CheckRequest { root: Some(self.root().into()), ..CheckRequest::default() };
        check::check(&request).unwrap().1.iter().map(ToString::to_string).collect()
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.root().join("etc/s6-overlay").join(file)).unwrap()
    }

    /// Every file, and what it says.
    fn files(&self) -> BTreeMap<PathBuf, String> {
        let mut all = BTreeMap::new();
        let mut next = vec![self.root().to_owned()];
        while let Some(directory) = next.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                next.extend(path.is_dir().then(|| path.clone()));
                all.insert(path, text);
            }
        }
        all
    }
}

#[test]
fn what_is_new_passes_a_strict_check() {
    let tree = Tree::new();
    let steps: [&[&str]; 5] = [
        &["new", "oneshot", "init", "--", "sh", "-c", "echo \"a b\" > $HOME/x"],
        &["new", "oneshot", "marker"],
        &["new", "longrun", "db", "--needs", "init", "--", "postgres", "-D", "/my data"],
        &["new", "pipeline", "web", "--needs", "db", "--", "nginx", "-g", "daemon off;"],
        &["new", "bundle", "all", "db", "web-pipeline"],
    ];
    for step in steps {
        assert_eq!(tree.run(step), 0, "{step:?}");
        assert_eq!(tree.faults(), Vec::<String>::new(), "{step:?}");
    }
    let run = "#!/command/execlineb -P\nwith-contenv\npostgres -D \"/my data\"\n";
    assert_eq!(tree.read("s6-rc.d/db/run"), run);
    assert_eq!(tree.read("s6-rc.d/web-log/consumer-for"), "web\n");
    assert_eq!(tree.read("user-bundles.d/user/contents.d/all"), "");
}

#[test]
fn what_would_break_the_tree_leaves_no_trace() {
    let tree = Tree::new();
    for step in [["new", "longrun", "a", "--", "a"], ["new", "longrun", "b", "--", "b"]] {
        assert_eq!(tree.run(&step), 0);
    }
    assert_eq!(tree.run(&["add", "a", "--needs", "b"]), 0);
    let before = tree.files();
    let refused: [(&[&str], i32); 8] = [
        (&["add", "b", "--needs", "a"], 1),
        (&["add", "a", "--needs", "nothing"], 1),
        (&["add", "b", "--to", "a"], 2),
        (&["add", "b", "--to", "top"], 2),
        (&["new", "longrun", "a", "--", "x"], 2),
        (&["new", "longrun", "../x", "--", "x"], 2),
        (&["new", "longrun", "s6rc-x", "--", "x"], 1),
        (&["new", "longrun", "c", "--bundle", "nothing", "--", "x"], 3),
    ];
    for (step, code) in refused {
        assert_eq!(tree.run(step), code, "{step:?}");
        assert_eq!(tree.files(), before, "{step:?}");
    }
}

#[test]
fn what_was_added_can_be_removed() {
    let tree = Tree::new();
    assert_eq!(tree.run(&["new", "longrun", "a", "--", "a"]), 0);
    assert_eq!(tree.run(&["new", "longrun", "b", "--needs", "a", "--", "b"]), 0);
    assert_eq!(tree.run(&["remove", "b", "--needs", "a", "--needs", "base"]), 0);
    assert_eq!(tree.read("s6-rc.d/b/dependencies.d/.empty"), "");
    assert_eq!(tree.run(&["remove", "b", "--needs", "a"]), 2, "it is not there");
    assert_eq!(tree.run(&["remove", "b", "--from", "user"]), 0);
    assert_eq!(tree.faults().len(), 1, "nothing starts b");
    assert_eq!(tree.run(&["add", "b", "--to", "user", "--needs", "base"]), 0);
    assert_eq!(tree.faults(), Vec::<String>::new());
}

#[test]
fn a_list_that_is_a_file_stays_one() {
    let tree = Tree::new();
    assert_eq!(tree.run(&["new", "longrun", "a", "--", "a"]), 0);
    let a = tree.root().join("etc/s6-overlay/s6-rc.d/a");
    std::fs::remove_dir_all(a.join("dependencies.d")).unwrap();
    std::fs::write(a.join("dependencies"), "# first\nbase").unwrap();
    assert_eq!(tree.run(&["new", "oneshot", "b"]), 0);
    assert_eq!(tree.run(&["add", "a", "--needs", "b"]), 0);
    assert_eq!(tree.read("s6-rc.d/a/dependencies"), "# first\nbase\nb\n");
    assert_eq!(tree.run(&["remove", "a", "--needs", "base"]), 0);
    assert_eq!(tree.read("s6-rc.d/a/dependencies"), "# first\nb\n");
}

#[test]
fn the_old_place_of_the_bundles_is_kept() {
    let tree = Tree::new();
    let user = tree.root().join("etc/s6-overlay/s6-rc.d/user/contents.d");
    std::fs::create_dir_all(user).unwrap();
    assert_eq!(tree.run(&["new", "longrun", "a", "--", "a"]), 0);
    assert_eq!(tree.read("s6-rc.d/user/contents.d/a"), "");
    // That it is the old place is all that there is to say.
    let faults = tree.faults();
    assert!(matches!(&faults[..], [fault] if fault.ends_with("[W220]")), "{faults:?}");
}
