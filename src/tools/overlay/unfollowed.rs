//! Paths of which somebody else may have made a part: a link there is not followed.

use crate::tools::Word;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat, readlinkat};
use nix::libc;
use nix::sys::stat::{Mode, fstat};
use nix::unistd::geteuid;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

/// The most links that are followed on the way, as in the kernel.
const MAX_LINKS: usize = 40;

/// Opens a path, for its attributes alone. A link among the first `named` components is followed if
/// root or this user has made it; at the end of the path any other is opened itself, and on the way
/// it is ELOOP.
///
/// Differs: the original follows all links, also those by which a user leads it elsewhere.
pub(super) fn open(path: &[u8], named: usize) -> Result<OwnedFd, Errno> {
    let mut at = start(path)?;
    // The components that are left, the next one last.
    let mut left: Vec<(Word, bool)> = components(path, named).collect();
    left.reverse();
    let mut links = 0;
    while let Some((name, is_named)) = left.pop() {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let found = openat(&at, name.as_slice(), flags, Mode::empty())?;
        let stat = fstat(&found)?;
        if stat.st_mode & libc::S_IFMT != libc::S_IFLNK {
            at = found;
            continue;
        }
        let is_trusted = is_named && [0, geteuid().as_raw()].contains(&stat.st_uid);
        links += 1;
        match is_trusted {
            false if left.is_empty() => return Ok(found),
            true if links <= MAX_LINKS => {}
            _ => return Err(Errno::ELOOP),
        }
        let target = readlinkat(&found, c"")?.into_vec();
        if target.starts_with(b"/") {
            at = start(&target)?;
        }
        let mut further: Vec<_> = components(&target, usize::MAX).collect();
        further.reverse();
        left.extend(further);
    }
    Ok(at)
}

fn start(path: &[u8]) -> Result<OwnedFd, Errno> {
    let directory = if path.starts_with(b"/") { c"/" } else { c"." };
    openat(AT_FDCWD, directory, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

/// The names that a path is made of, each with whether it is among the first `named`.
fn components(path: &[u8], named: usize) -> impl Iterator<Item = (Word, bool)> {
    let names = path.split(|&b| b == b'/').filter(|name| !name.is_empty());
    names.enumerate().map(move |(at, name)| (name.to_vec(), at < named))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_where_the_image_names_them() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        fs::create_dir_all(root.join("real/inner")).unwrap();
        symlink("real", root.join("relative")).unwrap();
        symlink(root.join("relative/inner"), root.join("absolute")).unwrap();
        symlink("itself", root.join("itself")).unwrap();
        let depth = root.components().count() - 1;
        let open = |name: &str, named| {
            let opened = super::open(root.join(name).as_os_str().as_bytes(), named)?;
            fstat(&opened).map(|found| (found.st_ino, found.st_mode & libc::S_IFMT))
        };
        let inner = open("real/inner", 0).unwrap();
        assert_eq!(open("relative/inner", usize::MAX), Ok(inner));
        assert_eq!(open("absolute", depth + 1), Ok(inner));
        assert_eq!(open("absolute", depth).unwrap().1, libc::S_IFLNK);
        assert_eq!(open("relative/inner", depth), Err(Errno::ELOOP));
        assert_eq!(open("itself", usize::MAX), Err(Errno::ELOOP));
        assert_eq!(open("absent", 0), Err(Errno::ENOENT));
    }
}
