//! What the overlay's tools know of the container: its variables and its settings.

use crate::format::decimal;
use crate::format::envdir::Reading;
use crate::format::settings::ContainerSettings;
use crate::sys::file;
use crate::tools::die::{errno, reason};
use crate::tools::{Process, Word, path};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// How these files are read: whole, but for one newline at the end.
pub(super) const READING: Reading = Reading { whole: true, chomp: true, clamp: false, nul: b'\n' };

/// The directory with a file for each of the container's variables.
pub(super) fn environment_directory(process: &Process) -> PathBuf {
    process.env.rundir().join("s6/container_environment")
}

/// Whether the environment is the container's own (`S6_KEEP_ENV`).
pub(super) fn keeps_environment(process: &Process) -> bool {
    process.env.get(b"S6_KEEP_ENV").and_then(decimal::parse::<u64>).is_some_and(|n| n != 0)
}

/// The value of one of the container's variables, as `printcontenv` prints it.
pub(super) fn variable(process: &Process, name: &[u8]) -> Result<Word, Errno> {
    if keeps_environment(process) {
        let value = process.env.get(name).filter(|value| !value.is_empty());
        return value.map(<[u8]>::to_vec).ok_or(Errno::ENOENT);
    }
    let path = environment_directory(process).join(path(name));
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let content = file::content(&open(&path, flags, Mode::empty())?)?;
    Ok(READING.value(&content).unwrap_or_default())
}

/// The container's settings. Bad values are not told of: /init has done that.
pub(super) fn settings(process: &Process) -> ContainerSettings {
    let keeps = keeps_environment(process);
    // Few are set. One look at the directory spares an attempt for each of the others.
    let kept = entries(&environment_directory(process));
    let is_set = |name: &[u8]| keeps || kept.iter().any(|set| set == name);
    let value = |name: &str| variable(process, name.as_bytes()).ok();
    ContainerSettings::read(|name| is_set(name.as_bytes()).then(|| value(name)).flatten()).0
}

/// The directory that stands for /etc: that of `S6_RUNTIME_PROFILE`, if there is one.
pub(super) fn etc(settings: &ContainerSettings) -> PathBuf {
    let etc = path(settings.rootdir.as_deref().unwrap_or(b"/")).join("etc");
    let profile = settings.runtime_profile.as_deref().map(path);
    profile.map_or_else(|| etc.clone(), |name| etc.join("cont-profile.d").join(name))
}

/// The visible entries of a directory, sorted; none if it cannot be read.
pub(super) fn entries(dir: &Path) -> Vec<Word> {
    read(dir).unwrap_or_default()
}

/// The visible entries of a folder of the image, sorted. One that is not there has none; one that
/// cannot be read is warned of.
pub(super) fn entries_of_image(
    process: &Process,
    dir: &Path,
    settings: &ContainerSettings,
) -> Vec<Word> {
    read(dir).unwrap_or_else(|e| {
        if e != Errno::ENOENT && settings.verbosity >= 1 {
            let remedy = match e {
                Errno::EACCES => ": let the container's user read it (chmod a+rx in the image)",
                _ => "",
            };
            let why = reason(e);
            process.warn(format_args!("{} is skipped: {why}{remedy}", dir.display()));
        }
        Vec::new()
    })
}

fn read(dir: &Path) -> Result<Vec<Word>, Errno> {
    let entries = fs::read_dir(dir).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|e| errno(&e))?;
    let mut names: Vec<_> = entries.into_iter().map(|e| e.file_name().into_vec()).collect();
    names.retain(|name| !name.starts_with(b"."));
    names.sort_unstable();
    Ok(names)
}

/// A path, as a word.
pub(super) fn word(path: &Path) -> Word {
    path.as_os_str().as_bytes().to_vec()
}
