//! /run: found usable or replaced, cleared of what an earlier boot left, and laid out.
//!
//! Differs: where it cannot be written to, the reference dies. It need not be ours either.

use super::{Refusal, info, warn};
use crate::format::settings::{RUNDIR, Settings, private_rundir};
use crate::tools::die;
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{AccessFlags, access, geteuid};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// What an earlier boot may have left.
const LEFT_OVER: &[&str] =
    &["s6", "service", "uncaught-logs", "s6-rc", "s6-linux-init-container-results"];

/// What stands for our program in /run/s6/basedir/bin.
const PROGRAMS: &[&str] = &["init", "halt", "poweroff", "reboot", "shutdown"];

/// Finds the directory that is to be /run: what `SIXTREE_RUNDIR` names, /run, a tmpfs on it if we
/// may mount one, or a directory of our own in /tmp.
pub fn run_directory(settings: &Settings, verbosity: u8) -> Result<PathBuf, Refusal> {
    use std::ffi::OsStr;
    if let Some(named) = &settings.rundir {
        let named = PathBuf::from(OsStr::from_bytes(named));
        fs::create_dir_all(&named).map_err(Refusal::unwritable(&named))?;
        return match usable(&named) {
            true => Ok(named),
            false => Err(Refusal::NoRun(format!(
                "SIXTREE_RUNDIR is {}, which cannot be written to: name a directory that uid {} \
                 owns",
                named.display(),
                geteuid()
            ))),
        };
    }
    let run = PathBuf::from(RUNDIR);
    let _ = fs::create_dir(&run);
    if usable(&run) {
        allow_programs(&run, settings);
        warn_of_writers(&run, settings);
        link_var_run(verbosity);
        return Ok(run);
    }
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    if mount(Some("tmpfs"), RUNDIR, Some("tmpfs"), flags, Some("mode=0755")).is_ok() {
        if verbosity >= 2 {
            info("/run is not writable: mounted a tmpfs on it");
        }
        return Ok(run);
    }
    private_directory(verbosity)
}

/// A directory under /tmp that is this user's alone.
fn private_directory(verbosity: u8) -> Result<PathBuf, Refusal> {
    let uid = geteuid();
    let path = PathBuf::from(private_rundir(uid.as_raw()));
    let refuse = |why: String| {
        Refusal::NoRun(format!(
            "/run cannot be written to by uid {uid}, nor can {} be used instead: {why}; mount a \
             tmpfs on /run, or name a writable directory in SIXTREE_RUNDIR",
            path.display()
        ))
    };
    match fs::DirBuilder::new().mode(0o700).create(&path) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        Err(e) => return Err(refuse(words(&e))),
    }
    let found = fs::symlink_metadata(&path).map_err(|e| refuse(words(&e)))?;
    if !found.is_dir() {
        return Err(refuse("it is no directory".to_owned()));
    }
    if found.uid() != uid.as_raw() || found.mode() & 0o077 != 0 {
        return Err(refuse("it belongs to another user, or others may write to it".to_owned()));
    }
    if verbosity >= 1 {
        let path = path.display();
        warn(&format!(
            "/run cannot be written to by uid {uid}: using {path}; scripts that name files under \
             /run/s6 or /run/service do not find them there"
        ));
    }
    Ok(path)
}

/// `S6_READ_ONLY_ROOT`: makes a noexec /run one that programs can be executed on, if we may.
/// Without that, scripts there are run by their interpreters, and nothing else is.
fn allow_programs(run: &Path, settings: &Settings) {
    let is_noexec = || statvfs(run).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOEXEC));
    if settings.read_only_root && is_noexec() {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        let remounted = mount(None::<&str>, run, None::<&str>, flags, None::<&str>);
        if remounted.is_ok() && settings.verbosity >= 2 {
            info("/run was mounted noexec: remounted it");
        }
    }
}

/// Where anybody may replace our files, anybody may replace our services.
///
/// Differs: the reference refuses such a /run unless it is told to accept it.
fn warn_of_writers(run: &Path, settings: &Settings) {
    let mode = fs::metadata(run).map_or(0, |found| found.mode());
    let is_open = mode & 0o002 != 0 && mode & 0o1000 == 0;
    if is_open && !settings.accept_writable_run && settings.verbosity >= 1 {
        warn(
            "/run is writable for everybody: any user in the container may replace its services; \
             mount it with mode=1777, or accept it \
             (S6_YES_I_WANT_A_WORLD_WRITABLE_RUN_BECAUSE_KUBERNETES=1)",
        );
    }
}

fn usable(directory: &Path) -> bool {
    directory.is_dir() && access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// Scripts write to /var/run/s6 as often as to /run/s6: the one must be the other.
fn link_var_run(verbosity: u8) {
    let var_run = Path::new("/var/run");
    let leads_to_run = fs::canonicalize(var_run).is_ok_and(|p| p == Path::new(RUNDIR));
    if leads_to_run || !Path::new("/var").is_dir() {
        return;
    }
    let replaced = fs::symlink_metadata(var_run).is_ok();
    let gone = if !replaced {
        Ok(())
    } else {
        fs::remove_dir_all(var_run).or_else(|_| fs::remove_file(var_run))
    };
    match gone.and_then(|()| symlink(RUNDIR, var_run)) {
        Ok(()) if replaced && verbosity >= 1 => {
            warn("/var/run is not a symlink to /run, fixing it");
        }
        Ok(()) => {}
        Err(e) if verbosity >= 1 => warn(&format!(
            "/var/run does not lead to /run, and cannot be made to: {}; scripts that use it will \
             miss what is in /run: link it in the image (ln -s /run /var/run)",
            words(&e)
        )),
        Err(_) => {}
    }
}

fn words(e: &io::Error) -> String {
    die::reason(die::errno(e)).to_owned()
}

/// Clears what an earlier boot left, and makes the folders and links of a live system.
pub fn lay_out(run: &Path) -> Result<(), Refusal> {
    for name in LEFT_OVER {
        let path = run.join(name);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => {
                fs::remove_dir_all(&path).map_err(Refusal::unwritable(&path))?
            }
            Ok(_) => fs::remove_file(&path).map_err(Refusal::unwritable(&path))?,
            Err(_) => {}
        }
    }
    for folder in [
        "s6/basedir/bin",
        "s6/basedir/scripts",
        "s6/basedir/env",
        "service",
        "s6-rc",
        "s6-linux-init-container-results",
    ] {
        let path = run.join(folder);
        fs::create_dir_all(&path).map_err(Refusal::unwritable(&path))?;
    }
    let program = fs::read_link("/proc/self/exe").unwrap_or_else(|_| "/command/sixtree".into());
    for name in PROGRAMS {
        let link = run.join("s6/basedir/bin").join(name);
        symlink(&program, &link).map_err(Refusal::unwritable(&link))?;
    }
    let code = run.join("s6-linux-init-container-results/exitcode");
    fs::write(&code, "0\n").map_err(Refusal::unwritable(&code))
}
