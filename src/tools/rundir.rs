//! Where the container that a tool is in keeps what changes at run time.

use super::{Environment, Word, path};
use crate::format::settings::{RUNDIR, RUNDIR_SLOTS, private_rundir};
use crate::sys::file;
use nix::unistd::geteuid;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
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
        if let Some(named) = named.as_ref().filter(|named| !is_taken(named)) {
            return named.clone();
        }
        let run = PathBuf::from(RUNDIR);
        let here = Namespaces::of_this_process();
        let mut same_pids = None;
        for directory in std::iter::once(run.clone()).chain(private_directories()) {
            let namespaces = Namespaces::of(&directory);
            if namespaces.is_some() && namespaces == here {
                return directory;
            }
            if same_pids.is_none() && has_same_pids(&namespaces, &here) {
                same_pids = Some(directory);
            }
        }
        same_pids.or(named).unwrap_or_else(|| unsigned(run))
    }
}

/// Whether this container's init cannot have used a directory: that of another one has, or somebody
/// keeps other things under the names that it needs.
fn is_taken(directory: &Path) -> bool {
    let namespaces = Namespaces::of(directory);
    match namespaces {
        Some(_) => !has_same_pids(&namespaces, &Namespaces::of_this_process()),
        None => LIVE.iter().any(|name| directory.join(OsStr::from_bytes(name)).exists()),
    }
}

fn has_same_pids(one: &Option<Namespaces>, other: &Option<Namespaces>) -> bool {
    one.as_ref().zip(other.as_ref()).is_some_and(|(one, other)| one.pid == other.pid)
}

/// Where scripts name what an init makes.
const USUAL: [&[u8]; 2] = [b"/run/", b"/var/run/"];

/// What it makes there.
const LIVE: [&[u8]; 5] =
    [b"s6", b"s6-linux-init-container-results", b"s6-rc", b"service", b"uncaught-logs"];

/// The tools that take such paths.
const TAKE_LIVE_PATHS: &[&str] = &[
    "cd",
    "elglob",
    "eltest",
    "envfile",
    "execline-cd",
    "justc-envdir",
    "logutil-newfifo",
    "posix-cd",
    "redirfd",
    "s6-chmod",
    "s6-chown",
    "s6-cleanfifodir",
    "s6-envdir",
    "s6-fdholder-delete",
    "s6-fdholder-getdump",
    "s6-fdholder-list",
    "s6-fdholder-retrieve",
    "s6-fdholder-setdump",
    "s6-fdholder-store",
    "s6-fdholder-transferdump",
    "s6-ftrig-listen",
    "s6-ftrig-listen1",
    "s6-ftrig-notify",
    "s6-ftrig-wait",
    "s6-hiercopy",
    "s6-instance-control",
    "s6-instance-create",
    "s6-instance-delete",
    "s6-instance-list",
    "s6-instance-status",
    "s6-ipcclient",
    "s6-linkname",
    "s6-ln",
    "s6-ls",
    "s6-mkdir",
    "s6-mkfifo",
    "s6-mkfifodir",
    "s6-rc",
    "s6-rc-db",
    "s6-rc-update",
    "s6-rename",
    "s6-rmrf",
    "s6-setlock",
    "s6-sudo",
    "s6-svc",
    "s6-svdt",
    "s6-svdt-clear",
    "s6-svlink",
    "s6-svlisten",
    "s6-svlisten1",
    "s6-svok",
    "s6-svperms",
    "s6-svscanctl",
    "s6-svstat",
    "s6-svunlink",
    "s6-svwait",
    "s6-touch",
];

/// Has a tool's words lead to this container's run directory where they name what an init makes in
/// /run, and it is not there, or another container's.
pub fn redirect(tool: &str, env: &Environment, words: &mut [Word]) {
    let is_live = |word: &Word| live(word).is_some();
    if words.iter().any(is_live) && TAKE_LIVE_PATHS.binary_search(&tool).is_ok() {
        for word in words {
            if let Some(elsewhere) = redirected(env, word) {
                *word = elsewhere;
            }
        }
    }
}

/// What follows /run/ in a path to something that an init makes.
fn live(word: &[u8]) -> Option<&[u8]> {
    let below = USUAL.iter().find_map(|usual| word.strip_prefix(*usual))?;
    let name = below.split(|&b| b == b'/').next()?;
    LIVE.contains(&name).then_some(below)
}

/// The same path below the run directory of this container's init, if that is where it leads.
fn redirected(env: &Environment, word: &[u8]) -> Option<Word> {
    let below = path(live(word)?);
    let run = Path::new(RUNDIR);
    if leads_somewhere(run, below) && !is_of_another_init(run) {
        return None;
    }
    let rundir = env.rundir();
    (rundir != run && leads_somewhere(&rundir, below))
        .then(|| rundir.join(below).into_os_string().into_vec())
}

/// Whether a path is there, or could be made in a folder that is.
fn leads_somewhere(run: &Path, below: &Path) -> bool {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    let parent = below.parent().filter(|parent| !parent.as_os_str().is_empty());
    is_there(&run.join(below)) || parent.is_some_and(|parent| is_there(&run.join(parent)))
}

fn is_of_another_init(run: &Path) -> bool {
    let namespaces = Namespaces::of(run);
    namespaces.is_some() && !has_same_pids(&namespaces, &Namespaces::of_this_process())
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
    fn tools_that_take_live_paths_are_tools() {
        assert!(TAKE_LIVE_PATHS.is_sorted());
        for name in TAKE_LIVE_PATHS {
            assert!(crate::tools::find(name.as_bytes()).is_some(), "{name}");
        }
    }

    #[test]
    fn only_what_an_init_makes_is_a_live_path() {
        let shown = |word: &str| live(word.as_bytes()).map(|below| path(below).to_path_buf());
        assert_eq!(shown("/run/service/web"), Some("service/web".into()));
        assert_eq!(shown("/var/run/s6"), Some("s6".into()));
        for other in ["/run", "/run/servicesocket", "/run/web/service", "run/s6", "/srv/run/s6"] {
            assert_eq!(shown(other), None, "{other}");
        }
    }

    #[test]
    fn a_live_path_that_is_not_there_leads_to_the_run_directory() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().join("top");
        fs::create_dir_all(top.join("service/absent-from-run")).unwrap();
        let mut env = Environment::empty();
        env.set(b"SIXTREE_RUNDIR", top.as_os_str().as_bytes());
        let redirect = |tool: &str, word: &str| {
            let mut words = vec![tool.into(), word.into()];
            redirect(tool, &env, &mut words);
            String::from_utf8(words.remove(1)).unwrap()
        };
        let service = "/var/run/service/absent-from-run";
        let there = format!("{}/service/absent-from-run", top.display());
        assert_eq!(redirect("s6-svstat", service), there);
        assert_eq!(redirect("s6-echo", service), service);
        assert_eq!(redirect("s6-svstat", "/run/s6/nowhere"), "/run/s6/nowhere");
    }

    #[test]
    fn what_is_signed_by_another_init_is_known_as_such() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().join("top");
        fs::create_dir_all(top.join("s6")).unwrap();
        assert_eq!(Namespaces::of(&top), None);
        sign(&top).unwrap();
        assert_eq!(Namespaces::of(&top), Namespaces::of_this_process());
        fs::write(top.join(SIGNATURE), "pid:[1] mnt:[2]\n").unwrap();
        assert_ne!(Namespaces::of(&top), Namespaces::of_this_process());
    }
}
