//! Docker, by its command: one image for all the tests, and containers that go away with the test.

use crate::image::{Image, Scratch};
use crate::skip::skip;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::{Duration, Instant};

/// How long to wait for anything: other tests may be busy meanwhile.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Whether an engine answers. Where none does, the test is skipped.
pub fn answers() -> bool {
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
pub fn docker<S: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = S>) -> String {
    let mut command = Command::new("docker");
    let output = command.args(words).stdin(Stdio::null()).output().expect("docker starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The image in the engine; it is removed with the last container of it.
pub struct Loaded {
    tag: String,
}

impl Loaded {
    /// The image, imported if no other test has it.
    pub fn get() -> Arc<Self> {
        static LOADED: Mutex<Weak<Loaded>> = Mutex::new(Weak::new());
        let mut shared = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let loaded = Arc::new(Self::import(&crate::image()));
            *shared = Arc::downgrade(&loaded);
            loaded
        })
    }

    fn import(image: &Image) -> Self {
        let tag = unique("image");
        // An archive with a file of each layer is one that the engine does not take.
        let whole = Scratch::new("docker");
        let mut copy = Command::new("cp");
        copy.arg("--archive").args(image.layers().iter().map(|layer| layer.join(".")));
        assert!(copy.arg(whole.path()).status().is_ok_and(|s| s.success()), "{copy:?}");
        let mut tar = Command::new("tar");
        tar.args(["--create", "--owner=0", "--group=0", "--numeric-owner", "--directory"]);
        let tar = tar.arg(whole.path()).arg(".").stdout(Stdio::piped()).spawn();
        let mut tar = tar.expect("tar starts");
        let mut import = Command::new("docker");
        import.args(["import", "--change", "ENTRYPOINT [\"/init\"]", "-", &tag]);
        let bytes = tar.stdout.take().expect("a pipe from tar");
        let output = import.stdin(bytes).output().expect("docker starts");
        // It holds the pipe, too: a tar that nobody reads would wait for ever.
        drop(import);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(tar.wait().expect("our own child").success(), "tar failed");
        assert!(output.status.success(), "docker import: {said}");
        Self { tag }
    }
}

impl Drop for Loaded {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "--force", &self.tag]).output();
    }
}

/// A container that was started; it is removed when it is dropped.
pub struct Container {
    /// Its name.
    pub name: String,
    _image: Arc<Loaded>,
}

impl Container {
    /// `docker run --detach OPTIONS IMAGE CMD`.
    pub fn run(options: &[&str], cmd: &[&str]) -> Self {
        let container = Self::named();
        docker(container.command(&["--detach"], options, cmd));
        container
    }

    /// A name for one that is yet to be started.
    pub fn named() -> Self {
        Self { name: unique("container"), _image: Loaded::get() }
    }

    /// The words of `docker run` for it. Without a network it starts in half of the time.
    pub fn command<'a>(
        &'a self,
        how: &[&'a str],
        options: &[&'a str],
        cmd: &[&'a str],
    ) -> Vec<&'a str> {
        let mut words = vec!["run", "--network=none", "--name", &self.name];
        words.extend(how.iter().chain(options));
        words.push(&self._image.tag);
        words.extend(cmd);
        words
    }

    /// What it has written, both streams.
    pub fn log(&self) -> String {
        let output = Command::new("docker").args(["logs", &self.name]).output();
        let Output { mut stdout, stderr, .. } = output.expect("docker starts");
        stdout.extend(stderr);
        String::from_utf8_lossy(&stdout).into_owned()
    }

    /// Waits until a text is in the log so many times.
    pub fn wait_for(&self, text: &str, times: usize) {
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
    pub fn exec(&self, words: &[&str]) -> Output {
        let mut exec = Command::new("docker");
        exec.args(["exec", &self.name]).args(words).stdin(Stdio::null());
        exec.output().expect("docker starts")
    }

    /// `docker stop`: the exit code, and how long it took.
    pub fn stop(&self) -> (i32, Duration) {
        let begun = Instant::now();
        docker(["stop", "--time", "50", &self.name]);
        (self.exit_code(), begun.elapsed())
    }

    /// Waits for its end; the exit code.
    pub fn exit_code(&self) -> i32 {
        docker(["wait", &self.name]).parse().expect("an exit code")
    }

    /// Stops it; its exit code must be this, and the services must have been stopped in order.
    pub fn ends_in_order(&self, code: i32) {
        let (ended, _) = self.stop();
        let log = self.log();
        assert_eq!(ended, code, "{log}");
        assert!(log.contains("web stops"), "{log}");
        assert!(log.contains("service web successfully stopped"), "{log}");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", &self.name]).output();
    }
}

fn unique(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("sixtree-test-{what}-{}-{number}", std::process::id())
}
