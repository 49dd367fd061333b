//! Makes the live service directory of a longrun. Reference: s6-rc-compile's page.

use crate::definition::{HANDED_ON, Longrun};
use crate::sys::file::{self, CopyError};
use crate::sys::{copy, remove};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Folders that are handed on whole.
const FOLDERS: &[&str] = &["data", "env", "template"];

/// Scripts: executable in the live tree, whatever they are in the source.
const SCRIPTS: &[&str] = &["run", "finish"];

/// A file that may be a script, and is none of the supervisor's.
const PERHAPS_SCRIPT: &str = "ready-exec";

/// Why a part of the live tree could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LiveError {
    /// A file or directory of ours.
    #[error("unable to make {}: {source}", .path.display())]
    Make {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A copy of a file of the image.
    #[error("{_0}{}", _0.remedy())]
    Copy(#[from] CopyError),
}

/// Copies what a service directory is made of. What cannot be copied of its folders is left out,
/// with a warning: no supervisor needs it.
pub(crate) fn fill(
    source: &Path,
    target: &Path,
    longrun: &Longrun,
    warn: &mut dyn FnMut(&str),
) -> Result<(), LiveError> {
    for name in longrun.handed_on.iter().copied() {
        let (from, to) = (source.join(name), target.join(name));
        if SCRIPTS.contains(&name) {
            copy_script(&from, &to, longrun)?;
        } else if name == "stop" {
            file::copy(&from, &to, 0o755)?;
        } else if FOLDERS.contains(&name) {
            copy_folder(&from, &to, warn);
        } else {
            let mode = if name == PERHAPS_SCRIPT { 0o755 } else { 0o644 };
            file::copy(&from, &to, mode)?;
        }
    }
    if longrun.handed_on.contains(&"template") {
        make_instance_folders(target)?;
    }
    Ok(())
}

/// Makes the directory of an instance. The files of the definition are in a directory that all of
/// them have in common, beside theirs and with the name of the service; each has links to them.
pub(super) fn fill_instance(
    source: &Path,
    target: &Path,
    longrun: &Longrun,
    of: &str,
    warn: &mut dyn FnMut(&str),
) -> Result<(), LiveError> {
    let common = target.with_file_name(of);
    match fs::create_dir(&common) {
        Ok(()) => fill(source, &common, longrun, warn)?,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(at(&common)(e)),
    }
    for name in &longrun.handed_on {
        let link = target.join(name);
        symlink(format!("../{of}/{name}"), &link).map_err(at(&link))?;
    }
    if longrun.handed_on.contains(&"template") {
        make_instance_folders(target)?;
    }
    Ok(())
}

/// The scan directory of the instances that s6-instance-maker makes of a template, and where they
/// are.
fn make_instance_folders(target: &Path) -> Result<(), LiveError> {
    for folder in ["instance", "instances"] {
        let folder = target.join(folder);
        fs::create_dir_all(&folder).map_err(at(&folder))?;
    }
    Ok(())
}

/// In a pipeline the author's script is `NAME.user`, which images edit; `NAME` leads to it.
fn copy_script(from: &Path, to: &Path, longrun: &Longrun) -> Result<(), LiveError> {
    if longrun.producer_for.is_none() && longrun.consumer_for.is_empty() {
        return Ok(file::copy(from, to, 0o755)?);
    }
    let name = format!("{}.user", to.file_name().unwrap_or_default().to_string_lossy());
    file::copy(from, &to.with_file_name(&name), 0o755)?;
    symlink(&name, to).map_err(at(to))
}

fn copy_folder(from: &Path, to: &Path, warn: &mut dyn FnMut(&str)) {
    let mut failures = Vec::new();
    copy::each(from, to, |failure| failures.push(failure));
    if let Some(first) = failures.first() {
        let text = format!("{first}{}", first.remedy());
        match failures.len() - 1 {
            0 => warn(&text),
            others => warn(&format!("{text} (and {others} more in {})", from.display())),
        }
    }
}

/// Adds the path to an error.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> LiveError {
    let path = path.to_owned();
    |source| LiveError::Make { path, source }
}

/// Replaces all that comes from the definition, and leaves what supervision has put there. Every
/// file is a new one: a script that runs reads on in the old one.
pub(super) fn refresh(
    source: &Path,
    target: &Path,
    longrun: &Longrun,
    warn: &mut dyn FnMut(&str),
) -> Result<(), LiveError> {
    let users = SCRIPTS.iter().map(|name| format!("{name}.user"));
    let names = HANDED_ON.iter().map(|name| (*name).to_owned()).chain(users);
    for name in names {
        let path = target.join(name);
        remove::hierarchy(&path).map_err(io::Error::from).map_err(at(&path))?;
    }
    match &longrun.instance {
        Some(instance) => fill_instance(source, target, longrun, &instance.of, warn),
        None => fill(source, target, longrun, warn),
    }
}
