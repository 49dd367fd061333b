//! The s6-linux-utils, each run as a program: as far as a test may go with the machine it runs on.
#![expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory that is removed when it is dropped.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a new directory"))
    }
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a plain path").to_owned()
    }
}

fn tool(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sixtree"));
    command.arg0(name).args(arguments).stdin(Stdio::null());
    command
}

fn run(name: &str, arguments: &[&str]) -> Output {
    tool(name, arguments).output().expect("it starts")
}

fn code(name: &str, arguments: &[&str]) -> Option<i32> {
    run(name, arguments).status.code()
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref()).unwrap_or_else(|e| panic!("{}: {e}", path.as_ref().display()))
}

#[test]
fn wrong_usage_is_100_and_what_the_kernel_refuses_111() {
    for name in ["s6-chroot", "s6-pivotchroot", "s6-freeramdisk", "s6-swapon", "s6-umount"] {
        assert_eq!(code(name, &[]), Some(100), "{name}");
    }
    assert_eq!(code("s6-mount", &["one"]), Some(100));
    assert_eq!(code("s6-linux-utils", &["nonsense"]), Some(100));
    assert_eq!(code("s6-chroot", &["/no/such/dir", "true"]), Some(111));
    assert_eq!(code("s6-swapon", &["/no/such/device"]), Some(111));
    assert_eq!(code("s6-swapoff", &["/no/such/device"]), Some(111));
    assert_eq!(code("s6-umount", &["/no/such/dir"]), Some(111));
    assert_eq!(code("s6-mount", &["-t", "nosuchfs", "none", "/no/such/dir"]), Some(111));
    assert_eq!(code("s6-freeramdisk", &["/no/such/device"]), Some(111));
}

#[test]
fn mount_tells_what_is_mounted_and_counts_failures() {
    let folder = Folder::new();
    let table = folder.path("fstab");
    fs::write(&table, "# none of these\nnone /no/a nosuchfs rw\nnone /no/b nosuchfs\n").unwrap();
    let failed = run("s6-mount", &["-a", "-z", &table]);
    assert_eq!(failed.status.code(), Some(2));
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(said.contains("unable to mount none on /no/a"), "{said}");
    assert_eq!(run("s6-mount", &[]).stdout, fs::read("/proc/mounts").unwrap());
}

#[test]
fn the_host_has_a_name() {
    let name = text("/proc/sys/kernel/hostname");
    assert_eq!(run("s6-linux-utils", &["s6-hostname"]).stdout, name.as_bytes());
}

#[test]
fn processes_are_listed() {
    let listed = String::from_utf8(run("s6-ps", &["-H", "-o", "ppid,pid,args"]).stdout).unwrap();
    assert!(listed.starts_with(" PPID") || listed.starts_with("PPID"), "{listed}");
    let own = std::process::id().to_string();
    // Other tests may have children at the same time.
    let mut children = listed.lines().filter(|l| l.split_whitespace().next() == Some(&own));
    assert!(children.any(|line| line.contains("s6-ps -H -o")), "{listed}");
    assert_eq!(code("s6-ps", &["-o", "pid,pid"]), Some(100));
    assert_eq!(code("s6-ps", &["-o", "nonsense"]), Some(100));
}

#[test]
fn a_log_is_followed_across_rotations() {
    let folder = Folder::new();
    let current = folder.path("current");
    fs::write(&current, "one\n").unwrap();
    let mut watcher =
        tool("s6-logwatch", &[&folder.path("")]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "one");
    let append = |line: &[u8]| {
        fs::OpenOptions::new().append(true).open(&current).unwrap().write_all(line).unwrap();
    };
    append(b"two\n");
    assert_eq!(next(), "two");
    append(b"three\n");
    fs::rename(&current, folder.path("previous")).unwrap();
    fs::write(&current, "four\n").unwrap();
    assert_eq!((next(), next()), ("three".to_owned(), "four".to_owned()));
    watcher.kill().unwrap();
    watcher.wait().unwrap();
}

#[test]
fn a_seed_is_stored_for_its_owner_alone() {
    let folder = Folder::new();
    let seeds = folder.path("seeds");
    assert_eq!(code("rngseed", &["-nW", "-d", &seeds]), Some(0));
    let file = Path::new(&seeds).join("seed");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(Path::new(&seeds)), mode(&file)), (0o700, 0o600));
    let first = fs::read(&file).unwrap();
    assert!((32..=512).contains(&first.len()));
    // A generator that is ready gives a seed that counts.
    assert_eq!(code("rngseed", &["-w", "-d", &seeds]), Some(0));
    assert_eq!(mode(&file), 0o400);
    assert_ne!(fs::read(&file).unwrap(), first);
    assert_eq!(code("rngseed", &["-nr", "-d", &folder.path("none")]), Some(111));
}

#[test]
fn fstab_becomes_services() {
    let folder = Folder::new();
    let (table, made) = (folder.path("fstab"), folder.path("made"));
    let lines = "/dev/sda1 / ext4 defaults 0 1\n/dev/sda2 /var/log ext4 ro,nofail\n\
                 tmpfs /var tmpfs defaults\n/dev/sda3 none swap sw\n/dev/sdb1 /mnt vfat noauto\n";
    fs::write(&table, lines).unwrap();
    let arguments = ["-F", &table, "-B", "all", "-d", "base", "-m", "0700", &made];
    assert_eq!(code("fstab2s6rc", &arguments), Some(0));
    assert_eq!(code("fstab2s6rc", &arguments), Some(111), "it is there already");
    let made = Path::new(&made);
    let up = |service: &str| text(made.join(service).join("up"));
    assert_eq!(up("mount-var"), "s6-mount -t \"tmpfs\" -- \"tmpfs\" \"/var\"\n");
    let log =
        "foreground { s6-mount -t \"ext4\" -o \"ro\" -- \"/dev/sda2\" \"/var/log\" }\nexit 0\n";
    assert_eq!(up("mount-var:log"), log);
    assert_eq!(up("swap-dev:sda3"), "s6-swapon -- \"/dev/sda3\"\n");
    assert_eq!(text(made.join("mount-var/down")), "");
    let mnt_down = "foreground { s6-umount -- \"/mnt\" }\nexit 0\n";
    assert_eq!(text(made.join("mount-mnt/down")), mnt_down);
    for file in [
        "mount-var/dependencies.d/base",
        "mount-var:log/dependencies.d/mount-var",
        "mount-var/flag-essential",
        "all/contents.d/all-mounts",
        "all-mounts/contents.d/mount-var:log",
        "all-swaps/contents.d/swap-dev:sda3",
    ] {
        assert!(made.join(file).exists(), "{file}");
    }
    assert!(!made.join("mount-mnt/flag-essential").exists());
    assert!(!made.join("all-mounts/contents.d/mount-mnt").exists());
    fs::write(&table, "a /b ext4\nc /b ext4\n").unwrap();
    assert_eq!(code("fstab2s6rc", &["-F", &table, &folder.path("no")]), Some(1));
}
