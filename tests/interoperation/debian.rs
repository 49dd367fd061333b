//! Debian's s6 and execline, unpacked beside the build: the originals to be compared with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The version whose files are laid out as those of 2.15 (in between they were not).
const VERSION: &str = "2.11.";

/// What is unpacked: the programs, and whichever versions of the libraries they need.
const PACKAGES: &str = "^(s6|execline|libs6-[0-9.]+|libexecline[0-9.]+|libskarnet[0-9.]+)$";

/// Becomes the program that is named, seeing Debian's s6 in /usr, which is where its programs look
/// for each other.
const INSTALLED: &str = r#"mount -t overlay -o "lowerdir=$0/usr:/usr" s6 /usr && exec "$@""#;

/// What Debian has. `None` where it cannot be had: the test is skipped.
pub(crate) fn original() -> Option<&'static Debian> {
    static DEBIAN: OnceLock<Result<Debian, String>> = OnceLock::new();
    match DEBIAN.get_or_init(Debian::unpack) {
        Ok(debian) => Some(debian),
        Err(reason) => {
            crate::skip::skip(reason);
            None
        }
    }
}

/// A folder with the content of Debian's packages.
pub(crate) struct Debian(pub PathBuf);

impl Debian {
    /// One of its programs, ready to get arguments.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("unshare");
        // Who is not root needs a user namespace to mount anything.
        if !nix::unistd::geteuid().is_root() {
            command.arg("-r");
        }
        command.args(["-m", "sh", "-c", INSTALLED]).arg(&self.0).arg(program);
        command
    }

    /// The folder with its libraries.
    #[allow(dead_code, reason = "not everyone needs it")]
    pub(crate) fn libraries(&self) -> PathBuf {
        let folders = fs::read_dir(self.0.join("usr/lib")).unwrap().map(|entry| entry.unwrap());
        let mut ours = folders.filter(|e| e.file_name().to_string_lossy().ends_with("-linux-gnu"));
        ours.next().unwrap().path()
    }

    fn unpack() -> Result<Self, String> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        let debian = Self(target.join("debian"));
        // Tests may run in several processes: only one of them unpacks.
        let lock = File::create(target.join("debian.lock")).map_err(|e| e.to_string())?;
        let _lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusive)
            .map_err(|(_, e)| e.to_string())?;
        if !debian.0.join("complete").exists() {
            let _ = fs::remove_dir_all(&debian.0);
            fs::create_dir_all(&debian.0).map_err(|e| e.to_string())?;
            debian.fill()?;
            File::create(debian.0.join("complete")).map_err(|e| e.to_string())?;
        }
        let works = debian.command("s6-svok").stderr(Stdio::null()).status();
        match works.map(|status| status.code()) {
            Ok(Some(100)) => Ok(debian),
            _ => Err("Debian's s6 cannot be mounted in a namespace of its own".into()),
        }
    }

    fn fill(&self) -> Result<(), String> {
        let script = format!(
            "set -e; command -v apt-get dpkg-deb > /dev/null
             known() {{ apt-cache policy s6 | grep -q 'Candidate: {VERSION}'; }}
             if ! known && [ $(id -u) = 0 ]; then apt-get update -q > /dev/null; fi
             known || {{ echo 'apt-cache does not know it' >&2; exit 1; }}
             wanted=$(apt-cache depends --recurse --important s6 execline | sed 's/.* //' |
               sort -u | grep -E '{PACKAGES}')
             apt-get download -q $wanted
             for package in ./*.deb; do dpkg-deb -x $package .; done"
        );
        let output = Command::new("sh").args(["-c", &script]).current_dir(&self.0).output();
        let output = output.map_err(|e| e.to_string())?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_string();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("Debian's package s6 {VERSION}x cannot be had here: {said}")),
        }
    }
}
