//! A container without an engine: namespaces, a root on the disk, a /run in memory or on a disk,
//! and a pipe in which its programs put their stamps.

use crate::programs::Bench;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Mounts what a container has, and becomes `begin`, which takes the time and goes on. A traced one
/// waits until its tracer has come.
const ENTER: &str = r#"root=$1 tree=$2 run=$3 image=$4 host=$5 traced=$6; shift 6
disk=$root/disk
on_disk() { mount -o loop "$image" "$disk" && rm -rf "$disk/run" && mkdir "$disk/run"; }
case $run in
    memory) mount -t tmpfs -o mode=0755 run "$root/run" ;;
    ext4) on_disk && mount --bind "$disk/run" "$root/run" ;;
    overlay) on_disk && cd "$disk/run" && mkdir lower upper work &&
        mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work run "$root/run" ;;
esac &&
for folder in $host; do
    mkdir -p "$root$folder" && mount --rbind "$folder" "$root$folder" || exit
done &&
mount --bind "$tree" "$root/etc/s6-overlay" &&
mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" &&
if [ "$traced" ]; then read -r _; fi &&
cd "$root" && exec env -i PATH=/usr/sbin:/usr/bin:/bin chroot "$root" \
  /bench/begin "$@" 2> /dev/null"#;

/// Where a container's /run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunOn {
    /// A tmpfs.
    Memory,
    /// ext4 on a loop device.
    Ext4,
    /// The kernel's overlayfs over that, as a container's writable layer.
    Overlay,
}

impl RunOn {
    /// Its name in the table, and for `ENTER`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Ext4 => "ext4",
            Self::Overlay => "overlay",
        }
    }
}

/// How to start a container.
pub(crate) struct Start<'a> {
    /// Its root.
    pub root: &'a Path,
    /// What is mounted on its /etc/s6-overlay.
    pub tree: &'a Path,
    /// Where its /run is.
    pub run: RunOn,
    /// Folders of this machine that it sees.
    pub host: &'a str,
    /// Whether to wait for a line on stdin before PID 1 is executed.
    pub traced: bool,
}

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// When something happened, by CLOCK_MONOTONIC, in ns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// When.
    pub ns: u64,
    /// What: see the programs.
    pub letter: char,
}

impl Stamp {
    /// Reads one, as the programs write it.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let number = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("8 bytes"));
        Self { ns: number(&bytes[..8]), letter: number(&bytes[8..]) as u8 as char }
    }
}

/// The length of a stamp.
pub(crate) const STAMP_BYTES: usize = 16;

/// A container that runs.
pub(crate) struct Container {
    child: Child,
    stamps: fs::File,
    /// Its PID 1, as seen from here.
    pub init: Pid,
    /// What has been stamped.
    pub seen: Vec<Stamp>,
}

impl Container {
    /// Starts `argv` as PID 1 over a tree.
    pub(crate) fn start(bench: &Bench, tree: &Path, argv: &[&str]) -> Self {
        let run = RunOn::Memory;
        let start = Start { root: &bench.root, tree, run, host: "", traced: false };
        Self::start_as(bench, &start, argv)
    }

    /// The same, as told.
    pub(crate) fn start_as(bench: &Bench, start: &Start, argv: &[&str]) -> Self {
        let mut container = Self::prepare(bench, start, argv);
        container.wait_for(1);
        container.init = container.child_of_unshare();
        container
    }

    /// Starts it under strace, which writes the system calls of PID 1 to a file.
    pub(crate) fn start_traced(
        bench: &Bench,
        start: &Start,
        argv: &[&str],
        trace: &Path,
    ) -> (Self, Child) {
        let mut container = Self::prepare(bench, start, argv);
        let deadline = Instant::now() + PATIENCE;
        while !container.has_child() {
            container.rest(deadline);
        }
        container.init = container.child_of_unshare();
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o"]).arg(trace).arg("-p").arg(container.init.to_string());
        let strace = strace.stderr(Stdio::null()).spawn().expect("strace: make deps");
        let status = format!("/proc/{}/status", container.init);
        while fs::read_to_string(&status).is_ok_and(|text| text.contains("TracerPid:\t0\n")) {
            container.rest(deadline);
        }
        let mut stdin = container.child.stdin.take().expect("a pipe");
        stdin.write_all(b"go\n").expect("it waits for that");
        container.wait_for(1);
        (container, strace)
    }

