//! s6-log in bulk: every byte arrives once, whatever happens, and as fast as under Debian's.
//!
//! `SIXTREE_LOG_MB` is how much is logged; if it is set, ours must not take longer than Debian's.
#![allow(clippy::disallowed_methods, reason = "tests start programs as anyone would")]

#[path = "interoperation/debian.rs"]
mod debian;
mod environment;
mod skip;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The bytes of a line.
const LINE: usize = 100;
/// The bytes that `T` puts before a line.
const DATE: usize = 31;
/// How often each logger is timed, if that is asked for.
const RUNS: usize = 3;

/// Runs one test at a time: the processor time of other loggers must not be counted.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder that is removed when it is dropped.
struct Folder(TempDir);

impl Folder {
    /// In memory, where there is room: the disk is not what is tested. In a container there may
    /// be 64 MB.
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let free = nix::sys::statvfs::statvfs(memory);
        let has_room = free.is_ok_and(|f| f.blocks_available() * f.fragment_size() > 1 << 30);
        let disk = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let parent = if has_room { memory.into() } else { disk };
        Self(tempfile::tempdir_in(parent).unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn ours() -> Command {
    let mut logger = match std::env::var_os("SIXTREE_ROOT") {
        Some(root) => Command::new(Path::new(&root).join("command/s6-log")),
        None => Command::new(env!("CARGO_BIN_EXE_sixtree")),
    };
    logger.arg0("s6-log");
    logger
}

/// Debian's, where it can be had.
fn theirs() -> Option<Command> {
    let debian = debian::original()?;
    let mut logger = Command::new(debian.0.join("usr/bin/s6-log"));
    logger.env("LD_LIBRARY_PATH", debian.libraries());
    Some(logger)
}

/// Line number `i`: no two are the same.
fn line(i: usize) -> String {
    format!("{i:>12} {:<width$}\n", "a line, as a server writes them", width = LINE - 14)
}

/// Writes so many lines to a file.
fn make_input(file: &Path, lines: usize) {
    let mut out = BufWriter::new(File::create(file).unwrap());
    (0..lines).for_each(|i| out.write_all(line(i).as_bytes()).unwrap());
    out.flush().unwrap();
}

/// Everything that a logging directory holds, oldest first.
fn logged(folder: &Path) -> impl BufRead {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files
        .retain(|file| matches!(file.extension().map(|e| e.as_encoded_bytes()), Some(b"s" | b"u")));
    files.sort();
    files.push(folder.join("current"));
    let empty: Box<dyn Read> = Box::new(std::io::empty());
    let all = files.iter().fold(empty, |all, file| Box::new(all.chain(File::open(file).unwrap())));
    BufReader::with_capacity(1 << 20, all)
}

/// Checks that a directory holds the lines of `make_input`, each once, in order, and no other byte;
/// `before` is how many bytes precede each.
fn check(folder: &Path, lines: usize, before: usize) {
    let mut logged = logged(folder);
    let mut found = Vec::new();
    for i in 0..lines {
        found.clear();
        logged.read_until(b'\n', &mut found).unwrap();
        let text = found.get(before..).map(String::from_utf8_lossy);
        assert_eq!(text.as_deref(), Some(line(i).as_str()), "line {i} of {lines}");
    }
    assert_eq!(logged.read_until(b'\n', &mut found).unwrap(), 0, "something follows");
}

/// Logs a file, in MB a second of a processor: whatever else runs here matters less then.
fn rate(logger: &mut Command, input: &Path, logs: &Path) -> f64 {
    let _ = fs::remove_dir_all(logs);
    logger.args(["n10000", "s1000000", "T"]).arg(logs).stdin(File::open(input).unwrap());
    let spent = || {
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
        let times = [usage.user_time(), usage.system_time()];
        times.iter().map(|time| time.num_microseconds() as f64).sum::<f64>()
    };
    let before = spent();
    assert!(logger.status().unwrap().success());
    fs::metadata(input).unwrap().len() as f64 / (spent() - before)
}

#[test]
fn no_byte_is_lost_in_rotations() {
    let _alone = alone();
    let asked = environment::number("SIXTREE_LOG_MB", 0) as usize;
    let (megabytes, runs) = if asked > 0 { (asked, RUNS) } else { (64, 1) };
    let lines = megabytes * 1_000_000 / LINE;
    let folder = Folder::new();
    let (input, logs) = (folder.path("input"), folder.path("logs"));
    make_input(&input, lines);
    let mut best = [0.0_f64; 2];
    for _ in 0..runs {
        best[0] = best[0].max(rate(&mut ours(), &input, &logs));
        check(&logs, lines, DATE);
        if let Some(mut logger) = theirs() {
            best[1] = best[1].max(rate(&mut logger, &input, &logs));
        }
    }
    let [our_rate, their_rate] = best;
    eprintln!(
        "s6-log T, {} MB of {lines} lines: {our_rate:.0} MB a CPU second",
        lines * LINE / 1_000_000
    );
    if their_rate > 0.0 {
        let ratio = our_rate / their_rate;
        eprintln!("Debian's: {their_rate:.0} MB a CPU second; ratio {ratio:.2}");
        assert!(asked == 0 || cfg!(debug_assertions) || ratio >= 1.0, "slower than Debian's");
    }
}

/// While a processor is at work, what comes goes to the next file. What had filled the last one is
/// not written again, as it is by the original.
#[test]
fn a_processor_gets_every_line_once() {
    let _alone = alone();
    let folder = Folder::new();
    let (input, logs) = (folder.path("input"), folder.path("logs"));
    make_input(&input, 4000);
    let mut logger = ours();
    logger.args(["n10000", "s5000", "l500", "?cat; cat <&4 >&5; echo run >&5"]).arg(&logs);
    assert!(logger.stdin(File::open(&input).unwrap()).status().unwrap().success());
    check(&logs, 4000, 0);
    let archives = fs::read_dir(&logs).unwrap().flatten();
    let archives = archives.filter(|e| e.path().extension().is_some_and(|e| e == "s")).count();
    assert!(archives > 40, "{archives}");
    assert_eq!(fs::read_to_string(logs.join("state")).unwrap(), "run\n".repeat(archives));
}

/// None of what was read at once waits in memory while the file that it fills is rotated, as with
/// the original: a kill would take it along.
#[test]
fn what_is_read_at_once_is_written_at_once() {
    let _alone = alone();
    let folder = Folder::new();
    let (input, logs) = (folder.path("input"), folder.path("logs"));
    make_input(&input, 80);
    for mut logger in [Some(ours()), theirs()].into_iter().flatten() {
        let _ = fs::remove_dir_all(&logs);
        logger.arg("s4096").arg(&logs).stdin(File::open(&input).unwrap());
        assert!(logger.status().unwrap().success());
        let sizes = fs::read_dir(&logs).unwrap().map(|e| e.unwrap().metadata().unwrap().len());
        assert_eq!(sizes.filter(|&size| size > 0).collect::<Vec<_>>(), [80 * LINE as u64]);
        check(&logs, 80, 0);
    }
}

/// A killed logger leaves what it has written, and its successor goes on.
#[test]
fn a_killed_logger_loses_nothing_that_it_has_written() {
    let _alone = alone();
    let folder = Folder::new();
    let logs = folder.path("logs");
    let mut next = 0;
    for _ in 0..20 {
        let mut logger = ours();
        let mut child =
            logger.args(["n10000", "s4096"]).arg(&logs).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        for _ in 0..77 {
            stdin.write_all(line(next).as_bytes()).unwrap();
            next += 1;
        }
        let last = line(next - 1);
        until(|| {
            let mut files = fs::read_dir(&logs).into_iter().flatten().flatten();
            files
                .any(|file| fs::read(file.path()).is_ok_and(|text| text.ends_with(last.as_bytes())))
        });
        child.kill().unwrap();
        child.wait().unwrap();
    }
    check(&logs, next, 0);
}

/// A logger that gets a TERM ends after the line, or where that is cut if it is too long.
#[test]
fn the_last_line_is_the_last() {
    let _alone = alone();
    let folder = Folder::new();
    let logs = folder.path("logs");
    for (rest, logged, left) in [
        (&b"ial\nleft\n"[..], "first\npartial\n", &b"left\n"[..]),
        (&[b'x'; 50], &format!("first\npart{}\n", "x".repeat(44)), &[b'x'; 6]),
    ] {
        let _ = fs::remove_dir_all(&logs);
        let (mut read, mut write) = std::io::pipe().unwrap();
        let mut logger = ours();
        logger.args(["-t", "0", "-l", "48"]).arg(&logs).stdin(read.try_clone().unwrap());
        let mut child = logger.stderr(Stdio::null()).spawn().unwrap();
        drop(logger);
        write.write_all(b"first\npart").unwrap();
        until(|| fs::read(logs.join("current")).is_ok_and(|text| text == b"first\n"));
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        until(|| !is_pending(child.id(), Signal::SIGTERM));
        write.write_all(rest).unwrap();
        drop(write);
        assert!(child.wait().unwrap().success());
        assert_eq!(fs::read_to_string(logs.join("current")).unwrap(), logged);
        let mut unread = Vec::new();
        read.read_to_end(&mut unread).unwrap();
        assert_eq!(unread, left);
    }
}

/// What was in the pipe when a TERM came is logged, though the pipe goes on.
#[test]
fn what_had_come_before_a_term_is_logged() {
    let _alone = alone();
    let folder = Folder::new();
    let logs = folder.path("logs");
    let (read, mut write) = std::io::pipe().unwrap();
    let mut logger = ours();
    logger.arg(&logs).stdin(read);
    let mut child = logger.spawn().unwrap();
    drop(logger);
    let pid = Pid::from_raw(child.id() as i32);
    write.write_all(b"first\n").unwrap();
    until(|| fs::read(logs.join("current")).is_ok_and(|text| text == b"first\n"));
    kill(pid, Signal::SIGSTOP).unwrap();
    let lines: String = (0..1000).map(|number| format!("line {number}\n")).collect();
    write.write_all(lines.as_bytes()).unwrap();
    kill(pid, Signal::SIGTERM).unwrap();
    kill(pid, Signal::SIGCONT).unwrap();
    assert!(child.wait().unwrap().success());
    let logged = fs::read_to_string(logs.join("current")).unwrap();
    assert_eq!(logged, format!("first\n{lines}"));
    drop(write);
}

/// When the disk is full, lines wait, and are all there when it is not any more.
#[test]
fn a_full_disk_loses_nothing() {
    let _alone = alone();
    let folder = Folder::new();
    if !may_mount() {
        return;
    }
    // The disk has room for about half of the lines, until the file `ballast` is removed.
    let script = r#"
        mount -t tmpfs -o size=512k none disk && head -c 262144 /dev/zero > disk/ballast
        "$0" n10000 s65536 r50 ./disk/logs < input 2> said & logger=$!
        until [ -s said ]; do sleep 0.01; done
        rm disk/ballast; wait $logger || exit 3; cp -r disk/logs logs"#;
    fs::create_dir(folder.path("disk")).unwrap();
    make_input(&folder.path("input"), 3500);
    let logger = folder.path("s6-log");
    std::os::unix::fs::symlink(ours().get_program(), &logger).unwrap();
    let mut namespace = namespace();
    namespace.args(["timeout", "60", "sh", "-c", script]).arg(&logger);
    let ended = namespace.current_dir(folder.0.path()).status().unwrap();
    let said = fs::read_to_string(folder.path("said")).unwrap_or_default();
    assert!(ended.success(), "{ended}: {said}");
    assert!(said.contains("No space left on device"), "{said}");
    assert_eq!(said.lines().count(), 1, "it is said once: {said}");
    check(&folder.path("logs"), 3500, 0);
}

/// Whether a process has a signal before it that it has not heard yet.
fn is_pending(pid: u32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:\t")).unwrap();
    u64::from_str_radix(pending, 16).unwrap() & 1 << (signal as u32 - 1) != 0
}

/// `unshare`, for a namespace to mount in.
fn namespace() -> Command {
    let mut namespace = Command::new("unshare");
    if !nix::unistd::geteuid().is_root() {
        namespace.arg("-r");
    }
    namespace.arg("-m");
    namespace
}

/// Whether that is possible here. Where it is not, the test is skipped.
fn may_mount() -> bool {
    let tried = namespace().arg("true").output().expect("unshare starts (make deps)");
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    if !tried.status.success() {
        skip::skip(&said);
    }
    tried.status.success()
}

/// Waits for something that must come.
fn until(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(2));
    }
}
