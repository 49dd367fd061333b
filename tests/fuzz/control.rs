//! The control socket of an init that runs: whatever clients send, it goes on, and keeps nothing of
//! them.
//!
//! Each line of the input that begins with `+` or `-` is a client of its own: the bytes of the
//! other lines are sent by the one before, with stdin, stdout and stderr (`+`) or with as many
//! descriptors as the line has further characters (`-`).

use crate::ordinary::Plain;
use crate::targets::fault;
use crate::{Outcome, outcome};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use sixtree::format::request::{Answer, Request};
use sixtree::sys::socket::{MAX_FDS, send};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::mem::discriminant;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Words of requests.
pub(crate) const TOKENS: &[&str] = &[
    "\n+\n",
    "\n-...\n",
    r#"{"version":1,"request":"states"}"#,
    r#"{"version":1,"request":"timing"}"#,
    r#"{"version":1,"request":"abort"}"#,
    r#"{"version":1,"request":{"status":0}}"#,
    r#"{"version":1,"request":{"change":{"names":["top"],"down":true}}}"#,
    r#"{"version":1,"request":{"change":{"names":["top"],"wait":true}}}"#,
    r#"{"version":1,"request":{"change":{"names":["ticker"],"dry_run_ms":1}}}"#,
    r#"{"version":1,"request":{"update":{"database":"/nothing","renamed":[["a","b"]]}}}"#,
    "\"names\":[",
    "\"ticker\",",
    "]",
    "}",
    "null",
    "-1",
];

/// How long an answer may take: changes come one after the other, and a service that is started
/// again has its second.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many clients there are in one input.
const MAX_CLIENTS: usize = 6;

/// How much more memory it may have in the end, in kB.
const MAX_GROWTH_KB: u64 = 4 << 10;

/// The init whose clients are made up.
static TWIN: Mutex<Option<Twin>> = Mutex::new(None);

/// It runs as long as this is there, and then stops as ever.
pub(crate) struct Running;

impl Running {
    pub(crate) fn start() -> Self {
        *TWIN.lock().expect("only one test has it") = Some(Twin::start());
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let twin = TWIN.lock().unwrap_or_else(PoisonError::into_inner).take();
        let code = twin.map(|mut twin| twin.plain.stop());
        assert!(std::thread::panicking() || code == Some(Some(0)), "it ended with {code:?}");
    }
}

/// An init that runs, and what it had at first.
struct Twin {
    plain: Plain,
    descriptors: usize,
    memory_kb: u64,
}

impl Twin {
    fn start() -> Self {
        let plain = Plain::start();
        plain.wait_for("log", "service ticker successfully started");
        let mut twin = Self { plain, descriptors: 0, memory_kb: 0 };
        // Once, so that what it needs to answer at all is not counted.
        assert!(twin.answers());
        (twin.descriptors, twin.memory_kb) = (twin.descriptors(), twin.memory_kb());
        twin
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.plain.init.id()).into()
    }

    fn connect(&self) -> UnixStream {
        let socket = self.plain.place.path().join("run/s6-rc/control");
        let client = UnixStream::connect(socket).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        client.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        client
    }

    /// Whether it answers a question as ever.
    fn answers(&self) -> bool {
        let mut client = self.connect();
        client.write_all(&Request::States.encode()).expect("it reads");
        let mut line = Vec::new();
        BufReader::new(client).read_until(b'\n', &mut line).expect("it answers");
        matches!(Answer::decode(&line), Ok(Answer::States(states)) if !states.is_empty())
    }

    fn descriptors(&self) -> usize {
        fs::read_dir(self.proc("fd")).expect("it runs").count()
    }

    fn memory_kb(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|kb| kb.trim().strip_suffix(" kB")?.parse().ok()).expect("a number of kB")
    }

    /// All is as it was, once it has seen that its clients have gone.
    fn is_as_before(&self) {
        assert!(self.answers());
        let deadline = Instant::now() + PATIENCE;
        // Services come and go; a client's descriptors do not stay.
        while self.descriptors() > self.descriptors + 3 {
            assert!(Instant::now() < deadline, "it keeps {} descriptors", self.descriptors());
            std::thread::sleep(Duration::from_millis(5));
        }
        let grown = self.memory_kb().saturating_sub(self.memory_kb);
        assert!(grown < MAX_GROWTH_KB, "it keeps {grown} kB more");
    }
}

/// Sends what clients send; what they were answered.
pub(crate) fn serve(input: &[u8]) -> Outcome {
    let twin = TWIN.lock().unwrap_or_else(PoisonError::into_inner);
    let twin = twin.as_ref().expect("it was started");
    let mut clients = vec![(twin.connect(), Vec::new(), 3)];
    for line in input.split_inclusive(|&b| b == b'\n') {
        match line.split_first() {
            _ if clients.len() > MAX_CLIENTS => break,
            Some((b'+', [b'\n'])) => clients.push((twin.connect(), Vec::new(), 3)),
            Some((b'-', rest)) => {
                clients.push((twin.connect(), Vec::new(), rest.len().min(MAX_FDS)));
            }
            _ => clients.last_mut().expect("there is one").1.extend_from_slice(line),
        }
    }
    let null = File::options().read(true).write(true).open("/dev/null").expect("/dev/null");
    let clients: Vec<_> = clients
        .into_iter()
        .map(|(client, bytes, fds)| {
            let fds = vec![null.as_raw_fd(); fds];
            // It may have been let go of already.
            let sent = send(client.as_fd(), &bytes, &fds).unwrap_or(0);
            let asks = bytes.get(..sent).is_some_and(|sent| sent.contains(&b'\n'));
            (client, asks)
        })
        .collect();
    let answers: Vec<_> = clients.into_iter().map(|(client, asks)| hear(client, asks)).collect();
    twin.is_as_before();
    outcome(answers)
}

/// What comes back, in the rough. A client that has sent a whole line is answered.
fn hear(client: UnixStream, asks: bool) -> Vec<String> {
    if !asks {
        let mut ready = [PollFd::new(client.as_fd(), PollFlags::POLLIN)];
        if poll(&mut ready, PollTimeout::ZERO) == Ok(0) {
            return Vec::new();
        }
    }
    let mut answers = Vec::new();
    let mut reader = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        // That what was sent in vain has not been read is an end, too.
        let read = reader.read_until(b'\n', &mut line);
        if line.is_empty() {
            let late = read.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
            assert!(!late, "no answer in {PATIENCE:?}");
            break;
        }
        answers.push(match Answer::decode(&line) {
            Ok(Answer::Error { code, text }) => {
                let text: String = text.split(" at line ").next().unwrap_or_default().into();
                format!("{code} {}", text.split('`').step_by(2).collect::<String>())
            }
            Ok(answer) => format!("{:?}", discriminant(&answer)),
            Err(e) => panic!("{:?}: {}", fault(e), String::from_utf8_lossy(&line)),
        });
    }
    answers.dedup();
    answers
}
