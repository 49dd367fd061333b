//! The folders and links of a live system, as the reference makes them.

use crate::init::Refusal;
use crate::tools::rundir;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

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

/// Makes them in a run directory that has been cleared.
pub(super) fn make(run: &Path) -> Result<(), Refusal> {
    for folder in FOLDERS {
        let path = run.join(folder);
        fs::create_dir_all(&path).map_err(Refusal::unwritable(&path))?;
    }
    rundir::sign(run).map_err(Refusal::unwritable(run))?;
    let program = fs::read_link("/proc/self/exe").unwrap_or_else(|_| "/command/sixtree".into());
    for name in PROGRAMS {
        let link = run.join("s6/basedir/bin").join(name);
        symlink(&program, &link).map_err(Refusal::unwritable(&link))?;
    }
    let code = run.join("s6-linux-init-container-results/exitcode");
    fs::write(&code, "0\n").map_err(Refusal::unwritable(&code))
}
