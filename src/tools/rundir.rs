//! Where the container that a tool is in keeps what changes at run time.

use super::{Environment, path};
use crate::format::settings::{RUNDIR, private_rundir};
use nix::unistd::geteuid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

impl Environment {
    /// What `SIXTREE_RUNDIR` names. Without it (a program that came from outside) it is /run, or,
    /// where that is not the container's, the directory that /init falls back to.
    pub fn rundir(&self) -> PathBuf {
        let named = self.get(b"SIXTREE_RUNDIR").filter(|dir| dir.starts_with(b"/"));
        named.map_or_else(unnamed, |dir| path(dir).to_owned())
    }
}

fn unnamed() -> PathBuf {
    let run = PathBuf::from(RUNDIR);
    if run.join("s6").exists() {
        return run;
    }
    let pid_1 = fs::metadata("/proc/1").map(|found| found.uid()).ok();
    let users = [Some(geteuid().as_raw()), pid_1].into_iter().flatten();
    users.filter_map(private).next().unwrap_or(run)
}

/// A user's own run directory. Anyone can make something of that name.
fn private(uid: u32) -> Option<PathBuf> {
    let path = PathBuf::from(private_rundir(uid));
    let found = fs::symlink_metadata(&path).ok()?;
    (found.is_dir() && found.uid() == uid).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_name_wins_if_it_is_a_path() {
        let named = |dir: &[u8]| {
            let mut env = Environment::empty();
            env.set(b"SIXTREE_RUNDIR", dir);
            env.rundir()
        };
        assert_eq!(named(b"/srv/run"), Path::new("/srv/run"));
        assert_eq!(named(b"srv/run"), Environment::empty().rundir());
    }
}
