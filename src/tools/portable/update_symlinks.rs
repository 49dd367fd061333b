//! s6-update-symlinks: makes a directory of links that merges several others.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-update-symlinks.html>.

use super::unique;
use crate::sys::remove;
use crate::tools::die::errno;
use crate::tools::{Exit, Next, Process, Word, path};
use nix::errno::Errno;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// `s6-update-symlinks /destdir /srcdir [ /srcdir ... ]`: the later a source, the more it counts.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let paths: Vec<&Path> = argv.iter().skip(1).map(|word| path(word)).collect();
    let (Some((target, sources)), true) =
        (paths.split_first(), paths.len() > 1 && paths.iter().all(|path| path.is_absolute()))
    else {
        return Err(process.usage());
    };
    // Without the slashes behind.
    let target = target.components().as_path();
    if target == Path::new("/") {
        return Err(process.fatal(100, "unable to replace root directory"));
    }
    let new = beside(target, ":s6-update-symlinks-new");
    for source in sources {
        if let Err(failure) = add(&new, source) {
            let _ = remove::hierarchy(&new);
            return Err(match failure {
                Failure::Conflict(at, with) => process.fatal(
                    100,
                    format_args!(
                        "destination {} conflicts with source {}",
                        at.display(),
                        with.display()
                    ),
                ),
                Failure::System(e) => process
                    .fatal_errno(format_args!("error processing {}", source.display()), errno(&e)),
            });
        }
    }
    replace(process, target, &new)?;
    Ok(Next::Exit(0))
}

/// A name in the same directory that nothing has.
fn beside(target: &Path, mark: &str) -> PathBuf {
    let name = [target.as_os_str().as_bytes(), mark.as_bytes()].concat();
    path(&unique::name(&name, 8)).to_owned()
}

/// Why a source cannot be added.
enum Failure {
    /// There is a directory here where the source has something else.
    Conflict(PathBuf, PathBuf),
    System(io::Error),
}

impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        Self::System(e)
    }
}

/// Whether all that was there before is still in view.
#[derive(PartialEq, Eq)]
enum Added {
    Beside,
    InPlace,
}

/// Adds `source` at `place`: as a link if nothing is there yet, or no directory. A directory that
/// is there gets all that is in the source; if nothing else is left in it then, it becomes a link.
fn add(place: &Path, source: &Path) -> Result<Added, Failure> {
    match symlink(source, place) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        linked => return linked.map(|()| Added::Beside).map_err(Failure::System),
    }
    let before = match names(place) {
        Err(e) if e.raw_os_error() == Some(Errno::ENOTDIR as i32) => {
            fs::remove_file(place)?;
            symlink(source, place)?;
            return Ok(Added::InPlace);
        }
        found => found?,
    };
    expand(place, &before)?;
    let names = match names(source) {
        Err(e) if e.raw_os_error() == Some(Errno::ENOTDIR as i32) => {
            return Err(Failure::Conflict(place.to_owned(), source.to_owned()));
        }
        found => found?,
    };
    let mut covered = names.len() == before.len();
    for name in names {
        covered &= add(&place.join(&name), &source.join(&name))? == Added::InPlace;
    }
    if !covered {
        return Ok(Added::Beside);
    }
    remove::hierarchy(place).map_err(|e| io::Error::from_raw_os_error(e as i32))?;
    symlink(source, place)?;
    Ok(Added::InPlace)
}

/// The names in a directory, or in the one that a link points to.
fn names(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
}

/// Turns a link to a directory into a directory of links to all that is in it.
fn expand(place: &Path, names: &[std::ffi::OsString]) -> io::Result<()> {
    let Ok(folder) = fs::read_link(place) else { return Ok(()) };
    fs::remove_file(place)?;
    fs::create_dir(place)?;
    names.iter().try_for_each(|name| symlink(folder.join(name), place.join(name)))
}

/// Puts the new one in the place of the target: in one step where the system can do that.
fn replace(process: &Process, target: &Path, new: &Path) -> Result<(), Exit> {
    if fs::rename(new, target).is_ok() {
        return Ok(());
    }
    let old = beside(target, ":s6-update-symlinks-old");
    let failed = |from: &Path, to: &Path, e: &io::Error| {
        let _ = remove::hierarchy(new);
        let what = format!("unable to rename {} to {}", from.display(), to.display());
        process.fatal_errno(&what, errno(e))
    };
    fs::rename(target, &old).map_err(|e| failed(target, &old, &e))?;
    // A directory cannot be replaced by a link: for a moment, there is no target.
    fs::rename(new, target).map_err(|e| {
        let _ = fs::rename(&old, target);
        failed(new, target, &e)
    })?;
    if let Err(e) = remove::hierarchy(&old) {
        process.warn_errno(format_args!("unable to remove old directory {}", old.display()), e);
    }
    Ok(())
}
