//! Who may write to the run directory, and to what it is in: whoever may replace our files may
//! replace our services.

use crate::format::settings::{ContainerSettings, RUNDIR};
use crate::init::{info, warn};
use crate::sys::mount::is_mount_point;
use nix::fcntl::OFlag;
use nix::unistd::{getegid, geteuid};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

/// The mode of /run in the tarball: an ordinary user's /init can use it.
const FOR_ANYBODY: u32 = 0o1777;

/// The mode that /run has in a container of its owner's.
const FOR_ITS_OWNER: u32 = 0o755;

/// The directories that we may make safe: they are for run-time files by their names.
const OURS_TO_MEND: [&str; 2] = [RUNDIR, "/tmp"];

/// Takes back what the tarball allows everybody, if this user owns the container's /run. A mount
/// stays as whoever mounted it wants it.
pub(super) fn restore_mode(run: &Path, settings: &ContainerSettings) {
    let is_as_installed = fs::symlink_metadata(run).is_ok_and(|found| {
        found.is_dir() && found.uid() == geteuid().as_raw() && found.mode() & 0o7777 == FOR_ANYBODY
    });
    if is_as_installed && !settings.accept_writable_run && !is_mount_point(run) {
        // It is safe as it is: nobody can replace what is another's there.
        let _ = fs::set_permissions(run, fs::Permissions::from_mode(FOR_ITS_OWNER));
    }
}

/// Takes a /run of another user's over, and sets the sticky bit where everybody may write and
/// nobody has set it; warns where we may not.
///
/// Differs: the reference refuses such a /run unless it is told to accept it.
pub(super) fn shut_out(run: &Path, settings: &ContainerSettings) {
    let real = fs::canonicalize(run).unwrap_or_else(|_| run.to_path_buf());
    for directory in real.ancestors() {
        let is_run =
            directory == Path::new(RUNDIR) || directory == real && run == Path::new(RUNDIR);
        shut_owner_out(directory, is_run, settings);
        shut_others_out(directory, directory == real, settings);
    }
}

/// The owner of a directory may replace what is in it, sticky bit or not. What `SIXTREE_RUNDIR`
/// names may be somebody's folder, and stays his.
fn shut_owner_out(directory: &Path, is_run: bool, settings: &ContainerSettings) {
    let Ok(found) = fs::metadata(directory) else { return };
    let (owner, own) = (found.uid(), geteuid());
    if owner == 0 || owner == own.as_raw() {
        return;
    }
    let shown = directory.display();
    if is_run && own.is_root() && take_over(directory).is_ok() {
        if settings.verbosity >= 2 {
            info(&format!("{shown} belongs to uid {owner} instead of {own} - fixing it"));
        }
    } else if !settings.accept_writable_run && settings.verbosity >= 1 {
        let remedy = match is_mount_point(directory) {
            true => {
                format!("mount it with uid={own}, or chown {own} {shown} before this one starts")
            }
            false => format!("RUN chown {own} {shown} in the Dockerfile"),
        };
        warn(&format!(
            "{shown} belongs to uid {owner}, who may replace the services of uid {own}; {remedy}"
        ));
    }
}

/// Makes a directory root's alone to write to.
fn take_over(directory: &Path) -> io::Result<()> {
    let flags = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits();
    let open = fs::File::options().read(true).custom_flags(flags).open(directory)?;
    fchown(&open, Some(geteuid().as_raw()), Some(getegid().as_raw()))?;
    open.set_permissions(fs::Permissions::from_mode(FOR_ITS_OWNER))
}

/// Everybody, or the members of a group that is not this user's.
fn shut_others_out(directory: &Path, is_run_directory: bool, settings: &ContainerSettings) {
    let Ok(found) = fs::metadata(directory) else { return };
    let (mode, group) = (found.mode(), found.gid());
    let is_foreign = group != 0 && group != getegid().as_raw();
    let (whom, who) = match mode {
        _ if mode & 0o1000 != 0 => return,
        _ if mode & 0o002 != 0 => ("everybody".to_owned(), "any user in the container".to_owned()),
        _ if mode & 0o020 != 0 && is_foreign => {
            (format!("group {group}"), "any member of it".to_owned())
        }
        _ => return,
    };
    let shown = directory.display();
    let is_ours = is_run_directory || OURS_TO_MEND.iter().any(|ours| directory == *ours);
    let sticky = fs::Permissions::from_mode(mode & 0o7777 | 0o1000);
    if is_ours && fs::set_permissions(directory, sticky).is_ok() {
        if settings.verbosity >= 2 && !settings.accept_writable_run {
            info(&format!("{shown} is writable for {whom}: set its sticky bit"));
        }
    } else if !settings.accept_writable_run && settings.verbosity >= 1 {
        warn(&format!(
            "{shown} is writable for {whom} and has no sticky bit: {who} may replace the \
             services of uid {}; {}, or accept it \
             (S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES=1)",
            geteuid(),
            remedy(directory, mode & 0o002 != 0)
        ));
    }
}

fn remedy(directory: &Path, is_for_everybody: bool) -> String {
    let (shown, mode) = (directory.display(), if is_for_everybody { "1777" } else { "g-w" });
    match is_mount_point(directory) {
        true if is_for_everybody => {
            format!("mount it with mode=1777, or chmod 1777 {shown} before this one starts")
        }
        true => format!("chmod {mode} {shown} before this one starts"),
        false => format!("RUN chmod {mode} {shown} in the Dockerfile"),
    }
}
