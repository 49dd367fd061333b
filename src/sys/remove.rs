//! Removal of whatever a path names. Reference: s6-rmrf's page.

use super::directory::Reader;
use super::mount::Mount;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Removes a file, a link (not what it points to), or a directory with all that is in it. What does
/// not exist counts as removed. A link followed by a slash gives ENOTDIR.
pub fn hierarchy(path: &Path) -> Result<(), Errno> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => match fs::symlink_metadata(path.components().as_path()) {
            Ok(link) if link.is_symlink() => return Err(Errno::ENOTDIR),
            _ => fs::remove_dir_all(path),
        },
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(super::errno::of(&e)),
        Ok(()) => Ok(()),
    }
}

/// Removes an entry of a directory, and what is in it, but nothing that is mounted there: mounts
/// stay, with all that they hold, and so do the directories that lead to them. Links are not
/// followed, whoever changes the directory meanwhile. Returns whether nothing is left of it.
pub fn on_its_mount(directory: BorrowedFd, name: &OsStr) -> Result<bool, Errno> {
    let mount = Mount::of(directory)?;
    below(directory, name, mount)
}

fn below(directory: BorrowedFd, name: &OsStr, mount: Mount) -> Result<bool, Errno> {
    match unlinkat(directory, name, UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => return Ok(true),
        // A file on which another one is mounted.
        Err(Errno::EBUSY) => return Ok(false),
        Err(Errno::EISDIR) => {}
        Err(e) => return Err(e),
    }
    if Mount::of_entry(directory, name)? != mount {
        return Ok(false);
    }
    let folder = open_writable(directory, name)?;
    let mut reader = Reader::of(folder);
    let mut is_empty = true;
    for entry in reader.entries()? {
        is_empty &= below(reader.directory().as_fd(), &entry.name, mount)?;
    }
    if !is_empty {
        return Ok(false);
    }
    match unlinkat(directory, name, UnlinkatFlags::RemoveDir) {
        Ok(()) | Err(Errno::ENOENT) => Ok(true),
        Err(e) => Err(e),
    }
}

/// Opens a directory to empty it. Its owner may have left it read-only.
fn open_writable(directory: BorrowedFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let folder = openat(directory, name, flags, Mode::empty())?;
    let mode = Mode::from_bits_truncate(fstat(&folder)?.st_mode);
    if !mode.contains(Mode::S_IRWXU) {
        // Where this fails, so does the removal, which says why.
        let _ = fchmod(&folder, mode | Mode::S_IRWXU);
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_goes_and_what_it_points_to_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("there/inside")).unwrap();
        std::os::unix::fs::symlink(root.join("there"), root.join("link")).unwrap();
        assert_eq!(hierarchy(&root.join("link/")), Err(Errno::ENOTDIR));
        assert_eq!(hierarchy(&root.join("link")), Ok(()));
        assert!(root.join("there/inside").exists());
        assert_eq!(hierarchy(&root), Ok(()));
        assert_eq!(hierarchy(&root), Ok(()));
        assert_eq!(hierarchy(&Path::new("/dev/null").join("x")), Err(Errno::ENOTDIR));
    }
}
