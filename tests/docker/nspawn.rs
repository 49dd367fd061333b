//! systemd-nspawn, which boots an image as it boots systemd's, and stops it by SIGRTMIN+3.

use crate::engine::{PATIENCE, one_folder};
use crate::image::Scratch;
use crate::skip::skip_without;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A container of systemd-nspawn's; it is killed when it is dropped.
struct Machine {
    nspawn: Child,
    folder: Scratch,
    log: PathBuf,
}

impl Machine {
    /// Starts it with these words after those that name the folder.
    fn start(words: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = one_folder(&crate::image());
        let root = folder.path();
        fs::write(root.join("etc/os-release"), "ID=test\n").expect("a file of the image");
        fs::create_dir_all(root.join("sbin")).expect("a folder of the image");
        symlink("/init", root.join("sbin/init")).expect("a link of the image");
        // nspawn wants it, and makes it itself in a root that may be written to.
        fs::create_dir_all(root.join("usr")).expect("a folder of the image");
        let log = root.with_extension("log");
        let output = File::create(&log).expect("a file for its log");
        let mut command = Command::new("systemd-nspawn");
        command.args(["--quiet", "--register=no", "--console=pipe", "--private-network"]);
        if !PathBuf::from("/run/systemd/system").exists() {
            command.arg("--keep-unit");
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        command.arg(format!("--machine=sixtree-{}-{number}", std::process::id()));
        command.arg("--directory").arg(root).args(words).stdin(Stdio::null());
        let second = output.try_clone().expect("a second descriptor");
        let nspawn = command.stdout(output).stderr(second).spawn().expect("systemd-nspawn starts");
        Self { nspawn, folder, log }
    }

    fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("its log")).into_owned()
    }

    /// Waits for a result, or fails with the log.
    fn wait<T>(&mut self, what: &str, mut found: impl FnMut(&mut Self) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(result) = found(self) {
                return result;
            }
            assert!(Instant::now() < deadline, "{what}:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn wait_for(&mut self, text: &str) {
        self.wait(text, |machine| machine.log().contains(text).then_some(()));
    }

    /// Waits for its end; the exit code.
    fn exit_code(&mut self) -> i32 {
        let ended = |machine: &mut Self| machine.nspawn.try_wait().expect("our own child");
        self.wait("it does not end", ended).code().unwrap_or(-1)
    }

    /// Runs a program inside.
    fn exec(&self, words: &[&str]) -> Output {
        let nspawn = self.nspawn.id();
        let children = format!("/proc/{nspawn}/task/{nspawn}/children");
        let children = fs::read_to_string(children).expect("its children");
        let first = children.split_whitespace().next().expect("a child");
        let mut exec = Command::new("nsenter");
        exec.args(["--target", first, "--mount", "--uts", "--ipc", "--net", "--pid"]);
        exec.args(["--root", "--wd"]).args(words).output().expect("nsenter starts")
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.nspawn.kill();
        let _ = self.nspawn.wait();
        let _ = fs::remove_file(self.folder.path().with_extension("log"));
    }
}

/// Whether systemd-nspawn starts a program here; else the test is skipped.
fn is_possible() -> bool {
    if Command::new("systemd-nspawn").arg("--version").output().is_err() {
        skip_without("no systemd-nspawn (apt-get install systemd-container)");
        return false;
    }
    let mut machine = Machine::start(&["/bin/true"]);
    let works = machine.exit_code() == 0;
    if !works {
        skip_without(&format!("systemd-nspawn starts nothing here: {}", machine.log()));
    }
    works
}

#[test]
fn nspawn_boots_and_stops_it() {
    if !is_possible() {
        return;
    }
    for options in [&["--boot"][..], &["--boot", "--read-only"]] {
        let mut machine = Machine::start(options);
        machine.wait_for("service web successfully started");
        let health = machine.exec(&["/command/sixtree", "healthcheck", "web"]);
        assert!(health.status.success(), "{options:?}: {health:?}");
        let state = machine.exec(&["/command/s6-svstat", "-o", "up,ready", "/run/service/web"]);
        assert_eq!(state.stdout, b"true true\n", "{options:?}: {state:?}");
        let pid = i32::try_from(machine.nspawn.id()).expect("a process ID");
        let nspawn = nix::unistd::Pid::from_raw(pid);
        nix::sys::signal::kill(nspawn, nix::sys::signal::Signal::SIGTERM).expect("our own child");
        assert_eq!(machine.exit_code(), 0, "{options:?}: {}", machine.log());
        assert!(machine.log().contains("web stops"), "{options:?}: {}", machine.log());
    }
}

#[test]
fn nspawn_gets_the_exit_code_of_the_cmd() {
    if !is_possible() {
        return;
    }
    for options in [&[][..], &["--as-pid2"]] {
        let words = [options, &["/init", "sh", "-c", "exit 42"]].concat();
        let mut machine = Machine::start(&words);
        assert_eq!(machine.exit_code(), 42, "{options:?}: {}", machine.log());
    }
}