    fn prepare(bench: &Bench, start: &Start, argv: &[&str]) -> Self {
        let (read, write) = nix::unistd::pipe2(OFlag::O_CLOEXEC).expect("a pipe");
        fcntl(&write, FcntlArg::F_SETPIPE_SZ(1 << 20)).expect("a pipe of a megabyte");
        let mut command = Command::new("unshare");
        if !nix::unistd::geteuid().is_root() {
            command.arg("--map-root-user");
        }
        command.args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER, "sh"]);
        command.arg(start.root).arg(start.tree).arg(start.run.name()).arg(bench.disk());
        command.arg(start.host).arg(if start.traced { "traced" } else { "" }).args(argv);
        let errors = fs::File::create(bench.folder.join("errors")).expect("target/ is writable");
        let stdin = if start.traced { Stdio::piped() } else { Stdio::null() };
        let stdio = command.stdin(stdin).stdout(write).stderr(errors);
        let child = stdio.spawn().expect("unshare: make deps");
        Self { child, stamps: read.into(), init: Pid::from_raw(0), seen: Vec::new() }
    }

    fn children_of_unshare(&self) -> String {
        let pid = self.child.id();
        fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default()
    }

    fn has_child(&self) -> bool {
        !self.children_of_unshare().is_empty()
    }

    fn child_of_unshare(&self) -> Pid {
        let children = self.children_of_unshare();
        let first = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
        Pid::from_raw(first.expect("unshare has a child"))
    }

    /// Waits until so many stamps are there.
    pub(crate) fn wait_for(&mut self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        while self.seen.len() + self.available() < count {
            self.rest(deadline);
        }
        self.take();
    }

    /// Waits for the stamp of a CMD that has done its work.
    pub(crate) fn wait_for_cmd(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.seen.iter().any(|stamp| stamp.letter == 'c') {
            self.rest(deadline);
            self.take();
        }
    }

    fn rest(&mut self, deadline: Instant) {
        assert!(Instant::now() < deadline, "{} stamps", self.seen.len() + self.available());
        if let Ok(Some(status)) = self.child.try_wait() {
            panic!("the container ended early, see target/bench/errors: {status}");
        }
        std::thread::sleep(Duration::from_millis(1));
    }

    fn take(&mut self) {
        let mut bytes = vec![0; self.available() * STAMP_BYTES];
        self.stamps.read_exact(&mut bytes).expect("stamps");
        self.seen.extend(bytes.chunks_exact(STAMP_BYTES).map(Stamp::read));
    }

    /// How many stamps can be read.
    fn available(&self) -> usize {
        let mut bytes: libc::c_int = 0;
        // SAFETY: the descriptor is open, and `bytes` outlives the call.
        let asked = unsafe { libc::ioctl(self.stamps.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
        assert_eq!(asked, 0, "FIONREAD");
        bytes as usize / STAMP_BYTES
    }

    /// From the exec of PID 1 to the last stamp, in ms.
    pub(crate) fn boot_ms(&self) -> f64 {
        let last = self.seen.iter().map(|stamp| stamp.ns).max().unwrap_or(0);
        ms(self.begun(), last)
    }

    /// When PID 1 was executed.
    pub(crate) fn begun(&self) -> u64 {
        self.seen.iter().find(|stamp| stamp.letter == '0').map_or(0, |stamp| stamp.ns)
    }

    /// The time that PID 1 has had on a processor, in ms.
    pub(crate) fn cpu_ms(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/schedstat", self.init));
        let ns = text.ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
        ns.unwrap_or(f64::NAN) / 1e6
    }

    /// Sends a TERM; how long it takes until PID 1 has ended, in ms.
    pub(crate) fn stop(mut self) -> f64 {
        let end = pidfd(self.init);
        let begin = now();
        kill(self.init, Signal::SIGTERM).expect("it runs");
        wait_readable(&end);
        let took = ms(begin, now());
        let _ = self.child.wait();
        took
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = kill(self.init, Signal::SIGKILL);
            let _ = self.child.wait();
        }
    }
}

fn pidfd(pid: Pid) -> OwnedFd {
    use std::os::fd::FromRawFd;
    // SAFETY: numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    assert!(fd >= 0, "pidfd_open");
    // SAFETY: just opened, and nobody else's.
    unsafe { OwnedFd::from_raw_fd(fd as i32) }
}

fn wait_readable(fd: &OwnedFd) {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let mut wanted = [PollFd::new(fd.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(PATIENCE).expect("a minute");
    assert_eq!(poll(&mut wanted, timeout), Ok(1), "it does not end");
}

/// CLOCK_MONOTONIC, in ns.
pub(crate) fn now() -> u64 {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("a clock");
    now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
}

/// From one moment to another, in ms.
pub(crate) fn ms(from: u64, to: u64) -> f64 {
    (to as f64 - from as f64) / 1e6
}
