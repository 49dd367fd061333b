//! Where the live state is, and the database that it follows.

use crate::definition::database;
use crate::graph::Graph;
use crate::tools::die::{errno, show};
use crate::tools::{Options, Process, path};
use nix::errno::Errno;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The live directory: `-l`, or `s6-rc` in the run directory.
pub fn directory(process: &Process, options: &Options) -> PathBuf {
    if let Some(live) = options.value('l') {
        return path(live).to_owned();
    }
    process.env.rundir().join("s6-rc")
}

/// Why a compiled database is of no use; the exit code, and the words.
#[derive(Debug, PartialEq, Eq)]
pub struct Unusable {
    /// 111 for what the system refused, 4 for what is no database.
    pub code: u8,
    /// What is wrong.
    pub text: String,
}

/// Reads a compiled database.
pub fn open(compiled: &Path) -> Result<Graph, Unusable> {
    let shown = show(compiled.as_os_str().as_bytes());
    let invalid = |why: String| Unusable {
        code: 4,
        text: format!("invalid service database in {shown}/{}: {why}", database::FILE),
    };
    let definitions = database::read(&compiled.join(database::FILE)).map_err(|e| match e {
        database::Error::Io(e) => {
            let text = format!("unable to take lock on {shown}: {}", errno(&e).desc());
            Unusable { code: 111, text }
        }
        other => invalid(other.to_string()),
    })?;
    Graph::new(definitions).map_err(|faults| match faults.first() {
        Some(fault) => invalid(fault.to_string()),
        None => invalid(Errno::EINVAL.desc().to_owned()),
    })
}
