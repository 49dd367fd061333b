//! Becoming who one is already, where nobody may become another: as an ordinary user, as root
//! without capabilities, in a namespace of one user.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

#[path = "skip/mod.rs"]
mod skip;

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The programs, where any user may execute them.
struct Programs(PathBuf);

impl Programs {
    fn new() -> Self {
        let thread = std::thread::current();
        let test = thread.name().expect("a test has a name").to_owned();
        let name = format!("sixtree-{test}-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("a new folder");
        fs::copy(env!("CARGO_BIN_EXE_sixtree"), folder.join("sixtree")).expect("a copy");
        for tool in sixtree::tools::FAMILIES.iter().flat_map(|(_, tools)| tools.iter()) {
            symlink("sixtree", folder.join(tool.name)).expect("a new link");
        }
        Self(folder)
    }

    /// Runs a program after `prefix`, which takes rights away, with "hello" as its input.
    fn run(&self, prefix: &[&str], line: &str) -> Output {
        let words = prefix.iter().copied().chain(line.split(' '));
        let mut child = Command::new("env")
            .args(words)
            .current_dir(&self.0)
            .env("PATH", format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.0.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("env starts");
        // Whoever does not read it has ended, and the test sees that.
        let _ = child.stdin.take().expect("a pipe").write_all(b"hello\n");
        child.wait_with_output().expect("it ends")
    }

    fn succeeds(&self, prefix: &[&str], line: &str, prints: &str) {
        let output = self.run(prefix, line);
        assert!(output.status.success(), "{line}: {output:?}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), prints, "{line}");
    }

    fn fails(&self, prefix: &[&str], line: &str) {
        let output = self.run(prefix, line);
        assert_eq!(output.status.code(), Some(111), "{line}: {output:?}");
    }
}

impl Drop for Programs {
    fn drop(&mut self) {
        // What is left of it lies in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Whether the test can be run: whether `prefix` succeeds.
fn is_possible(prefix: &[&str]) -> bool {
    let tried = Command::new(prefix[0]).args(&prefix[1..]).arg("true").output();
    let possible = tried.is_ok_and(|output| output.status.success());
    if !possible {
        skip::skip(&format!("{} does not work here", prefix.join(" ")));
    }
    possible
}

#[test]
fn an_ordinary_user() {
    let user = ["setpriv", "--reuid=1000", "--regid=1000", "--groups=1000,2000"];
    if !is_possible(&user) {
        return;
    }
    let programs = Programs::new();
    for tool in [
        "s6-setuidgid 1000:1000",
        "s6-applyuidgid -u 1000 -g 1000 -G",
        "s6-envuidgid -D 1000:1000:1000 nosuch s6-applyuidgid -U",
    ] {
        let line = format!("{tool} s6-echo done").replace("-G s6", "-G 1000 s6");
        programs.succeeds(&user, &line, "done\n");
    }
    programs.succeeds(&user, "s6-setuidgid 1000:1000 id -G", "1000 2000\n");
    for refused in ["s6-setuidgid root", "s6-setuidgid 1000:0", "s6-applyuidgid -G 5"] {
        programs.fails(&user, &format!("{refused} s6-echo done"));
    }
    fs::create_dir(programs.0.join("log")).expect("a new folder");
    nix::unistd::chown(&programs.0.join("log"), Some(1000.into()), None).expect("root may");
    programs.succeeds(&user, "logutil-service ./log", "");
    let logged = fs::read_to_string(programs.0.join("log/current")).expect("a log");
    assert!(logged.ends_with("hello\n"), "{logged}");
}

#[test]
fn root_without_capabilities() {
    let root = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    if !nix::unistd::geteuid().is_root() || !is_possible(&root) {
        return skip::skip("it needs root");
    }
    let programs = Programs::new();
    programs.succeeds(&root, "s6-setuidgid root s6-echo done", "done\n");
    programs.succeeds(&root, "s6-applyuidgid -u 0 -g 0 -G 0 s6-echo done", "done\n");
    programs.fails(&root, "s6-setuidgid 1000:1000 s6-echo done");
    fs::create_dir(programs.0.join("log")).expect("a new folder");
    let logged = programs.run(&root, "logutil-service ./log");
    assert!(logged.status.success(), "{logged:?}");
    assert!(String::from_utf8_lossy(&logged.stderr).contains("logging as root"), "{logged:?}");
}

#[test]
fn a_namespace_of_one_user() {
    let alone = ["unshare", "--user", "--map-root-user"];
    if !is_possible(&alone) {
        return;
    }
    let programs = Programs::new();
    programs.succeeds(&alone, "s6-setuidgid root s6-echo done", "done\n");
    programs.succeeds(&alone, "s6-setuidgid 0:0 s6-echo done", "done\n");
    programs.fails(&alone, "s6-setuidgid 1000:1000 s6-echo done");
    fs::create_dir(programs.0.join("log")).expect("a new folder");
    let logged = programs.run(&alone, "logutil-service ./log");
    assert!(logged.status.success(), "{logged:?}");
}
