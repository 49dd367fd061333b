//! The folders and links of a live system, as the reference makes them.

use crate::init::Refusal;
use crate::tools::rundir;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What stands for our program in s6/basedir/bin.
const PROGRAMS: &[&str] = &["init", "halt", "poweroff", "reboot", "shutdown"];

const FOLDERS: &[&str] = &[
    "s6/basedir/bin",
    "s6/basedir/scripts",
    "s6/basedir/env",
    "service",
    "s6-rc",
    "s6-linux-init-container-results",
];

const EXIT_CODE: &str = "s6-linux-init-container-results/exitcode";

/// The names in the run directory below which all of that is.
pub(in crate::init) const NAMES: &[&str] =
    &["s6", "s6-rc", "service", "s6-linux-init-container-results"];

/// Makes them in a run directory that has been cleared.
pub(super) fn make(run: &Path) -> Result<(), Refusal> {
    // In a mount, there may be one.
    let _ = fs::remove_file(run.join(EXIT_CODE));
    complete(run)
}

/// Makes those that are not there.
pub(super) fn complete(run: &Path) -> Result<(), Refusal> {
    for folder in FOLDERS {
        let path = run.join(folder);
        fs::create_dir_all(&path).map_err(Refusal::unwritable(&path))?;
    }
    rundir::sign(run).map_err(Refusal::unwritable(run))?;
    let program = fs::read_link("/proc/self/exe").unwrap_or_else(|_| "/command/sixtree".into());
    for link in programs(run).filter(|link| !is_there(link)) {
        symlink(&program, &link).map_err(Refusal::unwritable(&link))?;
    }
    let code = run.join(EXIT_CODE);
    if is_there(&code) {
        return Ok(());
    }
    fs::write(&code, "0\n").map_err(Refusal::unwritable(&code))
}

/// The first of them that is not there.
pub(super) fn missing(run: &Path) -> Option<PathBuf> {
    let folders = FOLDERS.iter().map(|folder| run.join(folder));
    folders.chain(programs(run)).chain([run.join(EXIT_CODE)]).find(|path| !is_there(path))
}

fn programs(run: &Path) -> impl Iterator<Item = PathBuf> {
    let folder = run.join("s6/basedir/bin");
    PROGRAMS.iter().map(move |name| folder.join(name))
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
