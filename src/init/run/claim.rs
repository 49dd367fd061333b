//! Whose a run directory is: a lock that is held for as long as an init lives keeps others out of
//! it, and what is in it must be ours to remove.
//!
//! Differs: the reference empties /run, whoever uses it.

use super::clear;
use crate::format::settings::{RUNDIR_SLOTS, private_rundir};
use crate::sys::lock::Lock;
use crate::tools::die;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, access, geteuid};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// The file that is locked. It also marks a directory as one of ours.
pub(super) const LOCK: &str = ".sixtree.lock";

/// What may be in a run directory under the names that we use there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// Anything: the directory is the container's own, and so is what is in it.
    Any,
    /// What an init has left there, as can be seen. It may be somebody's volume.
    OnlyMarked,
}

/// Why a directory cannot be the run directory.
#[derive(Debug)]
pub(super) enum Unusable {
    /// This user may not write to it.
    NotWritable,
    /// Another init works there.
    InUse,
    /// This is there, and is not ours to remove.
    Foreign(PathBuf),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWritable => write!(f, "cannot be written to"),
            Self::InUse => write!(f, "is in use by another init"),
            Self::Foreign(path) => {
                write!(f, "holds {}, which no init of this user has made", path.display())
            }
        }
    }
}

/// Claims a directory. `None`: its file system has no locks.
pub(super) fn take(directory: &Path, contents: Contents) -> Result<Option<Lock>, Unusable> {
    let usable = AccessFlags::W_OK | AccessFlags::X_OK;
    if !directory.is_dir() || access(directory, usable).is_err() {
        return Err(Unusable::NotWritable);
    }
    if let Some(foreign) = clear::foreign(directory, contents) {
        return Err(Unusable::Foreign(foreign));
    }
    lock(directory)
}

/// Takes the lock of a directory that can be written to.
pub(super) fn lock(directory: &Path) -> Result<Option<Lock>, Unusable> {
    let file = directory.join(LOCK);
    // Where everybody may write, O_CREAT on a file of another user fails (protected_regular).
    let flags = OFlag::O_RDWR | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let private = Mode::S_IRUSR | Mode::S_IWUSR;
    let opened = match open(&file, flags, private) {
        Err(Errno::ENOENT) => open(&file, flags | OFlag::O_CREAT | OFlag::O_EXCL, private),
        other => other,
    };
    match opened.map(Lock::on) {
        Ok(Ok(Some(lock))) => Ok(Some(lock)),
        Ok(Ok(None)) => Err(Unusable::InUse),
        // Another one has made it this very moment.
        Err(Errno::EEXIST) => Err(Unusable::InUse),
        Err(Errno::EACCES | Errno::EPERM | Errno::ELOOP) => Err(Unusable::Foreign(file)),
        // Without locks, or room for a file: as well as can be.
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

/// Makes and claims a directory under /tmp that is this user's alone. `Err` says which cannot be
/// used, and why.
pub(super) fn private_directory() -> Result<(PathBuf, Option<Lock>), String> {
    let uid = geteuid().as_raw();
    let mut first = None;
    for slot in 0..RUNDIR_SLOTS {
        let path = PathBuf::from(private_rundir(uid, slot));
        let refused = match fs::DirBuilder::new().mode(0o700).create(&path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                return Err(format!("{} ({})", path.display(), die::reason(die::errno(&e))));
            }
            _ => is_private(&path, uid).and_then(|()| lock(&path).map_err(|why| why.to_string())),
        };
        match refused {
            Ok(lock) => return Ok((path, lock)),
            Err(why) => first.get_or_insert(format!("{} ({why})", path.display())),
        };
    }
    Err(first.unwrap_or_default())
}

/// Anyone can make something of that name.
fn is_private(path: &Path, uid: u32) -> Result<(), String> {
    let found = fs::symlink_metadata(path).map_err(|e| die::reason(die::errno(&e)).to_owned())?;
    if !found.is_dir() {
        return Err("it is no directory".to_owned());
    }
    if found.uid() != uid || found.mode() & 0o077 != 0 {
        return Err("it belongs to another user, or others may write to it".to_owned());
    }
    Ok(())
}

/// Leaves a link where this user's run directories are looked for, to one that is elsewhere.
pub(super) fn link(directory: &Path) -> Option<PathBuf> {
    let uid = geteuid().as_raw();
    for slot in 0..RUNDIR_SLOTS {
        let link = PathBuf::from(private_rundir(uid, slot));
        let made = symlink(directory, &link).or_else(|e| match is_stale(&link, uid, directory) {
            true => fs::remove_file(&link).and_then(|()| symlink(directory, &link)),
            false => Err(e),
        });
        match made {
            Ok(()) => return Some(link),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            // Nobody needs it who knows where to look.
            Err(_) => return None,
        }
    }
    None
}

/// Whether this is a link of ours that leads to no other init.
fn is_stale(link: &Path, uid: u32, own: &Path) -> bool {
    let is_ours = fs::symlink_metadata(link).is_ok_and(|m| m.is_symlink() && m.uid() == uid);
    let target = fs::read_link(link).ok().filter(|_| is_ours);
    target.is_some_and(|target| {
        use std::os::unix::ffi::OsStrExt;
        let lock = target.join(LOCK);
        target == own || crate::sys::lock::is_locked(lock.as_os_str().as_bytes()) == Ok(false)
    })
}
