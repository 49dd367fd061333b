//! One vector: its keys, and how it is run.

use crate::expectation::Expectation;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Map, Value};
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const TIMEOUT: Duration = Duration::from_secs(60);

/// Held while files are made, and while a process starts: it would inherit a script that is still
/// open for writing, which could then not be executed.
static STARTING: Mutex<()> = Mutex::new(());

/// What to run, and what to expect of it.
pub(crate) struct Vector {
    pub id: String,
    pub area: String,
    pub needs_root: bool,
    argv: Vec<String>,
    files: Vec<(String, String)>,
    env: Vec<(String, String)>,
    stdin: Option<String>,
    expectation: Expectation,
}

/// What a run came to.
pub(crate) struct Outcome {
    /// The exit code, or minus the signal.
    pub exit: i64,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The folder that it ran in, as it left it.
    pub folder: PathBuf,
}

impl Vector {
    /// Reads one from its line.
    pub(crate) fn parse(line: &str) -> Self {
        let keys: Map<String, Value> = serde_json::from_str(line).unwrap();
        let text = |key: &str| keys.get(key).and_then(Value::as_str).map(str::to_owned);
        let texts = |key: &str| -> Vec<(String, String)> {
            let map = keys.get(key).and_then(Value::as_object);
            let pair = |(k, v): (&String, &Value)| (k.clone(), v.as_str().unwrap().to_owned());
            map.map(|map| map.iter().map(pair).collect()).unwrap_or_default()
        };
        let words = keys["argv"].as_array().unwrap().iter();
        Self {
            id: text("id").unwrap(),
            area: text("area").unwrap(),
            needs_root: keys.get("needs_root").is_some_and(|v| v == true),
            argv: words.map(|word| word.as_str().unwrap().to_owned()).collect(),
            files: texts("files"),
            env: texts("env"),
            stdin: text("stdin"),
            expectation: Expectation::from(&keys),
        }
    }

    /// Runs it in a fresh folder; what is not as expected, line by line.
    pub(crate) fn check(&self, programs: &Path) -> Result<(), String> {
        let folder = folder();
        let differences = match self.run(programs, folder.path()) {
            Ok(outcome) => self.expectation.differences(&outcome),
            Err(problem) => vec![problem],
        };
        if differences.is_empty() {
            return Ok(());
        }
        let lines: String = differences.iter().map(|line| format!("    {line}\n")).collect();
        Err(format!("{} {:?}\n{lines}", self.id, self.argv))
    }

    fn run(&self, programs: &Path, folder: &Path) -> Result<Outcome, String> {
        let started = Instant::now();
        let mut child = self.start(programs, folder)?;
        if let (Some(text), Some(mut stdin)) = (self.stdin.clone(), child.stdin.take()) {
            // Nobody need read it.
            thread::spawn(move || stdin.write_all(text.as_bytes()));
        }
        let stdout = read(child.stdout.take().unwrap());
        let stderr = read(child.stderr.take().unwrap());
        let left = || TIMEOUT.saturating_sub(started.elapsed());
        let mut ended = || -> Option<_> {
            let stdout = stdout.recv_timeout(left()).ok()?;
            let stderr = stderr.recv_timeout(left()).ok()?;
            while !left().is_zero() {
                if let Ok(Some(status)) = child.try_wait() {
                    return Some((stdout, stderr, status));
                }
                thread::sleep(Duration::from_millis(1));
            }
            None
        };
        let Some((stdout, stderr, status)) = ended() else {
            // Its own session, so only what it started.
            let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
            let _ = child.wait();
            return Err(format!("still running after {} seconds", TIMEOUT.as_secs()));
        };
        let exit = status.code().unwrap_or_else(|| -status.signal().unwrap_or(0));
        Ok(Outcome { exit: i64::from(exit), stdout, stderr, folder: folder.to_owned() })
    }

    fn start(&self, programs: &Path, folder: &Path) -> Result<Child, String> {
        let _starting = STARTING.lock().unwrap();
        for (name, text) in &self.files {
            make(&folder.join(name), text, name.ends_with('/'));
        }
        Command::new("setsid")
            .args(&self.argv)
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
            .envs(self.env.iter().cloned())
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("could not run: {e}"))
    }
}

/// A new folder that everybody may enter, removed when it is dropped.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::Builder::new().prefix("sixtree-vectors-").tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    folder
}

/// Makes a file, executable if it is a script, or a directory.
fn make(path: &Path, text: &str, directory: bool) {
    if directory {
        return fs::create_dir_all(path).unwrap();
    }
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn read(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut all = Vec::new();
        let _ = from.read_to_end(&mut all);
        sender.send(all)
    });
    receiver
}
