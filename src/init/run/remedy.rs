//! What to do about a /run that cannot be used, by the kind of place that it is.

use crate::sys::mount::is_mount_point;
use crate::tools::Environment;
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{getegid, geteuid};
use std::path::Path;

/// For a /run that another init, or somebody else, has taken.
pub(super) const OF_TAKEN: &str = "give each container a /run of its own";

/// For a /run that this user may not write to.
pub(super) fn of_unwritable(run: &Path, env: &Environment) -> String {
    let (uid, gid) = (geteuid(), getegid());
    let is_read_only = statvfs(run).is_ok_and(|found| found.flags().contains(FsFlags::ST_RDONLY));
    let is_tmpfs = statfs(run).is_ok_and(|found| found.filesystem_type() == TMPFS_MAGIC);
    let tmpfs = match env.get(b"container") {
        // It takes neither owner.
        Some(b"podman") => "--mount type=tmpfs,destination=/run,tmpfs-mode=1777".to_owned(),
        _ if uid.is_root() => "--tmpfs /run".to_owned(),
        _ => format!("--tmpfs /run:uid={uid},gid={gid}"),
    };
    match (is_mount_point(run), is_read_only) {
        (true, _) if env.get(b"KUBERNETES_SERVICE_HOST").is_some() => {
            format!("set securityContext.fsGroup to {gid}, so that the pod may write to the volume")
        }
        (true, false) if is_tmpfs => format!("mount it for that user ({tmpfs})"),
        (true, _) => format!("chown {uid} the volume on it, or mount a tmpfs there ({tmpfs})"),
        (false, true) => format!("mount a tmpfs on it ({tmpfs})"),
        (false, false) => {
            format!("RUN chmod 1777 /run in the Dockerfile, or mount a tmpfs on it ({tmpfs})")
        }
    }
}
