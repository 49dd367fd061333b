//! Files that all services of a tree share when their supervision begins: `supervise/status`, whose
//! content is then the same, and `supervise/lock`, which is held. Each service gets a hard link to
//! a single file, which takes a tenth of the time of a new file on a disk.

use super::directory::ServiceDirectory;
use crate::format::status::Status;
use crate::sys::file;
use crate::sys::lock::Lock;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use std::path::{Path, PathBuf};

/// The files that have a link in each service directory of a tree.
#[derive(Debug)]
pub(super) struct CommonFiles {
    status_file: PathBuf,
    /// The content of the common `status`.
    pub status: Status,
    lock_file: PathBuf,
    /// Held for as long as this process supervises.
    _lock: Lock,
}

impl CommonFiles {
    /// Makes them in the live tree's folder. `None`: that is not possible here, and each service
    /// has files of its own.
    pub(super) fn make(live: &Path, status: Status) -> Option<Self> {
        let (status_file, lock_file) = (live.join(".status"), live.join(".lock"));
        file::write(status_file.to_str()?, &status.encode()).ok()?;
        let lock = Lock::take(lock_file.to_str()?.as_bytes(), 0o644).ok()??;
        Some(Self { status_file, status, lock_file, _lock: lock })
    }
}

impl ServiceDirectory<'_> {
    /// Makes `supervise/status`, which is not there yet, a link to the common one.
    pub(super) fn link_status(&self, common: &CommonFiles) -> Result<(), Errno> {
        link(&common.status_file, "supervise/status")
    }

    /// Makes `supervise/lock`, which is not there yet, a link to the common one, which is held.
    pub(super) fn link_lock(&self, common: &CommonFiles) -> Result<(), Errno> {
        link(&common.lock_file, "supervise/lock")
    }

    /// Puts a lock of its own, which nobody holds, in the place of the common one.
    pub(super) fn release_common_lock(&self) -> std::io::Result<()> {
        file::replace("supervise/lock", &[])
    }
}

fn link(from: &Path, to: &str) -> Result<(), Errno> {
    nix::unistd::linkat(AT_FDCWD, from, AT_FDCWD, to, AtFlags::empty())
}
