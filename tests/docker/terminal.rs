//! `docker run -it`: a shell with job control on a terminal.

use crate::engine::{Container, PATIENCE, answers};
use nix::pty::{OpenptyResult, openpty};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The side of a terminal on which a person sits.
struct Person {
    keyboard: File,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl Person {
    fn at(terminal: File) -> Self {
        let (seen, screen) = channel();
        let mut reader = terminal.try_clone().expect("a second descriptor");
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n @ 1..) = reader.read(&mut buffer) {
                if seen.send(buffer[..n].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { keyboard: terminal, screen, seen: String::new() }
    }

    fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    /// Waits to see a text after all that was waited for before.
    fn sees(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let more = self.screen.recv_timeout(left);
            let more = more.unwrap_or_else(|_| panic!("no {text:?} in:\n{}", self.seen));
            self.seen.push_str(&String::from_utf8_lossy(&more));
        }
    }
}

#[test]
fn a_shell_has_job_control() {
    if !answers() {
        return;
    }
    let OpenptyResult { master, slave } = openpty(None, None).expect("a terminal");
    let before = nix::sys::termios::tcgetattr(&slave).expect("its modes");
    let container = Container::named();
    let mut shell = Command::new("docker");
    shell.args(container.command(&["-it"], &["--env=PS1=ready> ", "--env=S6_KEEP_ENV=1"], &["sh"]));
    let side = || Stdio::from(slave.as_fd().try_clone_to_owned().expect("a second descriptor"));
    let mut shell = shell.stdin(side()).stdout(side()).stderr(side()).spawn().expect("docker");
    let mut person = Person::at(master.into());

    person.sees("ready> ");
    person.types("sleep 1000\n");
    person.sees("sleep 1000");
    // The shell has given the terminal to sleep when the signal finds it.
    until(&container, "sleep 1000", true);
    person.types("\x03");
    person.sees("ready> ");
    person.types("echo code $?\n");
    person.sees("code 130");
    person.types("sleep 2000\n");
    until(&container, "sleep 2000", true);
    person.types("\x1a");
    person.sees("Stopped");
    person.types("kill -KILL %1\n");
    until(&container, "sleep 2000", false);
    person.types("\n");
    person.sees("Killed");
    person.types("exit 7\n");
    assert_eq!(container.exit_code(), 7, "{}", container.log());
    assert_eq!(shell.wait().expect("our own child").code(), Some(7));
    let after = nix::sys::termios::tcgetattr(&slave).expect("its modes");
    assert!(before == after, "the terminal is not as it was");
}

#[test]
fn the_cmd_may_write_to_the_terminal_though_all_else_is_logged() {
    if !answers() {
        return;
    }
    let OpenptyResult { master, slave } = openpty(None, None).expect("a terminal");
    let container = Container::named();
    let options = ["--env=S6_LOGGING=2", "--env=S6_CMD_USE_TERMINAL=1"];
    let mut shell = Command::new("docker");
    shell.args(container.command(&["-it"], &options, &["sh", "-c", "echo $((6 * 7)) on $(tty)"]));
    let side = || Stdio::from(slave.as_fd().try_clone_to_owned().expect("a second descriptor"));
    let mut shell = shell.stdin(side()).stdout(side()).stderr(side()).spawn().expect("docker");
    Person::at(master.into()).sees("42 on /dev/");
    assert_eq!(shell.wait().expect("our own child").code(), Some(0));
    assert!(!container.log().contains("web runs"), "{}", container.log());
}

/// Waits until a program with these words runs in the container, or no longer does.
fn until(container: &Container, words: &str, runs: bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let processes = container.exec(&["ps", "-o", "args"]);
        let listed = String::from_utf8_lossy(&processes.stdout).into_owned();
        if listed.lines().any(|line| line == words) == runs {
            return;
        }
        assert!(Instant::now() < deadline, "{words:?} in:\n{listed}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
