//! Podman, as root and as an ordinary user: what both do with the options that images are run with.
//!
//! All that it stores is in a folder of the tests', so that no other containers of this machine are
//! seen, and none of theirs is left.

use crate::engine::{Container, Engine, Loaded};
use crate::skip::skip_without;
use nix::unistd::geteuid;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

/// The user who has no other processes, and the user and group IDs that are lent to it.
const NOBODY: u32 = 65534;
const SUBORDINATE_IDS: &str = "nobody:2000000:65536\n";

/// Runs the words after the first as the user that `$1` is, to whom `$0` says which IDs are lent.
/// Only this process and its children see that.
const AS_USER: &str = "mount --bind \"$0\" /etc/subuid && mount --bind \"$0\" /etc/subgid && \
    user=$1 && shift && exec setpriv --reuid=$user --regid=$user --clear-groups \"$@\"";

/// What each of them must do: the options, and who the service then is.
const OPTIONS: &[(&[&str], &str)] = &[
    (&[], "0:0"),
    (&["--read-only"], "0:0"),
    (&["--read-only", "--read-only-tmpfs=false", "--tmpfs=/run", "--tmpfs=/tmp"], "0:0"),
    (&["--user=1000"], "1000:1000"),
    (&["--user=1000:1000", "--read-only"], "1000:1000"),
    (&["--cap-drop=ALL", "--security-opt=no-new-privileges"], "0:0"),
    (&["--init"], "0:0"),
    (&["--systemd=always"], "0:0"),
    (&["--stop-signal=SIGRTMIN+3"], "0:0"),
];

/// The settings: none that needs more than an unprivileged container may do.
const SETTINGS: &str = "[containers]
default_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]
log_driver = \"k8s-file\"
[engine]
cgroup_manager = \"cgroupfs\"
events_logger = \"none\"
lock_type = \"file\"
";

/// `podman` as root.
pub(crate) fn command() -> Command {
    with_store(Command::new("podman"), Engine::Podman)
}

/// `podman` as an ordinary user: whoever runs the tests, or nobody where that is root.
pub(crate) fn rootless_command() -> Command {
    if !geteuid().is_root() {
        return with_store(Command::new("podman"), Engine::RootlessPodman);
    }
    let ids = store(Engine::RootlessPodman).join("ids");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", AS_USER]).arg(ids).arg(NOBODY.to_string()).arg("podman");
    with_store(command, Engine::RootlessPodman)
}

fn with_store(mut podman: Command, engine: Engine) -> Command {
    let store = store(engine);
    podman.args(["--storage-driver=vfs", "--root"]).arg(store.join("root"));
    podman.arg("--runroot").arg(store.join("run/storage"));
    if command_exists("runc") {
        podman.arg("--runtime=runc");
    }
    podman.env("CONTAINERS_CONF", store.join("containers.conf"));
    podman.env("HOME", store.join("home")).env("XDG_RUNTIME_DIR", store.join("run"));
    podman.current_dir("/");
    podman
}

/// The folder of an engine's files, which is made if need be. One test uses it, and no other.
fn store(engine: Engine) -> PathBuf {
    let store = std::env::temp_dir().join(format!("sixtree-{engine:?}-{}", std::process::id()));
    if store.exists() {
        return store;
    }
    let run = store.join("run");
    for folder in [store.join("home"), run.clone()] {
        fs::create_dir_all(folder).expect("a folder for the store");
    }
    fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).expect("its permissions");
    let settings = format!("{SETTINGS}tmp_dir = {:?}\n", run.join("tmp"));
    fs::write(store.join("containers.conf"), settings).expect("a file in the store");
    fs::write(store.join("ids"), SUBORDINATE_IDS).expect("a file in the store");
    if engine == Engine::RootlessPodman && geteuid().is_root() {
        for folder in [&store, &store.join("home"), &run] {
            chown(folder, Some(NOBODY), Some(NOBODY)).expect("root gives it away");
        }
    }
    store
}

/// Removes an engine's files, and what holds its namespaces.
pub(crate) fn remove_all(engine: Engine) {
    let store = store(engine);
    if engine == Engine::RootlessPodman {
        // Only in its namespace do the files belong to the user.
        let root = store.join("root");
        let _ = rootless_command().args(["unshare", "rm", "-rf"]).arg(root).output();
        let _ = rootless_command().args(["system", "migrate"]).output();
    }
    let _ = fs::remove_dir_all(store);
}

fn command_exists(name: &str) -> bool {
    let shown = Command::new(name).arg("--version").output();
    shown.is_ok_and(|shown| shown.status.success())
}

/// The image in the engine, if that runs any container here; else the test is skipped.
fn loaded(engine: Engine) -> Option<Arc<Loaded>> {
    if !command_exists("podman") {
        skip_without("no Podman (apt-get install podman runc catatonit uidmap)");
        return None;
    }
    if engine == Engine::Podman && !geteuid().is_root() {
        skip_without("that is for root");
        return None;
    }
    let reason = |what: &str, output: Output| {
        skip_without(&format!("{what}: {}", String::from_utf8_lossy(&output.stderr)));
        remove_all(engine);
    };
    let info = engine.command().arg("info").output().expect("Podman starts");
    if !info.status.success() {
        reason("Podman does not work here", info);
        return None;
    }
    let loaded = Loaded::get(engine);
    let tried = loaded.runs("/bin/true");
    if !tried.status.success() {
        reason("Podman starts no container here", tried);
        return None;
    }
    Some(loaded)
}

/// Boots with each row of options, looks at the service, and stops it.
fn does_what_docker_does(engine: Engine) {
    let Some(_image) = loaded(engine) else { return };
    for (options, user) in OPTIONS {
        if options.contains(&"--init") && !Path::new("/usr/libexec/podman/catatonit").exists() {
            skip_without("Podman has no catatonit for --init");
            continue;
        }
        let container = Container::run_by(engine, options, &[]);
        container.wait_for("service web successfully started", 1);
        container.wait_for(&format!("web runs as {user}"), 1);
        let health = container.exec(&["/command/sixtree", "healthcheck", "web"]);
        assert!(health.status.success(), "{options:?}: {health:?}");
        let state = container.exec(&["/command/s6-svstat", "-o", "up,ready", "/run/service/web"]);
        assert_eq!(state.stdout, b"true true\n", "{options:?}: {state:?}");
        container.ends_in_order(0);
    }
    let container = Container::run_by(engine, &[], &["sh", "-c", "exit 42"]);
    assert_eq!(container.exit_code(), 42, "{}", container.log());
}

#[test]
fn podman_of_root_does_what_docker_does() {
    does_what_docker_does(Engine::Podman);
}

#[test]
fn podman_of_a_user_does_what_docker_does() {
    does_what_docker_does(Engine::RootlessPodman);
}
