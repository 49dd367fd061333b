//! `/init` as an ordinary process, for tests: it boots examples/plain below a folder of its own.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A tree that runs, and goes away with the test.
pub(crate) struct Plain {
    pub place: TempDir,
    pub init: Child,
}

impl Plain {
    pub(crate) fn start() -> Self {
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let path = |name: &str| place.path().join(name);
        fs::create_dir(path("run")).expect("a folder for the test");
        let program = env!("CARGO_BIN_EXE_sixtree");
        let installed =
            Command::new(program).args(["install", "--root"]).arg(place.path()).status();
        assert!(installed.is_ok_and(|status| status.success()), "sixtree install failed");
        let log = || File::options().create(true).append(true).open(path("log"));
        let programs = std::env::var("PATH").expect("a PATH");
        let mut init = Command::new(path("init"));
        init.arg0("/init")
            .env("PATH", format!("{}:{programs}", path("command").display()))
            .env("SIXTREE_RUNDIR", path("run"))
            .env("SIXTREE_ROOTDIR", Path::new("examples/plain").canonicalize().expect("there"))
            .stdin(Stdio::null())
            .stdout(log().expect("a file for what it writes"))
            .stderr(log().expect("the same"));
        Self { init: init.spawn().expect("init starts"), place }
    }

    /// Stops it in order, and waits for that; its exit code.
    pub(crate) fn stop(&mut self) -> Option<i32> {
        let init = nix::unistd::Pid::from_raw(self.init.id() as i32);
        nix::sys::signal::kill(init, nix::sys::signal::Signal::SIGTERM).expect("it is there");
        self.init.wait().expect("our own child").code()
    }

    pub(crate) fn text(&self, file: &str) -> String {
        fs::read_to_string(self.place.path().join(file)).unwrap_or_default()
    }

    pub(crate) fn wait_for(&self, file: &str, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !self.text(file).contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in {file}\n{}", self.text("log"));
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        let _ = self.init.kill();
        let _ = self.init.wait();
    }
}
