//! What an earlier boot has left in a run directory, and how it is told from what others keep
//! there.
//!
//! Differs: nothing is removed across a mount, nor from a volume what no init has made.

use super::claim::{Contents, LOCK};
use crate::init::Refusal;
use crate::sys::directory::{DirectoryEntry, FileKind, Reader};
use crate::sys::{directory, mount, remove};
use nix::unistd::geteuid;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What an init makes in a run directory: a name, and what is in it from the first moment on,
/// whether we made it or s6-overlay. Anybody's s6-svscan makes `.s6-svscan`, and anybody's s6-log
/// `current`: these say nothing.
const LEFT_OVER: [(&str, &str); 5] = [
    ("s6", "basedir"),
    ("s6-linux-init-container-results", "exitcode"),
    ("s6-rc", "servicedirs"),
    ("service", "s6-linux-init-shutdownd"),
    (UNCAUGHT_LOGS, "../service/s6-svscan-log"),
];

const UNCAUGHT_LOGS: &str = "uncaught-logs";

/// What an init makes in the scan directory, beside the links to services.
const OWN_SERVICES: [&str; 3] = [".s6-svscan", "s6-linux-init-shutdownd", "s6-svscan-log"];

/// What the live directories of s6-rc-init begin with: /run/s6-rc is then a link to one.
const LIVE: &str = "s6-rc:";

/// The first entry of a run directory that has a name of ours and is not ours to remove.
pub(super) fn foreign(run: &Path, contents: Contents) -> Option<PathBuf> {
    let entries = directory::entries(run).unwrap_or_default();
    let is_ours = contents == Contents::Any;
    // The lock is for what every init makes. Not every one makes logs.
    let is_locked = entries.iter().any(|entry| entry.name == LOCK);
    let is_sure = |entry: &DirectoryEntry| is_ours || is_locked && entry.name != UNCAUGHT_LOGS;
    let known = entries.iter().filter_map(|entry| Some((entry, mark(&entry.name)?)));
    let foreign = known.filter(|(entry, mark)| {
        let path = run.join(&entry.name);
        // What is mounted stays, and is used as it is.
        !mount::is_mount_point(&path)
            && (!is_removable(run, &path)
                || !(is_sure(entry) || is_marked(&path, entry.kind, mark)))
    });
    foreign.map(|(entry, _)| run.join(&entry.name)).next()
}

/// Removes what an earlier boot left. Mounts stay, and the folders that they are in. Of what an
/// init has made in a mount of its own (a volume on /run/s6), nothing is left that would be in our
/// way.
pub(super) fn clear(run: &Path) -> Result<(), Refusal> {
    let unreadable = |e: nix::errno::Errno| Refusal::unwritable(run)(e.into());
    let mut reader = Reader::open(run.as_os_str().as_bytes()).map_err(unreadable)?;
    let entries = reader.entries().map_err(unreadable)?;
    for DirectoryEntry { name, kind } in &entries {
        let Some(mark) = mark(name) else { continue };
        let path = run.join(name);
        let failed = |e: nix::errno::Errno| Refusal::unwritable(&path)(e.into());
        if *kind == FileKind::Directory && mount::is_mount_point(&path) {
            if is_marked(&path, *kind, mark) {
                clear_mounted(&path, name).map_err(failed)?;
            }
        } else {
            remove::on_its_mount(reader.directory().as_fd(), name).map_err(failed)?;
        }
    }
    Ok(())
}

/// Removes what an init has made in a mount. Logs stay, and a service of somebody's own.
fn clear_mounted(path: &Path, name: &OsStr) -> Result<(), nix::errno::Errno> {
    let mut reader = Reader::open(path.as_os_str().as_bytes())?;
    let entries = reader.entries()?;
    let is_made = |entry: &&DirectoryEntry| match name.to_str() {
        Some("s6" | "s6-rc") => true,
        Some("service") => {
            entry.kind == FileKind::Link || OWN_SERVICES.iter().any(|own| entry.name == *own)
        }
        Some(_) | None => false,
    };
    for entry in entries.iter().filter(is_made) {
        remove::on_its_mount(reader.directory().as_fd(), &entry.name)?;
    }
    Ok(())
}

/// What is in an entry of this name, or where from it, if it is a name of ours.
fn mark(name: &OsStr) -> Option<&'static str> {
    let name =
        if name.as_bytes().starts_with(LIVE.as_bytes()) { OsStr::new("s6-rc") } else { name };
    LEFT_OVER.iter().find(|(known, _)| name == *known).map(|(_, mark)| *mark)
}

/// Whether an init has made it.
fn is_marked(path: &Path, kind: FileKind, mark: &str) -> bool {
    match kind {
        FileKind::Directory => {
            let is_empty = || directory::entries(path).is_ok_and(|entries| entries.is_empty());
            fs::symlink_metadata(path.join(mark)).is_ok() || is_empty()
        }
        FileKind::Link => fs::read_link(path)
            .is_ok_and(|target| target.as_os_str().as_bytes().starts_with(LIVE.as_bytes())),
        FileKind::File | FileKind::Other => false,
    }
}

/// Whether we may remove it. Under a sticky bit, only the owners and root may.
fn is_removable(run: &Path, path: &Path) -> bool {
    let own = |owner: u32| geteuid().is_root() || owner == geteuid().as_raw();
    let is_sticky_and_foreign = |run: fs::Metadata| run.mode() & 0o1000 != 0 && !own(run.uid());
    fs::symlink_metadata(path).is_ok_and(|found| own(found.uid()))
        || !fs::metadata(run).is_ok_and(is_sticky_and_foreign)
}
