//! The inside of `sixtree run`: the first process of new namespaces builds the root that it is to
//! have, moves in, and becomes the init.

use super::CommandFailure;
use crate::sys::identity::Identity;
use crate::sys::mount::Tree;
use crate::sys::user::{Group, User};
use crate::sys::{exec, fd};
use crate::tools::{Environment, Word, die};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What container engines give where an image says nothing.
const PATH: &[u8] = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Devices that the host lends.
const DEVICES: &[&str] = &["full", "null", "random", "tty", "urandom", "zero"];

/// Links in /dev, and where they lead.
const DEVICE_LINKS: &[(&str, &str)] = &[
    ("fd", "/proc/self/fd"),
    ("ptmx", "pts/ptmx"),
    ("stderr", "fd/2"),
    ("stdin", "fd/0"),
    ("stdout", "fd/1"),
];

/// A file or folder of the host that is seen inside.
pub(super) struct Bind {
    /// Its path outside.
    pub source: PathBuf,
    /// Its path inside.
    pub target: PathBuf,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// A container to be.
pub(super) struct NewContainer {
    /// The folders of its root, the lowest first.
    pub lowers: Vec<PathBuf>,
    /// Where its changes are kept; without it they are thrown away.
    pub keep: Option<PathBuf>,
    /// What it shares with the host.
    pub binds: Vec<Bind>,
    /// `K=V` to set a variable, `K` to pass on the host's.
    pub variables: Vec<Word>,
    /// Where its init starts.
    pub workdir: PathBuf,
    /// `USER[:GROUP]`, names or numbers.
    pub user: Option<String>,
    /// Its own name for the host.
    pub hostname: Option<String>,
    /// Its init and the arguments.
    pub argv: Vec<Word>,
}

impl NewContainer {
    /// Becomes the init. Called by PID 1 of the new namespaces; returns only to say why it could
    /// not. `unprivileged`: a user namespace is among them.
    pub(super) fn boot(&self, unprivileged: bool) -> CommandFailure {
        match self.prepare(unprivileged) {
            Ok(environment) => {
                let init = self.argv.first().map_or(b"".as_slice(), Vec::as_slice);
                let e = exec::execve(init, &self.argv, environment.strings());
                CommandFailure::system(format!("exec {}", die::show(init)), e)
            }
            Err(failure) => failure,
        }
    }

    fn prepare(&self, unprivileged: bool) -> Result<Environment, CommandFailure> {
        nix::sys::stat::umask(Mode::from_bits_truncate(0o022));
        // It shall not survive the command that was asked to run it.
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
            .map_err(refused("follow sixtree run"))?;
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
            .map_err(refused("make mounts private"))?;
        let binds = self.binds.iter().map(|b| Ok((b, tree(&b.source)?)));
        let binds: Vec<_> = binds.collect::<Result<_, CommandFailure>>()?;
        let devices = DEVICES.iter().map(|name| Ok((name, tree(&Path::new("/dev").join(name))?)));
        let devices: Vec<_> = devices.collect::<Result<_, CommandFailure>>()?;

        self.overlay(unprivileged)?;
        move_in()?;
        fill_dev(devices)?;
        for (bind, tree) in binds {
            put(bind, tree)?;
        }
        if let Some(name) = &self.hostname {
            nix::unistd::sethostname(name).map_err(refused("set the host's name"))?;
        }
        let (identity, home) = self.identity()?;
        let environment = self.environment(&home);
        fs::create_dir_all(&self.workdir)
            .and_then(|()| std::env::set_current_dir(&self.workdir))
            .map_err(CommandFailure::with("change to", &self.workdir))?;
        identity.assume().map_err(|r| CommandFailure::system(r.step, r.errno))?;
        Ok(environment)
    }

