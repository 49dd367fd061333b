//! Copies of whole directories: modes and, where that is allowed, owners as in the original; links
//! stay links. Reference: s6-hiercopy's page.

use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, lstat, mknod};
use nix::unistd::{Gid, Uid, fchownat, mkdir, symlinkat};
use std::fs;
use std::io;
use std::path::Path;

/// Copies `from`, whatever it is, to `to`; a directory into one that may be there already. Goes on
/// after a failure, and returns the first one.
pub fn hierarchy(from: &Path, to: &Path) -> Result<(), Errno> {
    let stat = lstat(from)?;
    let kind = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits());
    let mode = Mode::from_bits_truncate(stat.st_mode);
    let mut result = Ok(());
    match kind {
        SFlag::S_IFDIR => {
            match mkdir(to, Mode::S_IRWXU) {
                Err(Errno::EEXIST) if to.is_dir() => {}
                other => other?,
            }
            result = content(from, to);
        }
        SFlag::S_IFREG => fs::copy(from, to).map(drop).map_err(errno)?,
        SFlag::S_IFLNK => symlinkat(&fs::read_link(from).map_err(errno)?, AT_FDCWD, to)?,
        _ => mknod(to, kind, mode, stat.st_rdev)?,
    }
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    let flags = nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW;
    let _ = fchownat(AT_FDCWD, to, Some(uid), Some(gid), flags);
    if kind != SFlag::S_IFLNK {
        fchmodat(AT_FDCWD, to, mode, FchmodatFlags::FollowSymlink)?;
    }
    result
}

fn content(from: &Path, to: &Path) -> Result<(), Errno> {
    let mut first = Ok(());
    for entry in fs::read_dir(from).map_err(errno)? {
        let copied = entry.map_err(errno).and_then(|entry| {
            let name = entry.file_name();
            hierarchy(&from.join(&name), &to.join(&name))
        });
        first = first.and(copied);
    }
    first
}

fn errno(e: io::Error) -> Errno {
    e.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn everything_arrives_with_its_mode() {
        let root = std::env::temp_dir().join(format!("sixtree-copy-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        fs::create_dir_all(from.join("log/.hidden")).unwrap();
        fs::write(from.join("run"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(from.join("run"), fs::Permissions::from_mode(0o750)).unwrap();
        fs::set_permissions(from.join("log"), fs::Permissions::from_mode(0o711)).unwrap();
        std::os::unix::fs::symlink("nowhere", from.join("link")).unwrap();
        nix::unistd::mkfifo(&from.join("fifo"), Mode::S_IRUSR).unwrap();

        assert_eq!(hierarchy(&from, &to), Ok(()));
        let mode = |name: &str| lstat(&to.join(name)).unwrap().st_mode;
        assert_eq!(mode("run") & 0o7777, 0o750);
        assert_eq!(mode("log") & 0o7777, 0o711);
        assert_eq!(mode("fifo") & SFlag::S_IFMT.bits(), SFlag::S_IFIFO.bits());
        assert!(to.join("log/.hidden").is_dir());
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("nowhere"));
        assert_eq!(hierarchy(&root.join("absent"), &to), Err(Errno::ENOENT));
        fs::remove_dir_all(root).unwrap();
    }
}
