//! sixtree-web before an init that runs as an ordinary process, over examples/plain.

use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An init with services, and sixtree-web beside it.
struct World {
    place: TempDir,
    init: Child,
    web: Child,
}

impl World {
    /// `None`: there is no sixtree beside this crate's program, as where it is tested alone.
    fn start(variables: &[(&str, &str)]) -> Option<Self> {
        let program = Path::new(env!("CARGO_BIN_EXE_sixtree-web"));
        let sixtree = program.with_file_name("sixtree");
        if !sixtree.exists() {
            eprintln!("skipped: there is no {}: cargo test --workspace", sixtree.display());
            return None;
        }
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let path = |name: &str| place.path().join(name);
        fs::create_dir(path("run")).expect("a folder for the test");
        let installed =
            Command::new(&sixtree).args(["install", "--root"]).arg(place.path()).status();
        assert!(installed.is_ok_and(|status| status.success()), "sixtree install failed");
        fs::write(path("token"), "open sesame\n").expect("a file");
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plain");
        let log = || File::options().create(true).append(true).open(path("log")).expect("a file");
        let programs = std::env::var("PATH").expect("a PATH");
        let started = |file: &Path, name: &str| {
            let mut command = Command::new(file);
            command.arg0(name).env("PATH", format!("{}:{programs}", path("command").display()));
            command.env("SIXTREE_RUNDIR", path("run")).stdin(Stdio::null());
            command.stdout(log()).stderr(log());
            command
        };
        let mut init = started(&path("init"), "/init");
        init.env("SIXTREE_ROOTDIR", tree.canonicalize().expect("the example"));
        let init = init.spawn().expect("init starts");
        let mut web = started(program, "sixtree-web");
        web.env("SIXTREE_HTTP", format!("unix:{}", path("http").display()));
        for (name, value) in variables {
            web.env(name, value.replace("HERE", &place.path().display().to_string()));
        }
        until("the init has its folders", || path("run/s6").is_dir());
        let world = Self { web: web.spawn().expect("sixtree-web starts"), init, place };
        until("it has booted", || {
            world.connect().is_some()
                && world.get("/startup").0 == 200
                && world.get("/ready").0 == 200
        });
        Some(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn connect(&self) -> Option<UnixStream> {
        let stream = UnixStream::connect(self.path("http")).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        Some(stream)
    }

    /// Sends a request with these headers; the code, and the body.
    fn ask(&self, method: &str, path: &str, headers: &str) -> (u16, String) {
        let mut stream = self.connect().expect("it listens");
        let host = if headers.contains("Host:") { "" } else { "Host: localhost\r\n" };
        let request = format!("{method} {path} HTTP/1.0\r\n{host}{headers}\r\n");
        // A client that finds no place is closed: that is code 0.
        let _ = stream.write_all(request.as_bytes());
        let mut text = String::new();
        let _ = stream.read_to_string(&mut text);
        let code = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (code, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }

    fn get(&self, path: &str) -> (u16, String) {
        self.ask("GET", path, "")
    }

    fn json(&self, path: &str) -> Value {
        let (code, body) = self.get(path);
        assert_eq!(code, 200, "{path}: {body}");
        serde_json::from_str(&body).expect("JSON")
    }

    fn service(&self, name: &str) -> Value {
        self.json(&format!("/api/v1/services/{name}"))
    }

    /// The process that reads HTTP.
    fn server(&self) -> i32 {
        let pid = self.web.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.expect("it runs");
        children.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("a child")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for child in [&mut self.web, &mut self.init] {
            let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_platform_gets_what_it_asks_for() {
    let Some(world) = World::start(&[]) else { return };
    assert_eq!(world.get("/live"), (200, "alive\n".into()));
    assert_eq!(world.get("/ready"), (200, "ready\n".into()));
    assert_eq!(world.get("/startup"), (200, "started\n".into()));
    let all = world.json("/api/v1/services");
    assert_eq!(all["healthy"], true);
    assert!(
        all["services"].as_array().is_some_and(|all| all.iter().any(|s| s["name"] == "ticker"))
    );
    assert_eq!(world.service("ticker")["state"], "up");
    let (code, body) = world.get("/api/v1/services/nothing");
    assert_eq!((code, body.trim_end()), (404, r#"{"error":"no service is called nothing"}"#));
    assert_eq!(world.json("/api/v1/timing")["over"], true);
    let (code, metrics) = world.get("/metrics");
    assert_eq!(code, 200);
    assert!(
        metrics.contains("\nsixtree_service_up{service=\"ticker\",type=\"longrun\"} 1\n"),
        "{metrics}"
    );
    assert!(metrics.ends_with("# EOF\n"));
    for (path, part) in
        [("/", "<title>sixtree</title>"), ("/app.js", "api/v1/services"), ("/style.css", "dark")]
    {
        let (code, body) = world.get(path);
        assert!(code == 200 && body.contains(part), "{path}: {code}");
    }
    assert_eq!(world.get("/nothing").0, 404);
    assert_eq!(world.ask("DELETE", "/live", "").0, 405);
}

#[test]
fn another_name_and_no_name_are_refused() {
    let Some(world) = World::start(&[("SIXTREE_HTTP_HOSTS", "status.example")]) else { return };
    assert_eq!(world.ask("GET", "/live", "Host: evil.example\r\n").0, 421);
    assert_eq!(world.ask("GET", "/live", "Host: a\r\nHost: localhost\r\n").0, 421);
    assert_eq!(world.ask("GET", "/live", "Host: status.example:80\r\n").0, 200);
    assert_eq!(world.ask("GET", "/live", "Host: 10.0.0.1:9180\r\n").0, 200);
}

#[test]
fn a_change_needs_the_token() {
    let Some(world) = World::start(&[("SIXTREE_HTTP_TOKEN_FILE", "HERE/token")]) else { return };
    let restart = "/api/v1/services/ticker/restart";
    let before = world.service("ticker")["pid"].clone();
    assert_eq!(world.ask("POST", restart, "").0, 401);
    assert_eq!(world.ask("POST", restart, "Authorization: Bearer open\r\n").0, 403);
    assert_eq!(world.ask("GET", restart, "Authorization: Bearer open sesame\r\n").0, 405);
    assert_eq!(world.service("ticker")["pid"], before);
    let right = "Authorization: Bearer open sesame\r\n";
    assert_eq!(world.ask("POST", restart, right), (200, "{\"done\":true}\n".into()));
    until("it runs again", || {
        let pid = &world.service("ticker")["pid"];
        !pid.is_null() && *pid != before
    });
    assert_eq!(world.ask("POST", "/api/v1/services/ticker/stop", right).0, 200);
    assert_eq!(world.service("ticker")["state"], "down");
    assert_eq!(world.ask("POST", "/api/v1/services/ticker/start", right).0, 200);
    assert_eq!(world.ask("POST", "/api/v1/services/nothing/stop", right).0, 404);
    assert_eq!(world.ask("POST", "/api/v1/services/ticker/explode", right).0, 404);
    let bad = world.ask("POST", "/api/v1/services/ticker/signal?signal=-9%20x", right);
    assert_eq!(bad.0, 409, "{}", bad.1);
}

#[test]
fn without_a_token_nobody_changes_anything() {
    let Some(world) = World::start(&[]) else { return };
    for headers in ["", "Authorization: Bearer x\r\n", "Authorization: Bearer \r\n"] {
        let (code, body) = world.ask("POST", "/api/v1/services/ticker/stop", headers);
        assert_eq!(code, 403, "{body}");
        assert!(body.contains("SIXTREE_HTTP_TOKEN_FILE"), "{body}");
    }
    assert_eq!(world.service("ticker")["state"], "up");
}

#[test]
fn a_log_is_read_and_followed() {
    let Some(world) = World::start(&[("SIXTREE_HTTP_TOKEN_FILE", "HERE/token")]) else { return };
    let (code, log) = world.get("/api/v1/logs?lines=1");
    assert_eq!((code, log.lines().count()), (200, 1), "{log}");
    assert!(world.get("/api/v1/logs").1.contains("service ticker successfully started"));
    assert_eq!(world.get("/api/v1/logs/nothing").0, 404);
    let mut stream = world.connect().expect("it listens");
    let request = "GET /api/v1/logs?follow&lines=1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.contains(" init | ")), "the last line so far");
    let right = "Authorization: Bearer open sesame\r\n";
    assert_eq!(world.ask("POST", "/api/v1/services/ticker/stop", right).0, 200);
    assert!(lines.any(|line| line.contains("service ticker successfully stopped")));
}

#[test]
fn idle_clients_keep_nobody_out_of_pid_1() {
    let Some(world) = World::start(&[]) else { return };
    let idle: Vec<_> = (0..400).filter_map(|_| world.connect()).collect();
    assert!(idle.len() > 256, "{}", idle.len());
    let status = Command::new(world.path("command/sixtree"))
        .arg("status")
        .env("SIXTREE_RUNDIR", world.path("run"))
        .output()
        .expect("it starts");
    assert!(status.status.success());
    drop(idle);
    until("there is a place again", || world.connect().is_some() && world.get("/live").0 == 200);
}

#[test]
fn a_death_harms_no_service() {
    let Some(mut world) = World::start(&[]) else { return };
    let before = world.service("ticker")["pid"].clone();
    let mut follows = world.connect().expect("it listens");
    let request = "GET /api/v1/logs?follow HTTP/1.1\r\nHost: localhost\r\n\r\n";
    follows.write_all(request.as_bytes()).expect("it reads");
    follows.read_exact(&mut [0; 12]).expect("it answers");
    let broker = world.web.id();
    let children = fs::read_to_string(format!("/proc/{broker}/task/{broker}/children"));
    let tasks = fs::read_dir(format!("/proc/{broker}/task")).expect("it runs").flatten();
    let of_tasks = tasks.map(|task| fs::read_to_string(task.path().join("children")));
    let children: String = of_tasks.chain([children]).flatten().collect();
    let children: Vec<_> = children.split_whitespace().map(str::to_owned).collect();
    assert!(children.len() > 1, "the server, and who follows: {children:?}");
    let server = nix::unistd::Pid::from_raw(world.server());
    nix::sys::signal::kill(server, nix::sys::signal::Signal::SIGKILL).expect("it runs");
    // Its supervisor starts both again.
    assert_eq!(world.web.wait().expect("our child").code(), Some(111));
    let log = fs::read_to_string(world.path("log")).expect("a log");
    assert!(log.contains("the process that reads HTTP has ended"), "{log}");
    assert!(Path::new(&format!("/proc/{before}")).exists());
    assert!(!world.path("run/s6/web").exists());
    until("no command is left", || {
        children.iter().all(|pid| !Path::new(&format!("/proc/{pid}/exe")).exists())
    });
}

#[test]
fn what_cannot_be_used_is_said_with_what_to_do() {
    let said = |variables: &[(&str, &str)]| {
        let mut web = Command::new(env!("CARGO_BIN_EXE_sixtree-web"));
        web.env_clear().envs(variables.iter().copied());
        let ended = web.output().expect("it starts");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).trim_end().to_owned())
    };
    let remedy = "give it an address and a port, as 127.0.0.1:9180, or unix:/path";
    let text = format!("sixtree-web: fatal: SIXTREE_HTTP is not set: {remedy}");
    assert_eq!(said(&[]), (Some(100), text));
    let text = format!("sixtree-web: fatal: SIXTREE_HTTP=9180: {remedy}");
    assert_eq!(said(&[("SIXTREE_HTTP", "9180")]), (Some(100), text));
    let (code, text) =
        said(&[("SIXTREE_HTTP", "127.0.0.1:9180"), ("SIXTREE_HTTP_TOKEN_FILE", "/nowhere")]);
    assert_eq!(code, Some(111));
    assert!(
        text.starts_with("sixtree-web: fatal: SIXTREE_HTTP_TOKEN_FILE=/nowhere: No such file"),
        "{text}"
    );
    let (code, text) = said(&[("SIXTREE_HTTP", "unix:/nowhere/http")]);
    assert_eq!(code, Some(111));
    assert!(
        text.contains("unable to listen at SIXTREE_HTTP=unix:/nowhere/http: No such file"),
        "{text}"
    );
}
