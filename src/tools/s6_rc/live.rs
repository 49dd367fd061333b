//! Where the live state is, and the database that it follows.

use crate::definition::database;
use crate::graph::Graph;
use crate::tools::die::{errno, reason, show};
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

/// Why the live state, or a database, is of no use; the exit code, and the words.
#[derive(Debug, PartialEq, Eq)]
pub struct Trouble {
    /// 111 for what the system refused, 4 for what is no database.
    pub code: u8,
    /// What is wrong.
    pub text: String,
}

impl Trouble {
    /// A trouble in words.
    pub fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
    /// `TEXT: REASON`; exit 111.
    pub fn system(text: &str, e: Errno) -> Self {
        Self::new(111, format!("{text}: {}", reason(e)))
    }
}

/// Reads a compiled database.
pub fn open(compiled: &Path) -> Result<Graph, Trouble> {
    let shown = show(compiled.as_os_str().as_bytes());
    let invalid = |why: String| {
        let file = database::FILE;
        Trouble::new(4, format!("invalid service database in {shown}/{file}: {why}"))
    };
    let definitions = database::read(&compiled.join(database::FILE)).map_err(|e| match e {
        database::DatabaseError::Io(e) => {
            Trouble::new(111, format!("unable to take lock on {shown}: {}", reason(errno(&e))))
        }
        other => invalid(other.to_string()),
    })?;
    Graph::new(definitions).map_err(|faults| match faults.first() {
        Some(fault) => invalid(fault.to_string()),
        None => invalid(reason(Errno::EINVAL).to_owned()),
    })
}
