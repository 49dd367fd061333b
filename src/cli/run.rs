//! `sixtree run`: boots the /init of a root folder in namespaces of its own. No container engine is
//! involved, and nothing of the root changes.

use super::CommandFailure;
use super::arguments::{Argument, CommandSyntax, GivenArguments, ValueKind};
use super::container::{Bind, NewContainer};
use crate::sys::{process, spawn};
use nix::errno::Errno;
use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Signals that are passed on to the container's init.
const FORWARDED: &[Signal] = &[
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGPWR,
    Signal::SIGWINCH,
];

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax = CommandSyntax::new(
    "run",
    "Boot a root folder's /init in namespaces, over a throw-away overlay",
)
.takes(&[&[
    Argument::path("overlay", "DIR", "Lay this folder over the root, too").many(),
    Argument::path("keep", "DIR", "Keep what changes, in DIR/upper"),
    Argument::option("bind", "SRC:DST[:ro]", "Show a file or folder of the host inside").many(),
    Argument::path("env", "K[=V]", "Set a variable, or pass it on").many(),
    Argument::option("workdir", "DIR", "The working directory").default("/"),
    Argument::option("user", "USER[:GROUP]", "The user, by name or number"),
    Argument::option("hostname", "NAME", "The host's name inside"),
    Argument::option("entrypoint", "FILE", "The program to boot").default("/init"),
    Argument::word("root", "ROOT", "").kind(ValueKind::Bytes).required(),
    Argument::rest("cmd", "CMD", ""),
]])
.runs(run);

/// Boots, waits, and returns the container's exit code (128 plus the signal that killed it).
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let container = container(arguments)?;
    let unprivileged = enter_namespaces()?;
    let refused = |e| CommandFailure::system("start the container", e);
    let mut signals = SigSet::from_iter(FORWARDED.iter().copied());
    signals.add(Signal::SIGCHLD);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals), None).map_err(refused)?;
    // The container must not find it open: its init would wait for a line on descriptor 3.
    let news = SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC).map_err(refused)?;
    let child = process::fork_to(|| {
        let failure = match spawn::restore_signals() {
            Ok(()) => container.boot(unprivileged),
            Err(e) => refused(e),
        };
        failure.report("run")
    });
    watch(child.map_err(refused)?, &news).map_err(refused)
}

fn container(arguments: &GivenArguments) -> Result<NewContainer, CommandFailure> {
    let words = |name| arguments.words(name).map(|word| word.as_bytes().to_vec());
    let text = |name| arguments.text(name).map(str::to_owned);
    let paths = |name| arguments.paths(name).map(Path::to_owned);
    let entrypoint = text("entrypoint").unwrap_or_default();
    Ok(NewContainer {
        lowers: paths("root").chain(paths("overlay")).collect(),
        keep: paths("keep").next(),
        binds: arguments.texts("bind").map(bind).collect::<Result<_, _>>()?,
        variables: words("env").collect(),
        workdir: text("workdir").unwrap_or_default().into(),
        user: text("user"),
        hostname: text("hostname"),
        argv: std::iter::once(entrypoint.into_bytes()).chain(words("cmd")).collect(),
    })
}

/// `SRC:DST[:ro]`, as container engines write it.
fn bind(text: &str) -> Result<Bind, CommandFailure> {
    let mut parts = text.split(':');
    let paths = (parts.next().filter(|s| !s.is_empty()), parts.next());
    let read_only = match parts.next() {
        None | Some("rw") => false,
        Some("ro") => true,
        Some(_) => return Err(CommandFailure::usage(format!("--bind {text}: neither ro nor rw"))),
    };
    match (paths, parts.next()) {
        ((Some(source), Some(target)), None) if target.starts_with('/') => {
            Ok(Bind { source: source.into(), target: target.into(), read_only })
        }
        _ => Err(CommandFailure::usage(format!(
            "--bind {text}: not SRC:DST or SRC:DST:ro, DST from /"
        ))),
    }
}

/// Makes the namespaces; with a user namespace among them where this is not root. Whether it is so.
fn enter_namespaces() -> Result<bool, CommandFailure> {
    let own = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWIPC;
    if nix::unistd::geteuid().is_root() && nix::sched::unshare(own).is_ok() {
        return Ok(false);
    }
    let (uid, gid) = (nix::unistd::geteuid(), nix::unistd::getegid());
    nix::sched::unshare(own | CloneFlags::CLONE_NEWUSER).map_err(|e| {
        CommandFailure::system("make namespaces", e).advise(
            ": be root (in a container: with CAP_SYS_ADMIN), or allow user namespaces \
             (sysctl user.max_user_namespaces)",
        )
    })?;
    let map = |file: &str, text: String| {
        let file = Path::new("/proc/self").join(file);
        std::fs::write(&file, text).map_err(CommandFailure::with("write", &file))
    };
    map("setgroups", "deny".into())?;
    map("uid_map", format!("0 {uid} 1"))?;
    map("gid_map", format!("0 {gid} 1"))?;
    Ok(true)
}

/// Passes signals on until the container has ended.
fn watch(init: Pid, news: &SignalFd) -> Result<i32, Errno> {
    loop {
        let Some(signal) = news.read_signal()? else { continue };
        if signal.ssi_signo == libc::SIGCHLD as u32 {
            if let Some((_, status)) = process::wait(init.as_raw(), WaitPidFlag::WNOHANG)? {
                let killed = || 128 + i32::from(status.signal().unwrap_or(0));
                return Ok(status.code().map_or_else(killed, i32::from));
            }
        } else if signal.ssi_code <= libc::SI_USER {
            // From kill(2). What a terminal sends goes to its whole foreground, init included.
            let _ = kill(init, Signal::try_from(signal.ssi_signo as i32)?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_has_a_source_a_target_and_perhaps_ro() {
        let parsed = |text| bind(text).ok().map(|b| (b.source, b.target, b.read_only));
        assert_eq!(parsed("a:/b"), Some(("a".into(), "/b".into(), false)));
        assert_eq!(parsed("/a:/b:ro"), Some(("/a".into(), "/b".into(), true)));
        for wrong in ["/a", "/a:b", ":/b", "/a:/b:rx", "/a:/b:ro:x", ""] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
