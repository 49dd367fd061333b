//! examples/php-nginx as an image of Debian's packages: its settings, both variants, its switches,
//! a reload and a stop while it serves.

use crate::engine::{PATIENCE, answers, docker};
use crate::http::{Load, get, wait_for_page};
use crate::image::Image;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// The images of the example. The layer with the packages stays, as that of `make demo` does.
pub(crate) struct Built {
    name: String,
}

impl Built {
    /// Both variants, built if no other test has them.
    pub(crate) fn get() -> Arc<Self> {
        static BUILT: Mutex<Weak<Built>> = Mutex::new(Weak::new());
        let mut shared = BUILT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let built = Arc::new(Self::build());
            *shared = Arc::downgrade(&built);
            built
        })
    }

    fn build() -> Self {
        let built = Self { name: format!("sixtree-test-php-{}", std::process::id()) };
        let made = Command::new("scripts/demo-docker").arg("base").output().expect("it starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let image = Image::busybox();
        let import =
            "tar --create --owner=0 --group=0 --directory \"$1\" . | docker import - \"$2\"";
        let release = built.tag("release");
        let made = Command::new("sh")
            .args(["-c", import, "sh"])
            .arg(&image.layers()[1])
            .arg(&release)
            .output();
        assert!(made.is_ok_and(|made| made.status.success()), "the release cannot be imported");
        let images = docker(["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let official = "debian:bookworm-slim";
        let is_here = images.lines().any(|image| image == official);
        let base = if is_here { official } else { "sixtree-demo-base" };
        let (base, release) = (format!("BASE={base}"), format!("SIXTREE={release}"));
        for (target, tag) in [
            ("packages", "sixtree-demo-packages".to_owned()),
            ("non-root", built.tag("non-root")),
            ("root", built.tag("root")),
        ] {
            let words = ["build", "--quiet", "--network=host", "--target", target, "--tag", &tag];
            let arguments = ["--build-arg", &base, "--build-arg", &release, "examples/php-nginx"];
            docker(words.iter().chain(&arguments));
        }
        built
    }

    /// The name of one of its images: `root` or `non-root`.
    pub(crate) fn tag(&self, variant: &str) -> String {
        format!("{}:{variant}", self.name)
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        for tag in ["broken", "root", "non-root", "release"] {
            let _ = Command::new("docker").args(["rmi", "--force", &self.tag(tag)]).output();
        }
    }
}

/// A container of it, which is removed when it is dropped.
struct Stack {
    name: String,
    port: u16,
    _built: Arc<Built>,
}

impl Stack {
    /// Starts a variant with these options.
    fn start(variant: &str, options: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let built = Built::get();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", built.name);
        let words = ["run", "--detach", "--name", &name, "--publish", "127.0.0.1::8080"];
        let tag = built.tag(variant);
        docker(words.iter().chain(options).chain(&[tag.as_str()]));
        let port =
            Command::new("docker").args(["port", &name, "8080"]).output().expect("it starts");
        let port = String::from_utf8_lossy(&port.stdout).trim().rsplit(':').next().map(str::parse);
        // A container that has ended has no port.
        let port = port.and_then(Result::ok).unwrap_or(0);
        Self { name, port, _built: built }
    }

    fn exec(&self, words: &[&str]) -> Output {
        let mut exec = Command::new("docker");
        exec.arg("exec").arg(&self.name).args(words).stdin(Stdio::null());
        exec.output().expect("docker starts")
    }

    fn log(&self) -> String {
        let output = Command::new("docker").args(["logs", &self.name]).output().expect("it starts");
        let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        format!("{out}{err}")
    }

    fn wait_for(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE * 2;
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// `docker stop`: the exit code.
    fn stop(&self) -> String {
        docker(["stop", "--time", "50", &self.name]);
        docker(["wait", &self.name])
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", &self.name]).output();
    }
}

#[track_caller]
fn has(page: &str, lines: &[&str]) {
    for line in lines {
        assert!(page.lines().any(|l| l == *line), "no {line:?} in:\n{page}");
    }
}

#[test]
fn php_serves_with_its_defaults() {
    if !answers() {
        return;
    }
    let stack = Stack::start("root", &[]);
    assert_eq!(wait_for_page(stack.port, "/health"), "ok");
    let forged = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"];
    let page = get(stack.port, "/", &forged).expect("a page");
    has(&page, &["memory_limit 128M", "upload_max_filesize 16M", "opcache works"]);
    // Nobody is trusted to say who the client is.
    assert!(!page.contains("client 203.0.113.7") && page.contains("https off"), "{page}");
    let deadline = Instant::now() + PATIENCE * 2;
    while docker(["inspect", "--format", "{{.State.Health.Status}}", &stack.name]) != "healthy" {
        assert!(Instant::now() < deadline, "not healthy: {}", stack.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let ran = stack.exec(&["ps", "-eo", "user,args"]);
    let ran = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.lines().any(|l| l.starts_with("php") && l.contains("nginx: worker")), "{ran}");
    assert!(!ran.contains("console"), "{ran}");
    assert_eq!(stack.stop(), "0", "{}", stack.log());
}

#[test]
fn php_takes_its_settings_from_variables() {
    if !answers() {
        return;
    }
    let options = [
        "--env=PHP_MEMORY_LIMIT=64M",
        "--env=PHP_UPLOAD_LIMIT=3M",
        "--env=PHP_OPCACHE_ENABLE=0",
        "--env=PHP_FPM_WORKERS=2",
        "--env=NGINX_TRUSTED_PROXIES=10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
    ];
    let stack = Stack::start("root", &options);
    wait_for_page(stack.port, "/health");
    let forwarded = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: https"];
    let page = get(stack.port, "/", &forwarded).expect("a page");
    has(&page, &["client 203.0.113.7, https on", "memory_limit 64M", "upload_max_filesize 3M"]);
    has(&page, &["opcache is off"]);
    let workers = stack.exec(&["pgrep", "--count", "--full", "php-fpm: pool"]);
    assert_eq!(String::from_utf8_lossy(&workers.stdout).trim(), "2");
    assert_eq!(stack.stop(), "0", "{}", stack.log());
    assert!(stack.log().contains("203.0.113.7 - - "), "{}", stack.log());
}

#[test]
fn php_runs_without_root_on_a_read_only_root() {
    if !answers() {
        return;
    }
    let options = [
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        "--read-only",
        "--tmpfs=/run:uid=1000",
        "--tmpfs=/tmp",
    ];
    let stack = Stack::start("non-root", &options);
    assert_eq!(wait_for_page(stack.port, "/health"), "ok");
    wait_for_page(stack.port, "/");
    let ran = stack.exec(&["ps", "-eo", "user="]);
    let ran = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.lines().all(|user| user.trim() == "php"), "{ran}");
    assert_eq!(stack.stop(), "0", "{}", stack.log());
}

#[test]
fn php_runs_what_its_features_say() {
    if !answers() {
        return;
    }
    let on = ["MIGRATIONS", "SCHEDULER", "MESSENGER_ASYNC", "MESSENGER_MAIL"];
    let mut options: Vec<_> = on.iter().map(|f| format!("--env=FEATURE_RUN_{f}=true")).collect();
    options.push("--env=FEATURE_RUN_NGINX=false".to_owned());
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let stack = Stack::start("non-root", &options);
    for transport in ["async", "mail", "scheduler_default"] {
        stack.wait_for(&format!("{transport}: job 1 done"));
    }
    let log = stack.log();
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("no {text:?} in:\n{log}"));
    assert!(at("the schema is up to date") < at("async: waiting for jobs"), "{log}");
    let nginx = stack.exec(&["pgrep", "nginx"]);
    assert_eq!(nginx.status.code(), Some(1), "{nginx:?}");
    assert_eq!(stack.stop(), "0", "{}", stack.log());
    for transport in ["async", "mail", "scheduler_default"] {
        assert!(stack.log().contains(&format!("{transport}: stopping")), "{}", stack.log());
    }
}

#[test]
fn php_does_not_start_what_needs_a_failed_migration() {
    if !answers() {
        return;
    }
    let options = [
        "--env=FEATURE_RUN_MIGRATIONS=true",
        "--env=FEATURE_RUN_MESSENGER_ASYNC=true",
        "--env=APP_MIGRATIONS_FAIL=1",
    ];
    let stack = Stack::start("root", &options);
    assert_eq!(docker(["wait", &stack.name]), "1", "{}", stack.log());
    let log = stack.log();
    assert!(log.contains("the database is not there"), "{log}");
    assert!(!log.contains("waiting for jobs"), "{log}");
}

#[test]
fn php_reloads_without_a_failed_request() {
    if !answers() {
        return;
    }
    let stack = Stack::start("root", &[]);
    let before = wait_for_page(stack.port, "/");
    let load = Load::start(stack.port, "/?sleep=50", 4);
    for service in ["svc-php-fpm", "svc-nginx"] {
        let pool = |stack: &Stack| stack.exec(&["pgrep", "--full", "nginx: worker|php-fpm: pool"]);
        let old = pool(&stack).stdout;
        let old = String::from_utf8_lossy(&old).lines().map(str::to_owned).collect::<Vec<_>>();
        let reloaded = stack.exec(&["/command/sixtree", "reload", service]);
        assert!(reloaded.status.success(), "{reloaded:?}");
        // Its old workers have gone, at the latest when their requests have ended.
        let kind = if service == "svc-nginx" { 2 } else { 5 };
        let deadline = Instant::now() + PATIENCE * 2;
        loop {
            let now = String::from_utf8_lossy(&pool(&stack).stdout).into_owned();
            let gone = old.iter().filter(|pid| !now.lines().any(|now| now == *pid)).count();
            if gone >= kind {
                break;
            }
            assert!(Instant::now() < deadline, "{service}: {old:?} stay: {now}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let (requests, failed) = load.stop();
    assert!(requests > 10 && failed.is_empty(), "{requests} requests, failed: {failed:?}");
    let after = wait_for_page(stack.port, "/");
    assert_ne!(before.lines().next(), after.lines().next());
    assert_eq!(stack.stop(), "0", "{}", stack.log());
}

#[test]
fn php_finishes_its_requests_when_it_stops() {
    if !answers() {
        return;
    }
    let stack = Stack::start("root", &[]);
    wait_for_page(stack.port, "/");
    let port = stack.port;
    let request = std::thread::spawn(move || get(port, "/?sleep=3000", &[]));
    stack.wait_for("a request that takes 3000 ms begins");
    assert_eq!(stack.stop(), "0", "{}", stack.log());
    let answer = request.join().expect("our own thread");
    assert!(answer.as_ref().is_ok_and(|page| page.starts_with("Hello")), "{answer:?}");
}

#[test]
fn php_migrates_in_a_container_that_ends() {
    if !answers() {
        return;
    }
    let built = Built::get();
    let mut run = Command::new("docker");
    run.args(["run", "--rm", "--read-only", "--tmpfs=/run:mode=777", "--network=none"]);
    run.args(["--env=FEATURE_RUN_NGINX=false", "--env=FEATURE_RUN_PHP_FPM=false"]);
    run.args(["--env=FEATURE_RUN_MIGRATIONS=true", &built.tag("non-root"), "true"]);
    let output = run.output().expect("docker starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && log.contains("the schema is up to date"), "{log}");
}
