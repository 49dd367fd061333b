//! Copies of whole directories: modes and, where that is allowed, owners as in the original; links
//! stay links, FIFOs, sockets and devices are made anew. Reference: s6-hiercopy's page.

use super::errno;
use super::file::{self, CopyError};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FchmodatFlags, FileStat, Mode, SFlag, fchmodat, lstat, mknod};
use nix::unistd::{Gid, Uid, fchownat, mkdir, symlinkat};
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// Copies `from`, whatever it is, to `to`; a directory into one that may be there already. Goes on
/// after a failure, and returns the first one.
pub fn hierarchy(from: &Path, to: &Path) -> Result<(), CopyError> {
    let mut first = Ok(());
    each(from, to, |failure| {
        if first.is_ok() {
            first = Err(failure);
        }
    });
    first
}

/// The same; `failed` is given each failure.
pub fn each(from: &Path, to: &Path, mut failed: impl FnMut(CopyError)) {
    let mut directories = Vec::new();
    let mut root = None;
    let mut entries = WalkDir::new(from).follow_root_links(false).into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                let path = e.path().unwrap_or(from).to_owned();
                let e = e.into_io_error().map_or(Errno::EIO, |e| errno::of(&e));
                failed(CopyError::Read(path, e));
                continue;
            }
        };
        let source = entry.path();
        let target = match source.strip_prefix(from) {
            Ok(below) if !below.as_os_str().is_empty() => to.join(below),
            Ok(_) | Err(_) => to.to_owned(),
        };
        let copied =
            lstat(source).map_err(|e| CopyError::Read(source.to_owned(), e)).and_then(|found| {
                match root == Some((found.st_dev, found.st_ino)) {
                    // A copy of a directory into itself ends where it begins.
                    true => Ok(None),
                    false => copy_one(source, &target, &found).map(|()| Some(found)),
                }
            });
        let is_copied = match copied {
            Ok(found) => {
                let is_copied = found.is_some();
                directories.extend(found.filter(is_directory).map(|found| (target, found)));
                is_copied
            }
            Err(e) => {
                failed(e);
                false
            }
        };
        if !is_copied && entry.file_type().is_dir() {
            entries.skip_current_dir();
        }
        if root.is_none() {
            root = Some(lstat(to).map_or((0, 0), |made| (made.st_dev, made.st_ino)));
        }
    }
    // A directory that nobody may write to gets its mode when it is full.
    for (target, found) in directories.into_iter().rev() {
        if let Err(e) = set_owner_and_mode(&target, &found) {
            failed(CopyError::Make(target, e));
        }
    }
}

fn copy_one(from: &Path, to: &Path, found: &FileStat) -> Result<(), CopyError> {
    let unmade = |e| CopyError::Make(to.to_owned(), e);
    let mode = Mode::from_bits_truncate(found.st_mode);
    match kind(found) {
        SFlag::S_IFDIR => {
            return match mkdir(to, Mode::S_IRWXU) {
                Err(Errno::EEXIST) if to.is_dir() => Ok(()),
                made => made.map_err(unmade),
            };
        }
        SFlag::S_IFREG => file::copy(from, to, mode.bits())?,
        SFlag::S_IFLNK => {
            let link = fs::read_link(from);
            let link = link.map_err(|e| CopyError::Read(from.to_owned(), errno::of(&e)))?;
            symlinkat(&link, AT_FDCWD, to).map_err(unmade)?;
        }
        other => mknod(to, other, mode, found.st_rdev).map_err(unmade)?,
    }
    set_owner_and_mode(to, found).map_err(unmade)
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits())
}

fn is_directory(found: &FileStat) -> bool {
    kind(found) == SFlag::S_IFDIR
}

fn set_owner_and_mode(to: &Path, found: &FileStat) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(found.st_uid), Gid::from_raw(found.st_gid));
    // Without the right to give files away, they stay ours.
    let _ = fchownat(AT_FDCWD, to, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW);
    if kind(found) == SFlag::S_IFLNK {
        return Ok(());
    }
    let mode = Mode::from_bits_truncate(found.st_mode);
    fchmodat(AT_FDCWD, to, mode, FchmodatFlags::FollowSymlink)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn everything_arrives_with_its_mode() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        let (from, to) = (root.join("from"), root.join("to"));
        fs::create_dir_all(from.join("log/.hidden")).unwrap();
        fs::write(from.join("run"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(from.join("run"), fs::Permissions::from_mode(0o750)).unwrap();
        fs::set_permissions(from.join("log"), fs::Permissions::from_mode(0o711)).unwrap();
        std::os::unix::fs::symlink("nowhere", from.join("link")).unwrap();
        nix::unistd::mkfifo(&from.join("fifo"), Mode::S_IRUSR).unwrap();

        hierarchy(&from, &to).unwrap();
        let mode = |name: &str| lstat(&to.join(name)).unwrap().st_mode;
        assert_eq!(mode("run") & 0o7777, 0o750);
        assert_eq!(mode("log") & 0o7777, 0o711);
        assert_eq!(mode("fifo") & SFlag::S_IFMT.bits(), SFlag::S_IFIFO.bits());
        assert!(to.join("log/.hidden").is_dir());
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("nowhere"));
        assert_eq!(hierarchy(&root.join("absent"), &to).unwrap_err().errno(), Errno::ENOENT);
    }

    #[test]
    fn a_copy_into_itself_ends() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::write(root.join("folder/file"), "").unwrap();
        hierarchy(&root, &root.join("new")).unwrap();
        assert!(root.join("new/folder/file").exists());
        assert!(!root.join("new/new").exists());
    }

    #[test]
    fn what_fails_is_named_and_the_rest_is_copied() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("from/folder")).unwrap();
        fs::create_dir_all(root.join("to/file")).unwrap();
        fs::write(root.join("from/file"), "").unwrap();
        fs::write(root.join("from/folder/other"), "").unwrap();
        let failure = hierarchy(&root.join("from"), &root.join("to")).unwrap_err();
        assert!(failure.to_string().contains("unable to make"), "{failure}");
        assert!(failure.to_string().contains("/to/file: Is a directory"), "{failure}");
        assert!(root.join("to/folder/other").exists());
    }
}