    /// Mounts the root's folders over each other, with a tmpfs on top that takes all changes, and
    /// makes the result the working directory.
    fn overlay(&self, unprivileged: bool) -> Result<(), CommandFailure> {
        let Some(place) = self.lowers.first() else { return Ok(()) };
        if self.lowers.iter().any(|folder| folder == Path::new("/")) {
            return Err(CommandFailure::usage("the root is this system's own: give a copy of it"));
        }
        let lowers = self.lowers.iter().map(|path| folder(path));
        let lowers: Vec<OwnedFd> = lowers.collect::<Result<_, _>>()?;
        let kept = self.keep.as_deref().map(folder).transpose()?;

        // The tmpfs goes over the root itself, which the descriptors still lead to.
        let mode = Some("mode=0755");
        mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), mode)
            .map_err(CommandFailure::with("mount a tmpfs over", place))?;
        std::env::set_current_dir(place).map_err(CommandFailure::with("change to", place))?;
        let changes = kept.as_ref().map_or(".".to_string(), reopened);
        for folder in [&format!("{changes}/upper"), &format!("{changes}/work"), "root"] {
            fs::create_dir_all(folder)
                .map_err(CommandFailure::with("make the folder", Path::new(folder)))?;
        }
        let options = format!(
            "lowerdir={},upperdir={changes}/upper,workdir={changes}/work{}",
            lowers.iter().rev().map(reopened).collect::<Vec<_>>().join(":"),
            if unprivileged { ",userxattr" } else { "" }
        );
        mount(Some("overlay"), "root", Some("overlay"), MsFlags::empty(), Some(options.as_str()))
            .map_err(CommandFailure::with("mount an overlay over", place))?;
        std::env::set_current_dir("root").map_err(CommandFailure::with("change to", place))
    }

    /// Whom to become, by the container's own /etc/passwd, and that user's home.
    fn identity(&self) -> Result<(Identity, Word), CommandFailure> {
        let Some(wanted) = &self.user else { return Ok((Identity::default(), b"/root".to_vec())) };
        let (user, group) = wanted.split_once(':').unwrap_or((wanted, ""));
        let unknown =
            |what: &str| CommandFailure::usage(format!("--user {wanted}: no such {what}"));
        let database = refused("read /etc/passwd and /etc/group");
        let known = match user.parse::<u32>() {
            Ok(uid) => User::by_uid(uid).map_err(&database)?,
            Err(_) => User::by_name(user.as_bytes()).map_err(&database)?,
        };
        let uid = known.as_ref().map(|u| u.uid).or(user.parse().ok()).ok_or(unknown("user"))?;
        let primary = known.as_ref().map_or(0, |u| u.gid);
        let gid = match (group, group.parse::<u32>()) {
            ("", _) => primary,
            (_, Ok(gid)) => gid,
            (name, _) => {
                let found = Group::by_name(name.as_bytes()).map_err(&database)?;
                found.ok_or(unknown("group"))?.gid
            }
        };
        let groups = match &known {
            Some(user) if group.is_empty() => Group::memberships(&user.name).map_err(&database)?,
            _ => Vec::new(),
        };
        let home = known.map_or(b"/".to_vec(), |u| u.home);
        Ok((Identity { uid: Some(uid), gid: Some(gid), groups: Some(groups) }, home))
    }

    fn environment(&self, home: &[u8]) -> Environment {
        let host = Environment::inherited();
        let mut inside = Environment::empty();
        inside.set(b"PATH", PATH);
        inside.set(b"HOME", home);
        if let Ok(name) = nix::unistd::gethostname() {
            inside.set(b"HOSTNAME", name.as_encoded_bytes());
        }
        if let (Some(terminal), Ok(true)) = (host.get(b"TERM"), nix::unistd::isatty(fd::borrow(&0)))
        {
            inside.set(b"TERM", terminal);
        }
        for variable in &self.variables {
            match variable.iter().position(|&b| b == b'=') {
                Some(at) => inside.set(&variable[..at], &variable[at + 1..]),
                None => {
                    if let Some(value) = host.get(variable) {
                        inside.set(variable, value);
                    }
                }
            }
        }
        inside
    }
}

/// A folder, held by a descriptor: whatever is mounted over its path later.
fn folder(path: &Path) -> Result<OwnedFd, CommandFailure> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).map_err(CommandFailure::with("open", path))
}

fn reopened(fd: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", fd.as_raw_fd())
}

fn tree(path: &Path) -> Result<Tree, CommandFailure> {
    Tree::of(path).map_err(CommandFailure::with("take", path))
}

/// Mounts /proc and makes the working directory the root. /proc is first, because a user namespace
/// may mount one only while it sees another.
fn move_in() -> Result<(), CommandFailure> {
    fs::create_dir_all("proc")
        .map_err(CommandFailure::with("make the folder", Path::new("/proc")))?;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), "proc", Some("proc"), quiet, None::<&str>)
        .map_err(refused("mount /proc"))?;
    // The old root ends up below the new one, at the same place, and is then let go.
    nix::unistd::pivot_root(".", ".").map_err(refused("change the root"))?;
    umount2(".", MntFlags::MNT_DETACH).map_err(refused("let go of the old root"))?;
    std::env::set_current_dir("/").map_err(CommandFailure::with("change to", Path::new("/")))
}

fn fill_dev(devices: Vec<(&&str, Tree)>) -> Result<(), CommandFailure> {
    let dev = Path::new("/dev");
    let tmpfs = |path: &str, options: &str| {
        fs::create_dir_all(path)
            .map_err(CommandFailure::with("make the folder", Path::new(path)))?;
        mount(Some("tmpfs"), path, Some("tmpfs"), MsFlags::MS_NOSUID, Some(options))
            .map_err(CommandFailure::with("mount", Path::new(path)))
    };
    tmpfs("/dev", "mode=0755")?;
    for (name, tree) in devices {
        let path = dev.join(name);
        fs::write(&path, "").map_err(CommandFailure::with("make", &path))?;
        tree.attach(&path).map_err(CommandFailure::with("mount", &path))?;
    }
    for (name, target) in DEVICE_LINKS {
        symlink(target, dev.join(name)).map_err(CommandFailure::with("link", &dev.join(name)))?;
    }
    tmpfs("/dev/shm", "mode=1777")?;
    let pts = dev.join("pts");
    fs::create_dir(&pts).map_err(CommandFailure::with("make the folder", &pts))?;
    let options = Some("newinstance,ptmxmode=0666,mode=0620");
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    mount(Some("devpts"), &pts, Some("devpts"), quiet, options)
        .map_err(CommandFailure::with("mount", &pts))
}

/// Puts a shared file or folder where it shall be seen; what is not there yet is made.
fn put(bind: &Bind, tree: Tree) -> Result<(), CommandFailure> {
    let target = &bind.target;
    let parent = target.parent().unwrap_or(target);
    let is_folder =
        fs::metadata(tree.path()).map_err(CommandFailure::with("read", &bind.source))?.is_dir();
    fs::create_dir_all(if is_folder { target } else { parent })
        .map_err(CommandFailure::with("make the folder", target))?;
    if !is_folder && !target.exists() {
        fs::write(target, "").map_err(CommandFailure::with("make", target))?;
    }
    tree.attach(target).map_err(CommandFailure::with("mount", target))?;
    if bind.read_only {
        let how = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY;
        mount(None::<&str>, target, None::<&str>, how, None::<&str>)
            .map_err(CommandFailure::with("make read-only", target))?;
    }
    Ok(())
}

/// Says what the system refused to do.
fn refused(what: &'static str) -> impl Fn(Errno) -> CommandFailure {
    move |e| CommandFailure::system(what, e)
}
