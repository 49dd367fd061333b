//! The network tools against servers and clients that are made for them, in namespaces of their
//! own: `tests/conformance/net/run` has the sandbox, `cases.py` the cases. The originals pass them.
//!
//! `NET=s6-dnsip4,s6-tcpserver/identity cargo test --test networking` runs those of these tools,
//! or of these names.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

#[path = "skip/mod.rs"]
mod skip;

use std::process::Command;
use tempfile::TempDir;

const RUN: &str = "tests/conformance/net/run";

/// The names of all cases: the tool, a slash, and what is tried.
fn cases() -> Vec<String> {
    let listed = Command::new("python3").args([RUN, "--list"]).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn tools_behave_as_the_originals_do() {
    if !nix::unistd::geteuid().is_root() {
        return skip::skip("it makes namespaces, and is not root");
    }
    let root = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_sixtree");
    let installed = Command::new(program).arg("install").arg("--root").arg(root.path()).status();
    assert!(installed.unwrap().success());
    let wanted = std::env::var("NET").unwrap_or_default();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.split(',').any(|one| one == name);
    let is_ours = |tool: &str| sixtree::tools::find(tool.as_bytes()).is_some();
    let chosen = cases().into_iter().filter(|case| {
        let tool = case.split('/').next().unwrap();
        is_ours(tool) && (is_wanted(tool) || is_wanted(case))
    });
    let chosen: Vec<_> = chosen.flat_map(|case| ["--only".to_string(), case]).collect();
    assert!(!chosen.is_empty());
    let ran = Command::new("python3")
        .args([RUN, "-j", "2", "--bin"])
        .arg(root.path().join("command"))
        .args(chosen)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}");
}
