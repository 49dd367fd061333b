//! examples/swarm: two replicas are updated, rolled back and drained while they serve, and no
//! request fails.

use crate::engine::{PATIENCE, answers, docker};
use crate::http::{Load, wait_for_page};
use crate::php::Built;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A request takes so long: some are under way whenever a task is told to stop.
const REQUEST: &str = "/?sleep=200";

/// The stack, and the swarm if there was none.
struct Stack {
    name: String,
    port: u16,
    built: Arc<Built>,
    is_own_swarm: bool,
}

impl Stack {
    fn deploy() -> Self {
        let built = Built::get();
        let is_swarm = docker(["info", "--format", "{{.Swarm.LocalNodeState}}"]) == "active";
        if !is_swarm {
            docker(["swarm", "init", "--advertise-addr", "127.0.0.1"]);
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        let name = format!("sixtree-test-{}", std::process::id());
        let port = port.expect("a port is free").port();
        let stack = Self { name, port, built, is_own_swarm: !is_swarm };
        let mut deploy = Command::new("docker");
        deploy
            .args(["stack", "deploy", "--resolve-image", "never"])
            .args(["--compose-file", "examples/swarm/stack.yaml", &stack.name])
            .env("IMAGE", stack.built.tag("non-root"))
            .env("PROXY", stack.built.tag("root"))
            .env("PORT", port.to_string());
        succeeds(&deploy.output().expect("docker starts"));
        stack
    }

    /// The service of the application.
    fn web(&self) -> String {
        format!("{}_web", self.name)
    }

    /// `docker service update`, and its end: what the state of the update is then.
    fn update(&self, words: &[&str]) -> String {
        let web = self.web();
        let mut update = Command::new("docker");
        update.args(["service", "update", "--no-resolve-image", "--detach=false", "--quiet"]);
        // A rollback is a failure of the command.
        let _ = update.args(words).arg(&web).output().expect("docker starts");
        docker(["service", "inspect", "--format", "{{.UpdateStatus.State}}", &web])
    }

    /// Waits until so many tasks run, and nothing else does.
    fn wait_for_tasks(&self, number: usize) {
        let filter = ["--filter", "desired-state=running", "--format", "{{.CurrentState}}"];
        let web = self.web();
        let deadline = Instant::now() + PATIENCE * 4;
        loop {
            let tasks = docker(["service", "ps", &web].iter().chain(&filter));
            let label = format!("label=com.docker.swarm.service.name={web}");
            let containers = docker(["ps", "--quiet", "--filter", &label]);
            let running = tasks.lines().filter(|state| state.starts_with("Running")).count();
            if running == number && containers.lines().count() == number {
                return;
            }
            assert!(Instant::now() < deadline, "not {number} tasks: {tasks}\n{}", self.story());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// What Docker says of its tasks, for those who look for a fault.
    fn story(&self) -> String {
        let web = self.web();
        let tasks = docker(["service", "ps", "--no-trunc", &web]);
        let log = Command::new("docker").args(["service", "logs", "--tail", "50", &web]).output();
        let log = log.map(|log| String::from_utf8_lossy(&log.stdout).into_owned());
        format!("{tasks}\n{}", log.unwrap_or_default())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let docker = |words: &[&str]| Command::new("docker").args(words).output();
        let _ = docker(&["stack", "rm", &self.name]);
        // Its network can be removed when its containers have gone.
        let label = format!("label=com.docker.stack.namespace={}", self.name);
        let deadline = Instant::now() + PATIENCE * 2;
        let filter = ["ps", "--all", "--quiet", "--filter", &label];
        while docker(&filter).is_ok_and(|left| !left.stdout.is_empty()) && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(200));
        }
        if self.is_own_swarm {
            let _ = docker(&["swarm", "leave", "--force"]);
        }
    }
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Does something while requests are sent, prints what came of them, and lets none fail.
fn under_load(stack: &Stack, what: &str, act: impl FnOnce()) {
    let load = Load::start(stack.port, REQUEST, 4);
    let begun = Instant::now();
    act();
    let took = begun.elapsed();
    let (requests, failed) = load.stop();
    let line = format!(
        "swarm: {what}: {requests} requests, {} failed, {:.1} s\n",
        failed.len(),
        took.as_secs_f64()
    );
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(requests > 0 && failed.is_empty(), "{line}{failed:?}\n{}", stack.story());
}

/// An image of this one whose application fails at each request.
fn broken(built: &Built) -> String {
    let tag = built.tag("broken");
    let file = format!(
        "FROM {}\nRUN echo '<?php http_response_code(500);' >/srv/app/public/index.php\n",
        built.tag("root")
    );
    let mut build = Command::new("docker");
    build.args(["build", "--quiet", "--network=host", "--tag", &tag, "-"]);
    let mut child = build
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("docker starts");
    child.stdin.take().expect("a pipe").write_all(file.as_bytes()).expect("docker reads it");
    assert!(child.wait().expect("our own child").success(), "the broken image is not built");
    tag
}

#[test]
fn swarm_updates_rolls_back_and_drains_without_a_failed_request() {
    if !answers() {
        return;
    }
    let stack = Stack::deploy();
    wait_for_page(stack.port, "/");
    stack.wait_for_tasks(2);
    under_load(&stack, "update, start-first", || {
        assert_eq!(stack.update(&["--env-add=VERSION=2"]), "completed", "{}", stack.story());
        stack.wait_for_tasks(2);
    });
    assert!(wait_for_page(stack.port, "/").contains("VERSION=2\n"));
    under_load(&stack, "update, stop-first", || {
        let words = ["--update-order=stop-first", "--env-add=VERSION=3"];
        assert_eq!(stack.update(&words), "completed", "{}", stack.story());
        stack.wait_for_tasks(2);
    });
    assert!(wait_for_page(stack.port, "/").contains("VERSION=3\n"));
    let broken = broken(&stack.built);
    under_load(&stack, "a broken image, rolled back", || {
        let words = ["--update-order=start-first", "--health-start-period=1s", "--image", &broken];
        assert_eq!(stack.update(&words), "rollback_completed", "{}", stack.story());
        stack.wait_for_tasks(2);
    });
    assert!(wait_for_page(stack.port, "/").contains("VERSION=3\n"));
    under_load(&stack, "one of two drained", || {
        docker(["service", "scale", "--detach=false", &format!("{}=1", stack.web())]);
        stack.wait_for_tasks(1);
    });
}
