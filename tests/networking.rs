//! The network tools against servers and clients that are made for them, in namespaces of their
//! own: `tests/conformance/net/run` has the sandbox, `cases.py` the cases. The originals pass them.
//!
//! `NET=s6-dnsip4,s6-tcpserver/identity cargo test --test networking` runs those of these tools,
//! or of these names.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

#[path = "skip/mod.rs"]
mod skip;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const RUN: &str = "tests/conformance/net/run";

/// How long a client of a crowd waits for its answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The names of all cases: the tool, a slash, and what is tried.
fn cases() -> Vec<String> {
    let listed = Command::new("python3").args([RUN, "--list"]).output().unwrap();
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Lays out our own tools, and what else a test needs, and runs the cases of tools that `is_ours`.
fn behave_as_the_originals_do(add: impl Fn(&Path), is_ours: impl Fn(&str) -> bool) {
    if !nix::unistd::geteuid().is_root() {
        return skip::skip("it makes namespaces, and is not root");
    }
    let root = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_sixtree");
    let installed = Command::new(program).arg("install").arg("--root").arg(root.path()).status();
    assert!(installed.unwrap().success());
    add(root.path());
    let wanted = std::env::var("NET").unwrap_or_default();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.split(',').any(|one| one == name);
    let chosen = cases().into_iter().filter(|case| {
        let tool = case.split('/').next().unwrap();
        is_ours(tool) && (is_wanted(tool) || is_wanted(case))
    });
    let chosen: Vec<_> = chosen.flat_map(|case| ["--only".to_string(), case]).collect();
    assert!(!chosen.is_empty() || !wanted.is_empty());
    if chosen.is_empty() {
        return;
    }
    let ran = Command::new("python3")
        .args([RUN, "-j", "2", "--bin"])
        .arg(root.path().join("command"))
        .args(chosen)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{output}");
}

#[test]
fn tools_behave_as_the_originals_do() {
    let is_ours = |tool: &str| sixtree::tools::find(tool.as_bytes()).is_some();
    behave_as_the_originals_do(|_| {}, is_ours);
}

/// Those that speak TLS are a program of their own, which comes in a tarball of its own.
#[test]
fn tls_tools_behave_as_the_originals_do() {
    let add = |root: &Path| {
        let built = Command::new("cargo").args(["build", "--package", "sixtree-tls"]).output();
        let built = built.unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let added =
            Command::new("scripts/tls-root").arg("target/debug/sixtree-tls").arg(root).status();
        assert!(added.unwrap().success());
    };
    behave_as_the_originals_do(add, |tool| tool.contains("tls"));
}

/// All of a crowd that comes at once is served: as many wait as the system allows.
#[test]
fn a_thousand_connections_at_once_are_served() {
    const CROWD: usize = 1000;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, most, most).unwrap();
    let root = TempDir::new().unwrap();
    let program = env!("CARGO_BIN_EXE_sixtree");
    for name in ["s6-tcpserver", "s6-tcpserverd", "s6-cat"] {
        std::os::unix::fs::symlink(program, root.path().join(name)).unwrap();
    }
    let limit = CROWD.to_string();
    let mut server = Command::new(root.path().join("s6-tcpserver"))
        .args(["-1", "-c", &limit, "-C", &limit, "127.0.0.1", "0", "s6-cat"])
        .env("PATH", root.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let address = (Ipv4Addr::LOCALHOST, port.trim().parse().unwrap());
    let crowd: Vec<_> = (0..CROWD).map(|_| TcpStream::connect(address).unwrap()).collect();
    for mut client in &crowd {
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(b"hello\n").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
    }
    for (n, mut client) in crowd.iter().enumerate() {
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap_or_else(|e| panic!("client {n}: {e}"));
        assert_eq!(answer, "hello\n", "client {n}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

/// What makes no sense in a container says so in one line, and what to do.
#[test]
fn what_makes_no_sense_says_so() {
    let refused = ["s6-rc-repo-init", "s6-rc-set-commit", "s6-ftrigrd", "s6-linux-init-telinit"];
    for name in refused.into_iter().chain(["s6-linux-init-umountall"]) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sixtree"));
        std::os::unix::process::CommandExt::arg0(&mut command, name);
        let ended = command.output().unwrap();
        let output = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(100), "{name}: {output}");
        assert!(output.starts_with(&format!("{name}: fatal: ")), "{output}");
        assert_eq!(output.lines().count(), 1, "{output}");
    }
}
