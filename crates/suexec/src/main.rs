//! Setuid root, and optional: gives /run to the container's user, then becomes /init as that user.
//!
//! An image for s6-overlay may test who owns /run, because the reference's setuid program gives it
//! to the container's user. `sixtree-suexec.tar.xz` puts this in the place of /init.
//!
//! It takes no argument and no variable for itself, and does one thing as root: chown and chmod of
//! /run. It refuses unless all of this holds:
//!
//! - It is PID 1, for /proc, too: no service that has a PID namespace of its own. So it is the
//!   first program of the container, and nobody can have it run later.
//! - No init has worked in /run.
//! - /run is a directory of root's, and no link. It is opened once, and all is done to what was
//!   opened.
//! - It is the image's own, or a tmpfs that holds nothing but what engines mount there: never a
//!   volume, nor the host's /run.
//!
//! Whatever it finds, it gives up all rights for good before it goes on.
#![forbid(unsafe_code)]

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use nix::unistd::{
    Gid, Uid, execv, fchown, getegid, geteuid, getgid, getuid, setresgid, setresuid,
};
use std::ffi::{CString, OsString};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

/// What it becomes: the program that /init is without it.
const INIT: &str = "/command/sixtree";

const RUN: &str = "/run";

/// What an init makes in /run.
const MADE_BY_INIT: [&str; 4] = [".sixtree.lock", "s6", "s6-rc", "service"];

/// What engines mount in a tmpfs on /run.
const MADE_BY_ENGINES: [&str; 2] = [".containerenv", "secrets"];

fn main() -> ExitCode {
    if geteuid().is_root()
        && !getuid().is_root()
        && let Err(why) = give_run(getuid(), getgid())
    {
        report(&format!("warning: /run stays as it is: {why}"));
    }
    if let Err(why) = give_up_rights(getuid(), getgid()) {
        report(&format!("fatal: unable to give up the rights of root: {why}"));
        return ExitCode::from(111);
    }
    let why = become_init();
    report(&format!("fatal: unable to exec {INIT}: {why}"));
    ExitCode::from(127)
}

/// Gives /run to the user.
fn give_run(uid: Uid, gid: Gid) -> Result<(), String> {
    let shown = std::fs::read_link("/proc/self").map_err(|e| e.to_string())?;
    if std::process::id() != 1 || shown.as_os_str() != "1" {
        return Err("this is not PID 1 of the container".to_owned());
    }
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let run = open(RUN, flags, Mode::empty()).map_err(text)?;
    let owner = fstat(&run).map_err(text)?.st_uid;
    if owner != 0 {
        return Err(format!("it belongs to uid {owner}"));
    }
    let names = names(&run)?;
    if let Some(name) = names.iter().find(|name| MADE_BY_INIT.iter().any(|made| *name == made)) {
        return Err(format!("an init has been there, and left {}", name.display()));
    }
    if mount_of(&run)? != mount_of(&open("/", flags, Mode::empty()).map_err(text)?)? {
        if fstatfs(&run).map_err(text)?.filesystem_type() != TMPFS_MAGIC {
            return Err("it is a volume".to_owned());
        }
        let other = names.iter().find(|name| !MADE_BY_ENGINES.iter().any(|made| *name == made));
        if let Some(name) = other {
            return Err(format!("it is a mount, and holds {}", name.display()));
        }
    }
    fchown(&run, Some(uid), Some(gid)).map_err(text)?;
    fchmod(&run, Mode::from_bits_truncate(0o755)).map_err(text)
}

/// What is in an open directory.
fn names(directory: &OwnedFd) -> Result<Vec<OsString>, String> {
    let entries = std::fs::read_dir(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    let names = entries.and_then(|all| all.map(|entry| Ok(entry?.file_name())).collect());
    names.map_err(|e: std::io::Error| e.to_string())
}

/// The device and the mount that an open file is on.
fn mount_of(file: &OwnedFd) -> Result<(u64, String), String> {
    let device = fstat(file).map_err(text)?.st_dev;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
    let info = info.map_err(|e| e.to_string())?;
    let id = info.lines().find(|line| line.starts_with("mnt_id:"));
    Ok((device, id.ok_or("the kernel does not tell what is mounted")?.to_owned()))
}

/// Real, effective and saved ids become the user's; there is no way back.
fn give_up_rights(uid: Uid, gid: Gid) -> Result<(), String> {
    setresgid(gid, gid, gid).map_err(text)?;
    setresuid(uid, uid, uid).map_err(text)?;
    match geteuid() == uid
        && getegid() == gid
        && (uid.is_root() || setresuid(uid, Uid::from_raw(0), uid).is_err())
    {
        true => Ok(()),
        false => Err("they are still there".to_owned()),
    }
}

/// Returns only to say why it could not.
#[expect(clippy::disallowed_methods, reason = "this program has Rust's own start-up")]
fn become_init() -> String {
    let words = std::env::args_os().map(|word| CString::new(word.into_vec()));
    let words: Result<Vec<CString>, _> = words.collect();
    match (CString::new(INIT), words) {
        (Ok(init), Ok(words)) => execv(&init, &words).map_or_else(text, |never| match never {}),
        _ => "a word holds a NUL".to_owned(),
    }
}

fn text(e: nix::errno::Errno) -> String {
    e.desc().to_owned()
}

fn report(line: &str) {
    // There is nobody else to tell.
    let _ = writeln!(std::io::stderr(), "sixtree-suexec: {line}");
}
