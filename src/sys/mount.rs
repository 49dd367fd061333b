//! Mounts: which one a file is on, and moving mounts from one root to another.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::libc;
use nix::sys::stat::{Mode, fstat};
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The mount that a file is on.
///
/// The device alone does not distinguish mounts: a bind mount has that of its source. Since Linux
/// 3.15, /proc/self/fdinfo has the id of a mount; where a sandbox hides that, the device has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount {
    device: libc::dev_t,
    id: Option<u64>,
}

impl Mount {
    /// The mount that an open file is on.
    pub fn of(file: impl AsFd) -> Result<Self, Errno> {
        let device = fstat(&file)?.st_dev;
        let number = file.as_fd().as_raw_fd();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}"));
        let id = info.ok().and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok())
        });
        Ok(Self { device, id })
    }

    /// The mount of an entry of a directory; a link is not followed.
    pub fn of_entry(directory: impl AsFd, name: &OsStr) -> Result<Self, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Self::of(openat(directory, name, flags, Mode::empty())?)
    }

    /// The mount that a path leads to; of a link, the mount that the link is on.
    pub fn at(path: &Path) -> Result<Self, Errno> {
        Self::of_entry(AT_FDCWD, path.as_os_str())
    }
}

/// Whether something is mounted at this path; never at one that does not exist.
pub fn is_mount_point(path: &Path) -> bool {
    match (Mount::at(path), path.parent().map(Mount::at)) {
        (Ok(own), Some(Ok(parents))) => own != parents,
        _ => false,
    }
}

/// A detached copy of a file or folder, with all that is mounted below it (open_tree(2)).
pub struct Tree(OwnedFd);

impl Tree {
    /// Takes what is at `path` now.
    pub fn of(path: &Path) -> Result<Self, Errno> {
        let path = string(path)?;
        let how = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_RECURSIVE as u32;
        // SAFETY: `path` is NUL-terminated and outlives the call.
        let fd = unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), how) };
        match fd {
            -1 => Err(Errno::last()),
            // SAFETY: a new descriptor that nothing else owns.
            fd => Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) })),
        }
    }

    /// A path that leads to it, wherever it is.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }

    /// Mounts it over `path`, which must exist and be of the same kind.
    pub fn attach(self, path: &Path) -> Result<(), Errno> {
        let path = string(path)?;
        let (from, how) = (self.0.as_raw_fd(), libc::MOVE_MOUNT_F_EMPTY_PATH);
        // SAFETY: both paths are NUL-terminated and outlive the call.
        let done = unsafe {
            let empty = c"".as_ptr();
            libc::syscall(libc::SYS_move_mount, from, empty, libc::AT_FDCWD, path.as_ptr(), how)
        };
        if done == 0 { Ok(()) } else { Err(Errno::last()) }
    }
}

fn string(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_told_from_the_directory_that_it_is_in() {
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self")));
        assert!(!is_mount_point(Path::new("/there/is/no/such/file")));
        assert_eq!(Mount::at(Path::new("/proc/self")), Mount::at(Path::new("/proc/self/status")));
    }
}
