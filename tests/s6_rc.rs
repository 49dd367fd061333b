//! The s6-rc commands against a PID 1 that follows a script: what they ask, print and exit with.
#![allow(clippy::disallowed_methods)]

use sixtree::format::request::{
    Answer, ChangeRequest, Lines, Outcome, Request, Say, SaySeverity, State, Update, What,
};
use sixtree::sys::{fd, socket};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;
use tempfile::TempDir;

/// A tree: a oneshot, a longrun that needs it, another longrun, and a bundle of both longruns.
const TREE: &[(&str, &str)] = &[
    ("prepare/type", "oneshot"),
    ("prepare/up", "echo $RC_NAME"),
    ("web/type", "longrun"),
    ("web/run", "#!/bin/sh\n"),
    ("web/timeout-up", "300"),
    ("web/dependencies.d/prepare", ""),
    ("cron/type", "longrun"),
    ("cron/run", "#!/bin/sh\n"),
    ("cron/flag-essential", ""),
    ("all/type", "bundle"),
    ("all/contents.d/web", ""),
    ("all/contents.d/cron", ""),
];

/// A live directory, and the PID 1 that keeps it.
struct Live {
    root: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Live {
    /// One at a time: the umask under which PID 1 makes its socket is that of all threads.
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("s6-rc")).unwrap();
        let live = Self { root, _alone };
        live.compile("compiled", TREE);
        live
    }

    /// Compiles a tree into a database below the live directory.
    fn compile(&self, name: &str, tree: &[(&str, &str)]) -> PathBuf {
        let source = self.root.path().join(format!("source-{name}"));
        for (file, text) in tree {
            let file = source.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        let database = self.root.path().join("s6-rc").join(name);
        let output = self.run("s6-rc-compile", &[text(&database), text(&source)]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        database
    }

    fn command(&self, tool: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sixtree"));
        command.arg0(tool).args(words).env("SIXTREE_RUNDIR", self.root.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, tool: &str, words: &[&str]) -> Output {
        self.command(tool, words).output().unwrap()
    }

    /// Runs a tool while PID 1 gives these answers, a list for each connection; the output, the
    /// exit code, and what was asked.
    fn converse(
        &self,
        answers: Vec<Vec<Answer>>,
        tool: &str,
        words: &[&str],
    ) -> (String, String, i32, Vec<Request>) {
        let pid1 = self.serve(answers);
        let output = self.run(tool, words);
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        (show(&output.stdout), show(&output.stderr), code, pid1.join().unwrap())
    }

    fn serve(&self, answers: Vec<Vec<Answer>>) -> JoinHandle<Vec<Request>> {
        let listener = socket::listen(&self.root.path().join("s6-rc/control")).unwrap();
        std::thread::spawn(move || {
            let serve = |answers| serve_one(&accept(&listener), answers);
            answers.into_iter().map(serve).collect()
        })
    }
}

fn accept(listener: &OwnedFd) -> OwnedFd {
    for _ in 0..2000 {
        if let Some(client) = socket::accept(listener).unwrap() {
            return client;
        }
        sleep(Duration::from_millis(5));
    }
    panic!("nobody came");
}

/// Reads one request and answers it. The first answer's text goes to the client's own stderr, too.
fn serve_one(client: &OwnedFd, answers: Vec<Answer>) -> Request {
    let (mut lines, mut stdio) = (Lines::default(), Vec::new());
    let request = next_request(client, &mut lines, &mut stdio);
    assert_eq!(stdio.len(), 3, "stdin, stdout and stderr come along");
    if let Some(Answer::Say(say)) = answers.first() {
        let line = format!("script of {}\n", say.service);
        fd::write_all(stdio[2].as_raw_fd(), line.as_bytes()).unwrap();
    }
    for answer in answers {
        socket::send(client.as_fd(), &answer.encode(), &[]).unwrap();
    }
    request
}

fn next_request(client: &OwnedFd, lines: &mut Lines, stdio: &mut Vec<OwnedFd>) -> Request {
    loop {
        if let Some(line) = lines.take().unwrap() {
            return Request::decode(&line).unwrap();
        }
        let mut buffer = [0; 4096];
        match socket::receive(client.as_fd(), &mut buffer, stdio) {
            Ok(0) => panic!("the client has gone"),
            Ok(n) => lines.push(&buffer[..n]),
            Err(_) => sleep(Duration::from_millis(2)),
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn say(level: u8, severity: SaySeverity, what: What, service: &str, text: &str) -> Answer {
    Answer::Say(Say { level, severity, what, service: service.into(), text: text.into() })
}

fn starting(service: &str) -> Answer {
    let text = format!("service {service}: starting");
    say(2, SaySeverity::Info, What::Starting, service, &text)
}

fn done(outcome: Outcome) -> Vec<Answer> {
    vec![Answer::Done(outcome)]
}

/// States in which only these services are up.
fn states(up: &[&str]) -> Vec<Answer> {
    let state = |name: &str| State { name: name.into(), up: up.contains(&name), wanted: false };
    vec![Answer::States(["cron", "web", "prepare"].map(state).into())]
}

#[test]
fn lists_come_from_the_database_and_the_states() {
    let live = Live::new();
    let list = |words: &[&str]| {
        let (out, err, code, asked) = live.converse(vec![states(&["cron"])], "s6-rc", words);
        assert_eq!((code, asked), (0, vec![Request::States]), "{err}");
        out
    };
    assert_eq!(list(&["list"]), "");
    assert_eq!(list(&["list", "all"]), "cron\nweb\n");
    assert_eq!(list(&["-a", "list"]), "cron\n");
    assert_eq!(list(&["-da", "list"]), "web\nprepare\n");
    assert_eq!(list(&["-ae", "list", "web"]), "web\n");
    assert_eq!(list(&["listall", "web"]), "web\nprepare\n");
    assert_eq!(list(&["-d", "listall", "prepare"]), "web\nprepare\n");
    let (_, err, code, _) = live.converse(vec![states(&[])], "s6-rc", &["list", "web", "nope"]);
    assert_eq!(code, 3);
    assert!(err.contains("nope is not a recognized identifier in"), "{err}");
}

#[test]
fn a_change_is_asked_for_in_the_words_of_the_options() {
    let live = Live::new();
    let asked = |words: &[&str]| {
        let (_, err, code, mut asked) = live.converse(vec![done(Outcome::Done)], "s6-rc", words);
        assert_eq!((code, err.as_str()), (0, ""));
        asked.pop().unwrap()
    };
    let names = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
    let change = ChangeRequest { names: names(&["web", "all"]), ..ChangeRequest::default() };
    assert_eq!(asked(&["change", "web", "all"]), Request::Change(change.clone()));
    assert_eq!(asked(&["-dp", "start", "web", "all"]), Request::Change(change));
    let stop = ChangeRequest {
        down: true,
        all: true,
        essential: true,
        wait: true,
        timeout_ms: 70,
        ..ChangeRequest::default()
    };
    assert_eq!(asked(&["-t70", "-bDa", "stop"]), Request::Change(stop.clone()));
    let long = ["--all-down", "--add", "--block", "--timeout=70", "--no-lock", "change"];
    assert_eq!(asked(&long), Request::Change(stop.clone()));
    let prune = ChangeRequest { prune: true, essential: false, ..stop };
    assert_eq!(asked(&["-t70", "-bDEap", "change"]), Request::Change(prune));
}

#[test]
fn what_happens_is_told_by_verbosity_and_its_end_is_the_exit_code() {
    let live = Live::new();
    let outcome_of = |verbosity: &str, outcome| {
        let why = "unable to start service web: command exited 7";
        let warning = say(1, SaySeverity::Warning, What::NotStarted, "web", why);
        let answers = vec![starting("web"), warning, Answer::Done(outcome)];
        let words = [verbosity, "change", "web"];
        let (out, err, code, _) = live.converse(vec![answers], "s6-rc", &words);
        assert_eq!(out, "");
        (err, code)
    };
    let script = "script of web\n";
    let warning = "s6-rc: warning: unable to start service web: command exited 7\n";
    assert_eq!(outcome_of("-v0", Outcome::Failed), (script.to_string(), 1));
    assert_eq!(outcome_of("-v1", Outcome::Failed), (format!("{script}{warning}"), 1));
    let all = format!("{script}s6-rc: info: service web: starting\n{warning}");
    assert_eq!(outcome_of("-v2", Outcome::Aborted), (all, 1));
    let (err, code) = outcome_of("-v0", Outcome::TimedOut);
    assert_eq!((err.ends_with("s6-rc: fatal: timed out\n"), code), (true, 2));
    let busy = || vec![Answer::Done(Outcome::Busy)];
    let answers = vec![busy(), busy(), vec![Answer::Done(Outcome::Done)]];
    let (_, err, code, asked) = live.converse(answers, "s6-rc", &["change", "web"]);
    assert_eq!((err.as_str(), code, asked.len()), ("", 0, 3), "it is asked again for a while");
}

#[test]
fn a_refusal_is_the_exit_code_and_so_is_no_pid_1() {
    let live = Live::new();
    let refusal = Answer::Error { code: 3, text: "x is not a recognized identifier".into() };
    let (_, err, code, _) = live.converse(vec![vec![refusal]], "s6-rc", &["change", "x"]);
    let fatal = "s6-rc: fatal: x is not a recognized identifier\n";
    assert_eq!((err.as_str(), code), (fatal, 3));
    let (_, err, code, _) = live.converse(vec![vec![]], "s6-rc", &["change", "x"]);
    assert_eq!((err.contains("hung up"), code), (true, 111), "{err}");
    let output = live.run("s6-rc", &["-l", "/nowhere", "change", "x"]);
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.starts_with("s6-rc: fatal: unable to take locks: No such file"), "{err}");
    assert_eq!(output.status.code(), Some(111));
}

#[test]
fn options_have_long_names() {
    let live = Live::new();
    let options = ["--bootdb=/db", "--livedir=/no/live", "--no-dereference", "--no-block", "/scan"];
    let said = live.run("s6-rc-init", &options).stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("no PID 1 keeps /no/live"), "{said}");
}

#[test]
fn a_term_gives_up_the_change() {
    let live = Live::new();
    let listener = socket::listen(&live.root.path().join("s6-rc/control")).unwrap();
    let mut command = live.command("s6-rc", &["-v2", "change", "web"]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let client = accept(&listener);
    let (mut lines, mut stdio) = (Lines::default(), Vec::new());
    next_request(&client, &mut lines, &mut stdio);
    drop(stdio);
    socket::send(client.as_fd(), &starting("web").encode(), &[]).unwrap();
    let pid = nix::unistd::Pid::from_raw(child.id() as i32);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert_eq!(next_request(&client, &mut lines, &mut Vec::new()), Request::Abort);
    socket::send(client.as_fd(), &Answer::Done(Outcome::Aborted).encode(), &[]).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("received TERM, aborting"));
}

#[test]
fn a_dry_run_prints_the_commands() {
    let live = Live::new();
    let answers = vec![starting("prepare"), starting("web"), Answer::Done(Outcome::Done)];
    let (out, err, code, asked) =
        live.converse(vec![answers], "s6-rc", &["-n0", "-v2", "change", "web"]);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(code, 0);
    assert!(lines[0].starts_with("s6-rc-dryrun: ") && lines[0].ends_with("up 2 # prepare"));
    assert!(lines[1].contains("s6-svc -uwu -T 300 -- ") && lines[1].ends_with("/servicedirs/web"));
    assert!(err.contains("s6-rc: info: dry run: service web: starting\n"), "{err}");
    assert!(matches!(&asked[0], Request::Change(c) if c.dry_run_ms == Some(0)));
}

#[test]
fn an_update_stops_switches_and_starts() {
    let live = Live::new();
    let tree: Vec<_> =
        TREE.iter().map(|(file, text)| (file.replace("cron/", "timer/"), *text)).collect();
    let mut tree: Vec<_> = tree.iter().map(|(file, text)| (file.as_str(), *text)).collect();
    tree.retain(|(file, _)| *file != "all/contents.d/cron");
    tree.push(("extra/type", "oneshot"));
    tree.push(("extra/up", ""));
    tree.push(("web/dependencies.d/extra", ""));
    let new = live.compile("new", &tree);
    let conversions = live.root.path().join("conversions");
    fs::write(&conversions, "# names\ncron -> timer\n").unwrap();
    let answers = || {
        let finished = || done(Outcome::Done);
        vec![states(&["cron", "web", "prepare"]), finished(), finished(), finished()]
    };
    let words = ["-f", text(&conversions), text(&new)];
    let (_, err, code, asked) = live.converse(answers(), "s6-rc-update", &words);
    assert_eq!((code, err.as_str()), (0, ""));
    let web = || vec!["web".to_string()];
    let down = ChangeRequest { names: web(), down: true, ..ChangeRequest::default() };
    let renamed = vec![("cron".to_string(), "timer".to_string())];
    let update = Update { database: text(&new).into(), renamed };
    let up = ChangeRequest { names: web(), ..ChangeRequest::default() };
    assert_eq!(
        asked,
        [Request::States, Request::Change(down), Request::Update(update), Request::Change(up)]
    );
    let dry = ["-n", "-f", text(&conversions), text(&new)];
    let (out, _, code, _) = live.converse(vec![answers().remove(0)], "s6-rc-update", &dry);
    assert_eq!(code, 0);
    assert!(out.contains(" -d -- change web\n") && out.contains(" -u -- change web\n"), "{out}");
    let failed = vec![answers().remove(0), done(Outcome::Failed)];
    assert_eq!(live.converse(failed, "s6-rc-update", &words).2, 9);
}
