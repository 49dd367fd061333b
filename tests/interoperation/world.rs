//! A folder with services, a supervisor of one side, and tools of the other.

use crate::debian::{self, Debian};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Whose programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Theirs,
}

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    /// Where the services are.
    pub dir: PathBuf,
    _directory: TempDir,
    /// Whose supervisors.
    pub supervisor: Side,
    /// Whose tools.
    pub tools: Side,
    debian: Option<&'static Debian>,
    started: RefCell<Vec<Child>>,
}

/// How a tool ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub code: Option<i32>,
    /// What it printed, without the last newline.
    pub stdout: String,
}

impl World {
    /// `None` where Debian's s6 cannot be had.
    pub(crate) fn new(name: &str, supervisor: Side, tools: Side) -> Option<Self> {
        let debian = Some(debian::original()?);
        let mut world = Self::make(name, supervisor, tools);
        world.debian = debian;
        Some(world)
    }

    /// A world that does not know Debian's s6.
    pub(crate) fn ours(name: &str) -> Self {
        Self::make(name, Side::Ours, Side::Ours)
    }

    fn make(name: &str, supervisor: Side, tools: Side) -> Self {
        let directory = tempfile::Builder::new().prefix(name).tempdir().unwrap();
        let dir = directory.path().to_owned();
        fs::create_dir(dir.join("bin")).unwrap();
        for tool in sixtree::tools::FAMILIES.iter().flat_map(|(_, tools)| *tools) {
            let link = dir.join("bin").join(tool.name);
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_sixtree"), link).unwrap();
        }
        Self {
            dir,
            _directory: directory,
            supervisor,
            tools,
            debian: None,
            started: RefCell::default(),
        }
    }

    /// A program of a side, in the world's folder, with that side's programs in its PATH.
    pub(crate) fn command(&self, side: Side, words: &[&str]) -> Command {
        let mut command = match side {
            Side::Theirs => self.debian.unwrap().command(words[0]),
            Side::Ours => {
                let mut command = Command::new(env!("CARGO_BIN_EXE_sixtree"));
                command.arg0(words[0]);
                command
            }
        };
        let path = match side {
            Side::Theirs => "/usr/bin:/bin".into(),
            Side::Ours => format!("{}/bin:/usr/bin:/bin", self.dir.display()),
        };
        command.args(&words[1..]).current_dir(&self.dir).env("PATH", path).stdin(Stdio::null());
        command
    }

