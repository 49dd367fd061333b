//! What a longrun's service directory is made of. Reference: s6-rc-compile's page.

use crate::definition::{HANDED_ON, Longrun};
use crate::sys::{file, remove};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Folders that are handed on whole.
const FOLDERS: &[&str] = &["data", "env", "template"];

/// Scripts: executable in the live tree, whatever they are in the source.
const SCRIPTS: &[&str] = &["run", "finish"];

/// A part of the live tree that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("unable to make {}: {source}", .path.display())]
pub struct LiveError {
    path: PathBuf,
    source: io::Error,
}

/// Copies what a service directory is made of.
pub fn fill(source: &Path, target: &Path, longrun: &Longrun) -> Result<(), LiveError> {
    for name in longrun.handed_on.iter().copied() {
        let (from, to) = (source.join(name), target.join(name));
        if SCRIPTS.contains(&name) {
            copy_script(&from, &to, longrun)?;
        } else if FOLDERS.contains(&name) {
            copy_folder(&from, &to)?;
        } else {
            copy_file(&from, &to, 0o644)?;
        }
    }
    if longrun.handed_on.contains(&"template") {
        for folder in ["instance", "instances"] {
            let folder = target.join(folder);
            fs::create_dir_all(&folder).map_err(at(&folder))?;
        }
    }
    Ok(())
}

/// In a pipeline the author's script is `NAME.user`, which images edit; `NAME` leads to it.
fn copy_script(from: &Path, to: &Path, longrun: &Longrun) -> Result<(), LiveError> {
    if longrun.producer_for.is_none() && longrun.consumer_for.is_empty() {
        return copy_file(from, to, 0o755);
    }
    let name = format!("{}.user", to.file_name().unwrap_or_default().to_string_lossy());
    copy_file(from, &to.with_file_name(&name), 0o755)?;
    symlink(&name, to).map_err(at(to))
}

fn copy_file(from: &Path, to: &Path, mode: u32) -> Result<(), LiveError> {
    let copied = file::copy(from.as_os_str().as_bytes(), to.as_os_str().as_bytes(), mode);
    copied.map_err(|e| at(to)(e.into()))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), LiveError> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(|e| LiveError { path: from.to_owned(), source: e.into() })?;
        let Ok(relative) = entry.path().strip_prefix(from) else { continue };
        let target = to.join(relative);
        let kind = entry.file_type();
        let made = if kind.is_dir() {
            fs::create_dir(&target)
        } else if kind.is_symlink() {
            fs::read_link(entry.path()).and_then(|link| symlink(link, &target))
        } else {
            fs::copy(entry.path(), &target).map(drop)
        };
        made.map_err(at(&target))?;
        if kind.is_dir() {
            let mode = fs::metadata(entry.path()).map(|m| m.permissions());
            let _ = mode.and_then(|mode| fs::set_permissions(&target, mode));
        }
    }
    Ok(())
}

/// Says which path an error is about.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> LiveError {
    let path = path.to_owned();
    |source| LiveError { path, source }
}

/// Replaces all that comes from the definition, and leaves what supervision has put there. Every
/// file is a new one: a script that runs reads on in the old one.
pub fn refresh(source: &Path, target: &Path, longrun: &Longrun) -> Result<(), LiveError> {
    let users = SCRIPTS.iter().map(|name| format!("{name}.user"));
    let names = HANDED_ON.iter().map(|name| (*name).to_owned()).chain(users);
    for name in names {
        let path = target.join(name);
        remove::hierarchy(&path).map_err(io::Error::from).map_err(at(&path))?;
    }
    fill(source, target, longrun)
}
