//! A PID 1 that has nothing to do releases the memory of its program, and sleeps until something
//! happens.

use crate::boot::{Boot, Container, is_possible};
use crate::image::Image;
use nix::unistd::Pid;
use std::fs;
use std::time::{Duration, Instant};

/// For how long it must not wake up. It is longer than the rest after which it gives back.
const SILENCE: Duration = Duration::from_secs(3);

/// What the kernel knows of PID 1.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// `S (sleeping)` while it waits.
    state: String,
    /// How often it has waited.
    waits: String,
    /// How much code its program has.
    code_kb: u64,
    /// What it has of files in memory, which is its program.
    file_kb: u64,
}

impl Seen {
    /// A boot touches more than a third of the program.
    fn is_small(&self) -> bool {
        self.file_kb < self.code_kb / 3
    }
}

#[test]
fn a_pid_1_with_nothing_to_do_gives_its_memory_back_and_sleeps() {
    if !is_possible() {
        return;
    }
    let cmd = ["sh", "-c", "trace all are up; exec sleep 1000"].map(str::to_string).to_vec();
    let image = Image::busybox();
    let mut container = Boot { cmd, ..Boot::default() }.start(&image);
    container.wait_until("the end of the boot", |c| {
        c.trace().contains(&"all are up".into()).then_some(())
    });
    let rested = rest(&mut container);
    assert!(rested.is_small(), "{rested:?}");
    let answer = container.exec(&["s6-rc", "list"], None);
    assert!(answer.status.success(), "{answer:?}");
    let again = rest(&mut container);
    assert_ne!(again.waits, rested.waits, "an answer needs a wake-up");
    assert!(again.is_small(), "{again:?}");
}

/// Waits until it has slept for so long that nothing wakes it but news.
fn rest(container: &mut Container) -> Seen {
    let init = container.init();
    let mut last = (look(init), Instant::now());
    container.wait_until("PID 1 sleeps, and nothing wakes it", |_| {
        let seen = look(init);
        if seen != last.0 || !seen.state.starts_with('S') {
            last = (seen, Instant::now());
        }
        (last.1.elapsed() >= SILENCE).then(|| last.0.clone())
    })
}

fn look(pid: Pid) -> Seen {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        line.expect("a line of /proc/PID/status").trim()
    };
    let kb = |key| value(key).trim_end_matches(" kB").parse().expect("a number");
    let (state, waits) = (value("State").into(), value("voluntary_ctxt_switches").into());
    Seen { state, waits, code_kb: kb("VmExe"), file_kb: kb("RssFile") }
}
