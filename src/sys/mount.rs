//! Mounts that are picked up in one root and put down in another.

use nix::errno::Errno;
use nix::libc;
use std::ffi::CString;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A detached copy of a file or folder, with all that is mounted below it (open_tree(2)).
pub struct Tree(OwnedFd);

impl Tree {
    /// Picks up what is at `path` now.
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

    /// Puts it down over `path`, which exists and is of the same kind.
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
