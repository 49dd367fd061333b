//! `supervise/lock` of the services of a tree: hard links to one file, which is locked once. On a
//! disk a link takes half the time of a new file, and no descriptor is held for each service. The
//! file is empty, so that it does not matter whose it becomes where an image gives a `supervise/`
//! to a user.

use super::directory::ServiceDirectory;
use crate::sys::file;
use crate::sys::lock::Lock;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use std::path::{Path, PathBuf};

/// The file that has a link in each service directory of a tree.
#[derive(Debug)]
pub(super) struct CommonLock {
    file: PathBuf,
    /// Held for as long as this process supervises.
    _lock: Lock,
}

impl CommonLock {
    /// Makes it in the live tree's folder. `None`: that is not possible here, and each service has
    /// a lock of its own.
    pub(super) fn make(live: &Path) -> Option<Self> {
        let file = live.join(".lock");
        let lock = Lock::take(file.to_str()?.as_bytes(), 0o644).ok()??;
        Some(Self { file, _lock: lock })
    }
}

impl ServiceDirectory<'_> {
    /// Makes `supervise/lock`, which is not there yet, a link to the common one, which is held.
    pub(super) fn link_lock(&self, common: &CommonLock) -> Result<(), Errno> {
        let (from, to) = (common.file.as_path(), "supervise/lock");
        nix::unistd::linkat(AT_FDCWD, from, AT_FDCWD, to, AtFlags::empty())
    }

    /// Puts a lock of its own, which nobody holds, in the place of the common one.
    pub(super) fn release_common_lock(&self) -> std::io::Result<()> {
        file::replace("supervise/lock", &[])
    }
}
