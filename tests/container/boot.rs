//! One container: an image that `sixtree run` boots. Everything waits for an event, until a
//! deadline that is there only to end a test that hangs.

use crate::image::{Image, Scratch};
use crate::skip::skip;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use sixtree::format::status::Status;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Whether containers can be booted here. Where they cannot, the test is skipped.
pub(crate) fn is_possible() -> bool {
    static REASON: LazyLock<Option<String>> = LazyLock::new(|| {
        let mut probe = Command::new(env!("CARGO_BIN_EXE_sixtree"));
        let image = Image::busybox();
        probe.args(["run", "--entrypoint", "/bin/true"]).arg(&image.layers()[0]);
        let output = probe.output().expect("sixtree starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (!output.status.success()).then_some(said)
    });
    REASON.as_deref().map(skip).is_none()
}

/// How to boot an image.
#[derive(Clone)]
pub(crate) struct Boot {
    /// The container's environment.
    pub env: Vec<(String, String)>,
    /// Its CMD.
    pub cmd: Vec<String>,
    /// Further options of `sixtree run`.
    pub options: Vec<String>,
    /// Whether /init is PID 1, or another process is, as under `docker run --init`.
    pub is_pid_1: bool,
    /// The container's user, `UID:GID`, where it is not root.
    pub user: Option<String>,
    /// What a shell does in the container before /init begins, as root.
    pub setup: Vec<String>,
    /// How long to wait for anything.
    pub patience: Duration,
    /// The kernel that there is inside, if it is another one (see `kernels`).
    pub kernel: Option<&'static str>,
    /// The soft and hard limits of open files, `SOFT:HARD`, where they are not those of the test.
    pub nofile: Option<String>,
}

impl Default for Boot {
    fn default() -> Self {
        let env = [("PATH", "/usr/bin:/bin"), ("S6_VERBOSITY", "2"), ("S6_KILL_GRACETIME", "100")];
        Self {
            env: env.map(|(k, v)| (k.to_string(), v.to_string())).to_vec(),
            cmd: Vec::new(),
            options: Vec::new(),
            is_pid_1: true,
            user: None,
            setup: Vec::new(),
            patience: Duration::from_secs(60),
            kernel: None,
            nofile: None,
        }
    }
}

/// A PID 1 that is not INIT: it passes TERM on and reports how INIT ended.
const OTHER_PID_1: &str = "set +e; trap 'kill -TERM $child' TERM; INIT & child=$!; \
    wait $child; code=$?; \
    while kill -0 $child 2>/dev/null; do wait $child; code=$?; done; exit $code";

/// What makes a program see another kernel, if anything does.
fn on_kernel(kernel: Option<&'static str>) -> impl Iterator<Item = &'static str> {
    kernel.into_iter().flat_map(|kernel| ["/bin/refuse", kernel])
}

impl Boot {
    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.env.retain(|(k, _)| k != name);
        self.env.push((name.to_string(), value.to_string()));
    }

    /// Boots.
    pub(crate) fn start(self, image: &Image) -> Container {
        let work = Scratch::new("container");
        let path = |name: &str| work.path().join(name);
        let file = |name: &str| File::create(path(name)).expect("a file for what it writes");
        fs::create_dir(path("kept")).expect("a folder for what it changes");
        let mut run = Command::new("prlimit");
        run.args(self.nofile.as_ref().map(|limits| format!("--nofile={limits}")));
        run.arg(env!("CARGO_BIN_EXE_sixtree"));
        run.arg("run").arg("--keep").arg(path("kept")).args(&self.options);
        for (name, value) in &self.env {
            run.arg("--env").arg(format!("{name}={value}"));
        }
        let script = self.script();
        let is_plain = self.is_pid_1 && self.setup.is_empty();
        let pid_1: &[&str] = match is_plain {
            true => &["/init"],
            false => &["/bin/sh", "-ec", &script, "sh"],
        };
        if let Some(user) = self.user.as_ref().filter(|_| is_plain) {
            run.args(["--user", user]);
        }
        let mut words: Vec<&str> = on_kernel(self.kernel).collect();
        words.extend(pid_1);
        run.args(["--entrypoint", words[0]]).args(image.arguments()).args(&words[1..]);
        let process = run
            .args(&self.cmd)
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .expect("prlimit starts sixtree run: install util-linux");
        Container {
            process,
            work,
            _image: image.clone(),
            patience: self.patience,
            kernel: self.kernel,
            init: Cell::new(None),
            ended: None,
        }
    }

    /// What a shell does in the container until it is the init, or waits for it.
    fn script(&self) -> String {
        let identity = self.user.as_ref().and_then(|user| user.split_once(':'));
        let init = identity.map_or_else(
            || "/init \"$@\"".to_string(),
            |(uid, gid)| format!("/command/s6-applyuidgid -u {uid} -g {gid} -G '' /init \"$@\""),
        );
        let start = match self.is_pid_1 {
            true => format!("exec {init}"),
            false => OTHER_PID_1.replace("INIT", &init),
        };
        self.setup.iter().chain([&start]).map(|line| format!("{line}\n")).collect()
    }
}

/// A container that was started; it is killed when it is dropped.
pub(crate) struct Container {
    process: Child,
    work: Scratch,
    /// Its folders are there as long as it runs.
    _image: Image,
    patience: Duration,
    kernel: Option<&'static str>,
    init: Cell<Option<Pid>>,
    ended: Option<ExitStatus>,
}

impl Container {
    /// Waits until something holds. If the container ends before it does, or the time is up, the
    /// test fails, and shows what the container wrote.
    pub(crate) fn wait_until<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + self.patience;
        loop {
            let over = self.has_ended();
            if let Some(seen) = look(self) {
                return seen;
            }
            let why = match over {
                true => "the container ended",
                false if Instant::now() > deadline => "the time was up",
                false => {
                    std::thread::sleep(Duration::from_millis(5));
                    continue;
                }
            };
            panic!("{why} before: {what}\n{}", self.transcript());
        }
    }

    /// Waits until a file has a text so many times.
    pub(crate) fn wait_for_text(&mut self, file: &str, text: &str, times: usize) {
        self.wait_until(&format!("{text:?} in {file}, {times} times"), |c| {
            (c.text(file).matches(text).count() >= times).then_some(())
        });
    }

    /// Waits until everything that starts at boot has started, which verbosity 2 reports.
    pub(crate) fn wait_for_boot(&mut self) {
        self.wait_for_text("stderr", "legacy-services successfully started", 1);
    }

    /// Stops it, by TERM; it must exit 0.
    pub(crate) fn stops(&mut self) {
        self.signal(Signal::SIGTERM);
        assert_eq!(self.exit_code(), 0, "{}", self.transcript());
    }

    /// Waits for the end; the exit code.
    pub(crate) fn exit_code(&mut self) -> i32 {
        let deadline = Instant::now() + self.patience;
        while !self.has_ended() {
            assert!(Instant::now() < deadline, "it does not end\n{}", self.transcript());
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = self.ended.expect("it has ended");
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.process.try_wait().expect("our own child");
        }
        self.ended.is_some()
    }

    /// Sends a signal to PID 1.
    pub(crate) fn signal(&mut self, signal: Signal) {
        let init = self.init();
        kill(init, signal).expect("PID 1 is there");
    }

    /// Runs a program inside, as `docker exec` does.
    pub(crate) fn exec(
        &mut self,
        words: &[impl AsRef<std::ffi::OsStr>],
        uid: Option<&str>,
    ) -> Output {
        let mut enter = self.enter(words, uid);
        enter.stdin(Stdio::null()).output().expect("nsenter: install util-linux")
    }

    /// The command that does.
    pub(crate) fn enter(
        &mut self,
        words: &[impl AsRef<std::ffi::OsStr>],
        uid: Option<&str>,
    ) -> Command {
        let mut enter = Command::new("nsenter");
        enter.arg(format!("--target={}", self.init()));
        enter.args(["--pid", "--mount", "--uts", "--ipc", "--root", "--wd"]);
        if let Some(uid) = uid {
            enter.args([format!("--setuid={uid}"), format!("--setgid={uid}")]);
        }
        enter.args(on_kernel(self.kernel));
        enter.args(["env", "-i", "PATH=/command:/usr/bin:/bin"]).args(words);
        enter
    }

    /// A file's text; empty if there is none. `stdout` and `stderr` are what it has written.
    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.bytes(path)).into_owned()
    }

    /// The same, as it is.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let read = match path {
            "stdout" | "stderr" => File::open(self.work.path().join(path)).ok(),
            "trace" => self.open("/trace"),
            path => self.open(path),
        };
        let mut bytes = Vec::new();
        let _ = read.map(|mut file| file.read_to_end(&mut bytes));
        bytes
    }

    /// The lines that the program `trace` has written.
    pub(crate) fn trace(&self) -> Vec<String> {
        self.text("trace").lines().map(str::to_string).collect()
    }

    /// Whether there is a file or link of this name.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(folder) = self.open_with(folder, OFlag::O_PATH) else { return false };
        nix::sys::stat::fstatat(&folder, name, nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)
            .is_ok_and(|s| s.st_mode & nix::libc::S_IFMT != nix::libc::S_IFCHR || s.st_rdev != 0)
    }

    /// Writes letters to the control FIFO of a service, as s6-svc does.
    pub(crate) fn control(&self, service: &str, letters: &str) {
        let fifo = format!("/run/service/{service}/supervise/control");
        let fifo = self.open_with(&fifo, OFlag::O_WRONLY | OFlag::O_NONBLOCK);
        let written = fifo.map(File::from).map(|mut fifo| fifo.write_all(letters.as_bytes()));
        assert!(written.is_some_and(|w| w.is_ok()), "{service} is not supervised");
    }

    /// The status of a service, as its supervisor has written it.
    pub(crate) fn status(&self, service: &str) -> Option<Status> {
        let mut bytes = Vec::new();
        let file = format!("/run/service/{service}/supervise/status");
        self.open(&file)?.read_to_end(&mut bytes).ok()?;
        Status::decode(&bytes)
    }

    /// What the container has written: it is shown when a test fails.
    pub(crate) fn transcript(&self) -> String {
        let part = |name| format!("--- {name}\n{}", self.text(name));
        [part("trace"), part("stdout"), part("stderr")].concat()
    }

    /// The pid of the container's PID 1, once it is /init and no longer `sixtree run` itself.
    pub(crate) fn init(&mut self) -> Pid {
        self.wait_until("PID 1 is in its root", |c| c.known_init())
    }

    /// The same, if it is so far.
    fn known_init(&self) -> Option<Pid> {
        if self.init.get().is_none() {
            let parent = self.process.id();
            let children = format!("/proc/{parent}/task/{parent}/children");
            let pid: i32 = fs::read_to_string(children).ok()?.split(' ').next()?.parse().ok()?;
            let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
            let before = [Path::new(env!("CARGO_BIN_EXE_sixtree")), Path::new("/bin/refuse")];
            let is_init = !before.contains(&program.as_path());
            self.init.set(is_init.then_some(Pid::from_raw(pid)));
        }
        self.init.get()
    }

    fn open(&self, path: &str) -> Option<File> {
        self.open_with(path, OFlag::O_RDONLY).map(File::from)
    }

    /// Opens a file of the container as it is seen inside (links stay inside); after the end, as
    /// it was left behind.
    fn open_with(&self, path: &str, flags: OFlag) -> Option<std::os::fd::OwnedFd> {
        let running = self.known_init().filter(|_| self.ended.is_none());
        let inside = running.map(|pid| PathBuf::from(format!("/proc/{pid}/root")));
        let kept = self.work.path().join("kept/upper");
        inside.into_iter().chain([kept]).find_map(|root| {
            let root = open(&root, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()).ok()?;
            let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
            openat2(&root, if path.is_empty() { "." } else { path }, how).ok()
        })
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
