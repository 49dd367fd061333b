//! Engines, by their commands: one image for all the tests, and containers that go away with the
//! test.

use crate::image::{Image, Scratch};
use crate::podman;
use crate::skip::skip;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::{Duration, Instant};

/// What runs containers. All take the words that `docker` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Engine {
    Docker,
    Podman,
    /// Podman of an ordinary user.
    RootlessPodman,
}

impl Engine {
    /// Its command, without any words yet.
    pub(crate) fn command(self) -> Command {
        match self {
            Self::Docker => Command::new("docker"),
            Self::Podman => podman::command(),
            Self::RootlessPodman => podman::rootless_command(),
        }
    }

    /// Runs it with these words; what it prints. It must succeed.
    pub(crate) fn call<S: AsRef<OsStr>>(self, words: impl IntoIterator<Item = S>) -> String {
        let mut command = self.command();
        let output = command.args(words).stdin(Stdio::null()).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// How long to wait for anything: other tests may be busy meanwhile.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Whether an engine answers. Where none does, the test is skipped.
pub(crate) fn answers() -> bool {
    static REASON: LazyLock<Option<String>> = LazyLock::new(|| {
        let asked = Command::new("docker").args(["version", "--format", "{{.Server.Os}}"]).output();
        match asked {
            Ok(output) if output.status.success() => None,
            Ok(output) => Some(format!("no Docker: {}", String::from_utf8_lossy(&output.stderr))),
            Err(e) => Some(format!("no Docker: {e}")),
        }
    });
    REASON.as_deref().map(skip).is_none()
}

/// Runs `docker` with these words; what it prints. It must succeed.
pub(crate) fn docker<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> String {
    Engine::Docker.call(words)
}

/// The image in an engine; it is removed with the last container of it.
pub(crate) struct Loaded {
    engine: Engine,
    tag: String,
}

impl Loaded {
    /// The image, imported if no other test has it.
    pub(crate) fn get(engine: Engine) -> Arc<Self> {
        static LOADED: Mutex<BTreeMap<Engine, Weak<Loaded>>> = Mutex::new(BTreeMap::new());
        let mut shared = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.get(&engine).and_then(Weak::upgrade).unwrap_or_else(|| {
            let loaded = Arc::new(Self::import(engine, &crate::image()));
            shared.insert(engine, Arc::downgrade(&loaded));
            loaded
        })
    }

    fn import(engine: Engine, image: &Image) -> Self {
        let tag = unique("image");
        // An archive with a file of each layer is one that the engine does not take.
        let whole = one_folder(image);
        let mut tar = Command::new("tar");
        tar.args(["--create", "--owner=0", "--group=0", "--numeric-owner", "--directory"]);
        let tar = tar.arg(whole.path()).arg(".").stdout(Stdio::piped()).spawn();
        let mut tar = tar.expect("tar starts");
        let mut import = engine.command();
        import.args(["import", "--change", "ENTRYPOINT [\"/init\"]", "-", &tag]);
        let bytes = tar.stdout.take().expect("a pipe from tar");
        let output = import.stdin(bytes).output().expect("the engine starts");
        // It holds the pipe, too: a tar that nobody reads would wait for ever.
        drop(import);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(tar.wait().expect("our own child").success(), "tar failed");
        assert!(output.status.success(), "{engine:?} import: {said}");
        Self { engine, tag }
    }

    /// Runs a program of the image's, but /init, to its end.
    pub(crate) fn runs(&self, program: &str) -> Output {
        let mut run = self.engine.command();
        run.args(["run", "--rm", "--network=none", "--entrypoint", program, &self.tag]);
        run.stdin(Stdio::null()).output().expect("the engine starts")
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = self.engine.command().args(["rmi", "--force", &self.tag]).output();
        match self.engine {
            Engine::Docker => (),
            Engine::Podman | Engine::RootlessPodman => podman::remove_all(self.engine),
        }
    }
}

/// The image's layers, in a folder of their own.
pub(crate) fn one_folder(image: &Image) -> Scratch {
    let whole = Scratch::new("whole");
    let mut copy = Command::new("cp");
    copy.arg("--archive").args(image.layers().iter().map(|layer| layer.join(".")));
    assert!(copy.arg(whole.path()).status().is_ok_and(|s| s.success()), "{copy:?}");
    whole
}

/// A container that was started; it is removed when it is dropped.
pub(crate) struct Container {
    /// Its name.
    pub name: String,
    image: Arc<Loaded>,
}

impl Container {
    /// `docker run --detach OPTIONS IMAGE CMD`.
    pub(crate) fn run(options: &[&str], cmd: &[&str]) -> Self {
        Self::run_by(Engine::Docker, options, cmd)
    }

    /// The same by another engine.
    pub(crate) fn run_by(engine: Engine, options: &[&str], cmd: &[&str]) -> Self {
        let container = Self { name: unique("container"), image: Loaded::get(engine) };
        engine.call(container.command(&["--detach"], options, cmd));
        container
    }

    /// A name for one that is yet to be started.
    pub(crate) fn named() -> Self {
        Self { name: unique("container"), image: Loaded::get(Engine::Docker) }
    }

    /// The words of `docker run` for it. Without a network it starts in half of the time.
    pub(crate) fn command<'a>(
        &'a self,
        how: &[&'a str],
        options: &[&'a str],
        cmd: &[&'a str],
    ) -> Vec<&'a str> {
        let mut words = vec!["run", "--network=none", "--name", &self.name];
        words.extend(how.iter().chain(options));
        words.push(&self.image.tag);
        words.extend(cmd);
        words
    }

    /// What it has written, both streams.
    pub(crate) fn log(&self) -> String {
        let output = self.engine().command().args(["logs", &self.name]).output();
        let Output { mut stdout, stderr, .. } = output.expect("the engine starts");
        stdout.extend(stderr);
        String::from_utf8_lossy(&stdout).into_owned()
    }

    /// Waits until a text is in the log so many times.
    pub(crate) fn wait_for(&self, text: &str, times: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.log();
            if log.matches(text).count() >= times {
                return;
            }
            assert!(Instant::now() < deadline, "no {text:?} ({times} times) in:\n{log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Runs a program inside, as root or whoever its user is.
    pub(crate) fn exec(&self, words: &[&str]) -> Output {
        let mut exec = self.engine().command();
        exec.args(["exec", &self.name]).args(words).stdin(Stdio::null());
        exec.output().expect("the engine starts")
    }

    /// `docker stop`: the exit code, and how long it took.
    pub(crate) fn stop(&self) -> (i32, Duration) {
        let begun = Instant::now();
        self.engine().call(["stop", "--time", "50", &self.name]);
        (self.exit_code(), begun.elapsed())
    }

    /// Waits for its end; the exit code.
    pub(crate) fn exit_code(&self) -> i32 {
        self.engine().call(["wait", &self.name]).parse().expect("an exit code")
    }

    fn engine(&self) -> Engine {
        self.image.engine
    }

    /// Stops it; its exit code must be this, and the services must have been stopped in order.
    pub(crate) fn ends_in_order(&self, code: i32) {
        let (ended, _) = self.stop();
        let log = self.log();
        assert_eq!(ended, code, "{log}");
        assert!(log.contains("web stops"), "{log}");
        assert!(log.contains("service web successfully stopped"), "{log}");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.engine().command().args(["rm", "--force", &self.name]).output();
    }
}

fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("sixtree-test-{what}-{}-{number}", std::process::id())
}
