//! Who may write to the run directory, and to what it is in: where everybody may replace our files,
//! everybody may replace our services.

use crate::format::settings::{RUNDIR, Settings};
use crate::init::{info, warn};
use crate::sys::mount::is_mount_point;
use nix::unistd::geteuid;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// The mode of /run in the tarball: an ordinary user's /init can use it.
const FOR_ANYBODY: u32 = 0o1777;

/// The mode that /run has in a container of its owner's.
const FOR_ITS_OWNER: u32 = 0o755;

/// The directories that we may make safe: they are for run-time files by their names.
const OURS_TO_MEND: [&str; 2] = [RUNDIR, "/tmp"];

/// Takes back what the tarball allows everybody, if this user owns the container's /run. A mount
/// stays as whoever mounted it wants it.
pub fn restore_mode(run: &Path, settings: &Settings) {
    let is_as_installed = fs::symlink_metadata(run).is_ok_and(|found| {
        found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o7777 == FOR_ANYBODY
    });
    if is_as_installed && !settings.accept_writable_run && !is_mount_point(run) {
        // It is safe as it is: nobody can replace what is another's there.
        let _ = fs::set_permissions(run, fs::Permissions::from_mode(FOR_ITS_OWNER));
    }
}

/// Sets the sticky bit where everybody may write and nobody has set it; warns where we may not.
///
/// Differs: the reference refuses such a /run unless it is told to accept it.
pub fn shut_out(run: &Path, settings: &Settings) {
    let real = fs::canonicalize(run).unwrap_or_else(|_| run.to_path_buf());
    for directory in real.ancestors() {
        let Ok(found) = fs::metadata(directory) else { continue };
        if found.mode() & 0o1002 != 0o002 {
            continue;
        }
        let shown = directory.display();
        let is_ours = directory == real || OURS_TO_MEND.iter().any(|ours| directory == *ours);
        let sticky = fs::Permissions::from_mode(found.mode() & 0o7777 | 0o1000);
        if is_ours && fs::set_permissions(directory, sticky).is_ok() {
            if settings.verbosity >= 2 && !settings.accept_writable_run {
                info(&format!("{shown} is writable for everybody: set its sticky bit"));
            }
        } else if !settings.accept_writable_run && settings.verbosity >= 1 {
            warn(&format!(
                "{shown} is writable for everybody and has no sticky bit: any user in the \
                 container may replace the services of uid {}; {}, or accept it \
                 (S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES=1)",
                geteuid(),
                remedy(directory)
            ));
        }
    }
}

fn remedy(directory: &Path) -> String {
    let shown = directory.display();
    match is_mount_point(directory) {
        true => format!("mount it with mode=1777, or chmod 1777 {shown} before this one starts"),
        false => format!("RUN chmod 1777 {shown} in the Dockerfile"),
    }
}
