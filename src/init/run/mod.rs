//! The run directory: found, claimed for as long as this init lives, cleared of what an earlier
//! boot left, and laid out.
//!
//! Differs: where /run cannot be used, the reference dies. It need not be ours either.

mod claim;
mod clear;
mod layout;
mod remedy;
mod var_run;
mod writers;

pub(super) use layout::NAMES;

use super::{Refusal, info, warn};
use crate::format::settings::{ContainerSettings, RUNDIR};
use crate::sys::lock::Lock;
use crate::tools::{Environment, die, path};
use claim::{Contents, Unusable};
use nix::mount::{MsFlags, mount};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;
use std::fs;
use std::path::{Path, PathBuf};

/// The run directory of this container.
pub(super) struct RunDirectory {
    /// Where it is.
    pub path: PathBuf,
    /// Keeps other inits out. `None`: the file system has no locks.
    lock: Option<Lock>,
    /// Where it can be found, too; it goes with this init.
    link: Option<PathBuf>,
}

impl RunDirectory {
    /// Finds the directory that is to be /run: what `SIXTREE_RUNDIR` names, /run, a tmpfs on it if
    /// we may mount one, or a directory of our own in /tmp.
    pub(super) fn find(settings: &ContainerSettings, env: &Environment) -> Result<Self, Refusal> {
        let found = match settings.rundir.as_deref().map(path) {
            Some(named) => Self::named(named, settings)?,
            None => Self::usual(settings, env)?,
        };
        writers::shut_out(&found.path, settings);
        Ok(found)
    }

    /// Clears it of what an earlier boot left, and makes the folders and links of a live system.
    pub(super) fn lay_out(&self) -> Result<(), Refusal> {
        clear::clear(&self.path)?;
        layout::make(&self.path)
    }

    /// The first that is not there any more of what `lay_out` has made, or the lock.
    pub(super) fn missing(&self) -> Option<PathBuf> {
        let lock = self.path.join(claim::LOCK);
        let is_gone = self.lock.is_some() && fs::symlink_metadata(&lock).is_err();
        layout::missing(&self.path).or_else(|| is_gone.then_some(lock))
    }

    /// Makes again what is missing.
    pub(super) fn make_again(&mut self) -> Result<(), Refusal> {
        layout::complete(&self.path)?;
        if let Ok(Some(lock)) = claim::lock(&self.path) {
            self.lock = Some(lock);
        }
        Ok(())
    }

    fn named(named: &Path, settings: &ContainerSettings) -> Result<Self, Refusal> {
        fs::create_dir_all(named).map_err(|e| {
            let (named, why) = (named.display(), die::reason(die::errno(&e)));
            Refusal::NoRun(format!(
                "SIXTREE_RUNDIR is {named}, where no directory can be made: {why}; name one that \
                 uid {} may make, or write to",
                geteuid()
            ))
        })?;
        match claim::take(named, Contents::OnlyMarked) {
            Ok(lock) => Ok(Self::public(named.to_path_buf(), lock)),
            Err(Unusable::NotWritable) => Err(Refusal::NoRun(format!(
                "SIXTREE_RUNDIR is {}, which cannot be written to: name a directory that uid {} \
                 owns",
                named.display(),
                geteuid()
            ))),
            Err(other) => {
                let what = format!("SIXTREE_RUNDIR is {}, which {other}", named.display());
                Self::private(settings, &what, "name an empty directory")
            }
        }
    }

    fn usual(settings: &ContainerSettings, env: &Environment) -> Result<Self, Refusal> {
        let run = Path::new(RUNDIR);
        // It may be there; whether it can be used is asked next.
        let _ = fs::create_dir(run);
        writers::restore_mode(run, settings);
        let contents = match crate::sys::mount::is_mount_point(run) {
            true => Contents::OnlyMarked,
            false => Contents::Any,
        };
        let taken = match claim::take(run, contents) {
            Err(Unusable::NotWritable) if mount_tmpfs(settings) => claim::take(run, Contents::Any),
            other => other,
        };
        match taken {
            Ok(lock) => {
                allow_programs(run, settings);
                var_run::lead_to_run(settings.verbosity);
                Ok(Self::public(run.to_path_buf(), lock))
            }
            Err(Unusable::NotWritable) => {
                let what = format!("/run cannot be written to by uid {}", geteuid());
                Self::private(settings, &what, &remedy::of_unwritable(run, env))
            }
            Err(other) => Self::private(settings, &format!("/run {other}"), remedy::OF_TAKEN),
        }
    }

    /// One that others see, under the name that they look for.
    fn public(path: PathBuf, lock: Option<Lock>) -> Self {
        let is_usual = path == Path::new(RUNDIR) && geteuid().is_root();
        let link = if is_usual { None } else { claim::link(&path) };
        Self { path, lock, link }
    }

    /// A directory under /tmp that is this user's alone, because of `what`.
    fn private(settings: &ContainerSettings, what: &str, remedy: &str) -> Result<Self, Refusal> {
        let (path, lock) = claim::private_directory().map_err(|why| {
            Refusal::NoRun(format!(
                "{what}, nor can {why} be used instead; {remedy}, or name a writable directory in \
                 SIXTREE_RUNDIR"
            ))
        })?;
        if settings.verbosity >= 1 {
            let path = path.display();
            warn(&format!(
                "{what}: using {path}, where scripts that name files below /run do not find them; \
                 {remedy}"
            ));
        }
        Ok(Self { path, lock, link: None })
    }
}

impl Drop for RunDirectory {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            // Whoever finds it nevertheless sees that nobody is there.
            let _ = fs::remove_file(link);
        }
    }
}

/// Mounts a tmpfs over a /run that cannot be written to, if we may.
fn mount_tmpfs(settings: &ContainerSettings) -> bool {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let mounted = mount(Some("tmpfs"), RUNDIR, Some("tmpfs"), flags, Some("mode=0755")).is_ok();
    if mounted && settings.verbosity >= 2 {
        info("/run is not writable: mounted a tmpfs on it");
    }
    mounted
}

/// `S6_READ_ONLY_ROOT`: makes a noexec /run one that programs can be executed on, if we may.
/// Without that, scripts there are run by their interpreters, and nothing else is.
fn allow_programs(run: &Path, settings: &ContainerSettings) {
    let is_noexec = || statvfs(run).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOEXEC));
    if settings.read_only_root && is_noexec() {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        let remounted = mount(None::<&str>, run, None::<&str>, flags, None::<&str>);
        if remounted.is_ok() && settings.verbosity >= 2 {
            info("/run was mounted noexec: remounted it");
        }
    }
}
