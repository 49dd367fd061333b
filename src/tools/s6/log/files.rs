//! The files of a logging directory, as their modes tell how far a writer has come with them.

use super::archive::{self, Suffix};
use super::script::Settings;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, stat, umask};
use nix::unistd::unlink;
use std::os::fd::OwnedFd;

/// The mode of a new file, as the umask has it.
pub(super) fn file_mode() -> Mode {
    let mask = umask(Mode::empty());
    umask(mask);
    Mode::from_bits_truncate(0o666) - mask
}

/// The mode that says of a file that it is complete.
pub(super) fn complete_mode() -> Mode {
    file_mode() | Mode::S_IXUSR
}

/// Opens the file that lines go to.
pub(super) fn open_current(dir: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_APPEND | OFlag::O_CLOEXEC;
    open(archive::path(dir, b"current").as_slice(), flags, Mode::from_bits_truncate(0o666))
}

/// The size of `current`, if its last writer has come to an orderly end.
pub(super) fn clean_size(dir: &[u8]) -> Result<Option<u64>, Errno> {
    match is_complete(&archive::path(dir, b"current")) {
        Err(Errno::ENOENT) => Ok(None),
        other => other,
    }
}

/// The size of a file, if it is marked as complete.
fn is_complete(file: &[u8]) -> Result<Option<u64>, Errno> {
    let found = stat(file)?;
    let complete = found.st_mode & libc::S_IXUSR != 0;
    Ok(complete.then(|| archive::size(found.st_size)))
}

/// Archives what a crashed writer has left, and starts over with an empty state.
pub(super) fn recover(settings: &Settings) -> Result<(), Errno> {
    let dir = settings.dir.as_slice();
    let remove = |name: &[u8]| match unlink(archive::path(dir, name).as_slice()) {
        Err(Errno::ENOENT) => Ok(()),
        other => other,
    };
    remove(b"state")?;
    remove(b"newstate")?;
    let processed = match is_complete(&archive::path(dir, b"processed")) {
        Err(Errno::ENOENT) => None,
        other => other?,
    };
    if processed.is_some() {
        remove(b"previous")?;
        archive::finish(settings, b"processed", Suffix::Rotated, |_, _| {})?;
    } else {
        remove(b"processed")?;
        archive::finish(settings, b"previous", Suffix::Unprocessed, |_, _| {})?;
    }
    archive::finish(settings, b"current", Suffix::Unprocessed, |_, _| {})?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
    open(archive::path(dir, b"state").as_slice(), flags, Mode::from_bits_truncate(0o666)).map(drop)
}
