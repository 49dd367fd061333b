//! /var/run: scripts write to /var/run/s6 as often as to /run/s6, so the one must be the other.

use crate::format::settings::RUNDIR;
use crate::init::warn;
use crate::sys::directory::{FileKind, Reader};
use crate::sys::mount::{self, Mount};
use crate::sys::{copy, directory, remove};
use crate::tools::die;
use nix::errno::Errno;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

const VAR_RUN: &str = "/var/run";

/// What scripts look for below it.
const NAMES: [&str; 4] = ["s6", "s6-linux-init-container-results", "s6-rc", "service"];

/// Makes /var/run lead to /run.
///
/// Differs: the reference empties a /var/run that is a directory. Here, what it holds is moved to
/// /run first. Where that is not possible, or something is mounted there, the directory stays, with
/// links to what an init makes.
pub(super) fn lead_to_run(verbosity: u8) {
    let (run, var_run) = (Path::new(RUNDIR), Path::new(VAR_RUN));
    let real = |path: &Path| fs::canonicalize(path).ok();
    let leads = real(var_run).is_some_and(|path| Some(path) == real(run));
    if leads || !Path::new("/var").is_dir() {
        return;
    }
    let kind = fs::symlink_metadata(var_run).map(|found| FileKind::from(found.file_type()));
    let linked = match kind {
        Err(_) => symlink(run, var_run),
        Ok(FileKind::Link) => fs::remove_file(var_run).and_then(|()| symlink(run, var_run)),
        Ok(FileKind::Directory) => merge(var_run, run).and_then(|()| symlink(run, var_run)),
        Ok(FileKind::File | FileKind::Other) => Err(Errno::ENOTDIR.into()),
    };
    match linked {
        Ok(()) if kind.is_ok() && verbosity >= 1 => {
            warn("/var/run is not a symlink to /run, fixing it");
        }
        Ok(()) => {}
        Err(e) => {
            let within =
                matches!(kind, Ok(FileKind::Directory)) && link_within(var_run, run).is_ok();
            if verbosity >= 1 {
                stays(&e, within);
            }
        }
    }
}

fn stays(e: &io::Error, within: bool) {
    let why = die::reason(die::errno(e));
    let lost = match within {
        true => "only what /init makes is linked there",
        false => "scripts that use it will miss what is in /run",
    };
    warn(&format!(
        "/var/run does not lead to /run, and cannot be made to: {why}; {lost}: link it in the \
         image (ln -s /run /var/run)"
    ));
}

/// Moves all that is in a directory to another one, and removes it. Nothing changes where something
/// is mounted (EBUSY) or a name is in both (EEXIST).
fn merge(from: &Path, to: &Path) -> io::Result<()> {
    let own = Mount::at(from)?;
    if mount::is_mount_point(from) || holds_mount(from, own) {
        return Err(Errno::EBUSY.into());
    }
    let entries = directory::entries(from)?;
    if entries.iter().any(|entry| fs::symlink_metadata(to.join(&entry.name)).is_ok()) {
        return Err(Errno::EEXIST.into());
    }
    for entry in &entries {
        // A rename is refused (EXDEV) for a directory of an image's lower layers.
        copy::hierarchy(&from.join(&entry.name), &to.join(&entry.name)).map_err(|e| e.errno())?;
    }
    let parent = from.parent().unwrap_or(from);
    let parent = Reader::open(parent.as_os_str().as_bytes())?;
    let name = from.file_name().unwrap_or_default();
    remove::on_its_mount(parent.directory().as_fd(), name)?;
    Ok(())
}

/// Whether anything below a directory is on another mount than `own`.
fn holds_mount(directory: &Path, own: Mount) -> bool {
    let entries = directory::entries(directory).unwrap_or_default();
    entries.iter().any(|entry| {
        let path = directory.join(&entry.name);
        Mount::at(&path).is_ok_and(|other| other != own)
            || (entry.kind == FileKind::Directory && holds_mount(&path, own))
    })
}

/// Links what an init makes in `run` into a directory that stays one.
fn link_within(directory: &Path, run: &Path) -> io::Result<()> {
    for name in NAMES {
        let link = directory.join(name);
        match symlink(run.join(name), &link) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
            Err(e) if fs::read_link(&link).ok().as_deref() != Some(&run.join(name)) => {
                return Err(e);
            }
            _ => {}
        }
    }
    Ok(())
}