    /// Runs a program of a side to its end.
    pub(crate) fn run_of(&self, side: Side, words: &[&str]) -> Ended {
        let mut command = self.command(side, words);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32);
        let words = words.join(" ");
        let (done, is_done) = std::sync::mpsc::channel();
        // A program that takes too long is killed, so that the test fails and does not hang.
        let watchdog = std::thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE).is_err() {
                eprintln!("{words}: not done in {PATIENCE:?}");
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        let output = child.wait_with_output().unwrap();
        let _ = done.send(());
        watchdog.join().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap().trim_end_matches('\n').to_string();
        Ended { code: output.status.code(), stdout }
    }

    /// Runs a tool to its end.
    pub(crate) fn run(&self, words: &[&str]) -> Ended {
        self.run_of(self.tools, words)
    }

    /// Runs a tool that must succeed; what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, words: &[&str]) -> String {
        let ended = self.run(words);
        assert_eq!(ended.code, Some(0), "{words:?} printed {:?}", ended.stdout);
        ended.stdout
    }

    /// Runs a tool that must wait in vain. Theirs may be too late to even begin (111): they wait
    /// for a helper program first.
    #[track_caller]
    pub(crate) fn times_out(&self, words: &[&str]) {
        let code = self.run(words).code;
        let late = self.tools == Side::Theirs && code == Some(111);
        assert!(code == Some(99) || late, "{words:?} exited {code:?}");
    }

    /// Makes a service directory of these files; those that begin with `#!` are executable.
    pub(crate) fn service(&self, name: &str, files: &[(&str, &str)]) {
        for (file, content) in files {
            let path = self.dir.join(name).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            let mode = if content.starts_with("#!") { 0o755 } else { 0o644 };
            fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        }
    }

    /// Starts a supervisor (s6-supervise or s6-svscan), and waits until it listens and has written
    /// its first status.
    pub(crate) fn supervise(&self, program: &str, dir: &str) {
        self.spawn(self.supervisor, &[program, dir]);
        let dir = self.dir.join(dir);
        let [control, written] = match program {
            "s6-svscan" => [".s6-svscan/control", ".s6-svscan/lock"],
            _ => ["supervise/control", "supervise/status"],
        };
        let flags = nix::fcntl::OFlag::O_WRONLY | nix::fcntl::OFlag::O_NONBLOCK;
        self.until(&format!("{program} {dir:?} listens"), || {
            let control = dir.join(control);
            nix::fcntl::open(&control, flags, nix::sys::stat::Mode::empty()).is_ok()
                && dir.join(written).exists()
        });
    }

    /// Starts a program that stays. What it says, and what its services say, goes into a file.
    pub(crate) fn spawn(&self, side: Side, words: &[&str]) {
        let said = File::options().create(true).append(true).open(self.dir.join("said")).unwrap();
        let mut command = self.command(side, words);
        let command = command.stdout(said.try_clone().unwrap()).stderr(said);
        self.started.borrow_mut().push(command.spawn().unwrap());
    }

    /// Waits for something that no tool waits for.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl FnMut() -> bool) {
        assert!(comes(holds), "not in {PATIENCE:?}: {what}");
    }

    /// Waits until a file that services append to has exactly these lines.
    #[track_caller]
    pub(crate) fn until_file_says(&self, file: &str, lines: &[&str]) {
        let read = || fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        let comes = comes(|| read().lines().eq(lines.iter().copied()));
        assert!(comes, "not in {PATIENCE:?}: {file} says {:?}, not {lines:?}", read());
    }

    /// Whether a path exists in the world's folder.
    pub(crate) fn has(&self, path: &str) -> bool {
        Path::new(&self.dir).join(path).exists()
    }

    /// Whether a server accepts connections on a socket: between bind(2) and listen(2) it is there,
    /// and refuses them.
    pub(crate) fn listens(&self, socket: &str) -> bool {
        UnixStream::connect(self.dir.join(socket)).is_ok()
    }

    /// Whether a folder of the world is empty.
    pub(crate) fn is_empty(&self, folder: &str) -> bool {
        fs::read_dir(self.dir.join(folder)).unwrap().next().is_none()
    }

    /// Signals the supervisor that was started last.
    pub(crate) fn signal_supervisor(&self, signal: Signal) {
        kill(self.last_supervisor(), signal).unwrap();
    }

    /// Whether a child of that supervisor has ended, and it has not heard of it.
    pub(crate) fn supervisor_has_a_zombie(&self) -> bool {
        let children = format!("/proc/{0}/task/{0}/children", self.last_supervisor());
        let children = fs::read_to_string(children).unwrap_or_default();
        children.split_whitespace().any(|pid| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
        })
    }

    fn last_supervisor(&self) -> Pid {
        Pid::from_raw(self.started.borrow().last().unwrap().id() as i32)
    }

    /// Waits for the end of the supervisor that was started last; its exit code.
    #[track_caller]
    pub(crate) fn supervisor_ends(&self) -> Option<i32> {
        let mut last = self.started.borrow_mut().pop().unwrap();
        let mut code = None;
        self.until("the supervisor ends", || {
            code = last.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for World {
    /// Stops the supervisors as s6-svscan would, or, if that is too slow, at once.
    fn drop(&mut self) {
        for child in self.started.get_mut() {
            let pid = Pid::from_raw(child.id() as i32);
            let _ = kill(pid, Signal::SIGTERM);
            let deadline = Instant::now() + Duration::from_secs(5);
            while child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < deadline {
                sleep(Duration::from_millis(5));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.dir.join("said")).unwrap_or_default());
        }
        for pid in inhabitants(&self.dir) {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

/// Whether something holds before it has taken too long.
fn comes(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        sleep(Duration::from_millis(5));
    }
    true
}

/// The processes that are in a folder: services that lost their supervisor.
fn inhabitants(dir: &Path) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let inside = processes.filter(|process| {
        fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir))
    });
    inside.filter_map(|p| p.file_name().to_str()?.parse().ok()).map(Pid::from_raw).collect()
}
