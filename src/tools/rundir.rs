//! Where the container that a tool is in keeps what changes at run time.

use super::{Environment, path};
use crate::format::settings::{RUNDIR, RUNDIR_SLOTS, private_rundir};
use crate::sys::file;
use nix::unistd::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file in a run directory that says whose it is: the PID and mount namespaces of its init.
const SIGNATURE: &str = "s6/namespaces";

/// More than that file has.
const SIGNATURE_BYTES: usize = 128;

impl Environment {
    /// The run directory of the init of this PID namespace. Where none says so, it is what
    /// `SIXTREE_RUNDIR` names, /run, or the directory that /init falls back to.
    pub fn rundir(&self) -> PathBuf {
        let named = self.get(b"SIXTREE_RUNDIR").filter(|dir| dir.starts_with(b"/"));
        let named = named.map(|dir| path(dir).to_path_buf());
        let run = PathBuf::from(RUNDIR);
        let here = Namespaces::of_this_process();
        let mut same_pids = None;
        for directory in named.iter().chain([&run]).cloned().chain(private_directories()) {
            let namespaces = Namespaces::of(&directory);
            if namespaces.is_some() && namespaces == here {
                return directory;
            }
            let has_our_pids = namespaces.zip(here.clone()).is_some_and(|(a, b)| a.pid == b.pid);
            if has_our_pids && same_pids.is_none() {
                same_pids = Some(directory);
            }
        }
        same_pids.or(named).unwrap_or_else(|| unsigned(run))
    }
}

/// The namespaces of a process: of the init that a run directory is of, or our own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Namespaces {
    pid: OsString,
    mount: OsString,
}

impl Namespaces {
    fn of_this_process() -> Option<Self> {
        let link = |kind: &str| fs::read_link(format!("/proc/self/ns/{kind}")).ok();
        Some(Self { pid: link("pid")?.into(), mount: link("mnt")?.into() })
    }

    fn of(run: &Path) -> Option<Self> {
        let file = run.join(SIGNATURE);
        let text = file::head(file.as_os_str().as_bytes(), SIGNATURE_BYTES).ok()?;
        let mut words = text.split(u8::is_ascii_whitespace).map(OsStr::from_bytes);
        Some(Self { pid: words.next()?.into(), mount: words.next()?.into() })
    }
}

/// Signs a run directory as that of this process's namespaces.
pub fn sign(run: &Path) -> io::Result<()> {
    let Some(Namespaces { pid, mount }) = Namespaces::of_this_process() else { return Ok(()) };
    let line = [pid.as_bytes(), b" ", mount.as_bytes(), b"\n"].concat();
    fs::write(run.join(SIGNATURE), line)
}

/// Where there is none that is signed: /run if an init has been there, else a private one.
fn unsigned(run: PathBuf) -> PathBuf {
    match run.join("s6").exists() {
        true => run,
        false => private_directories().next().unwrap_or(run),
    }
}

/// The run directories in /tmp of this user and of PID 1's.
fn private_directories() -> impl Iterator<Item = PathBuf> {
    let pid_1 = fs::metadata("/proc/1").map(|found| found.uid()).ok();
    let own = geteuid().as_raw();
    let users = [Some(own), pid_1.filter(|uid| *uid != own)].into_iter().flatten();
    users.flat_map(|uid| (0..RUNDIR_SLOTS).filter_map(move |slot| private(uid, slot)))
}

/// A user's own run directory, or where its link leads. Anyone can make something of that name.
fn private(uid: u32, slot: u32) -> Option<PathBuf> {
    let path = PathBuf::from(private_rundir(uid, slot));
    let found = fs::symlink_metadata(&path).ok().filter(|found| found.uid() == uid)?;
    match found.is_symlink() {
        true => fs::read_link(path).ok(),
        false => found.is_dir().then_some(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rundir(named: &[u8]) -> PathBuf {
        let mut env = Environment::empty();
        env.set(b"SIXTREE_RUNDIR", named);
        env.rundir()
    }

    #[test]
    fn a_name_wins_if_it_is_a_path() {
        assert_eq!(rundir(b"/srv/run"), Path::new("/srv/run"));
        assert_eq!(rundir(b"srv/run"), Environment::empty().rundir());
    }

    #[test]
    fn what_is_signed_by_another_init_is_known_as_such() {
        let top = std::env::temp_dir().join(format!("sixtree-rundir-{}", std::process::id()));
        fs::create_dir_all(top.join("s6")).unwrap();
        assert_eq!(Namespaces::of(&top), None);
        sign(&top).unwrap();
        assert_eq!(Namespaces::of(&top), Namespaces::of_this_process());
        fs::write(top.join(SIGNATURE), "pid:[1] mnt:[2]\n").unwrap();
        assert_ne!(Namespaces::of(&top), Namespaces::of_this_process());
        fs::remove_dir_all(top).unwrap();
    }
}
