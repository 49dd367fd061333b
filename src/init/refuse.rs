//! Why a container does not start: what failed, and what to do about it.
//!
//! Differs: with a tree that does not compile, the reference's container idles for ever.

use crate::definition::Fault;
use crate::tools::die;
use nix::errno::Errno;
use std::io;
use std::path::{Path, PathBuf};

/// A reason not to start.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The definitions are wrong; all faults are in the message.
    #[error("{}", list(.0))]
    Tree(Vec<Fault>),
    /// A file of ours cannot be made.
    #[error("sixtree: fatal: unable to make {}: {}\n", .0.display(), die::reason(die::errno(.1)))]
    Unwritable(PathBuf, io::Error),
    /// The compiled database cannot be written.
    #[error("sixtree: fatal: unable to write {}: {}\n", .0.display(), .1)]
    Database(PathBuf, crate::definition::database::DatabaseError),
    /// A secret cannot be read.
    #[error("sixtree: fatal: {0}\n")]
    Secret(#[from] super::secrets::BadSecret),
    /// No directory can stand for /run.
    #[error("sixtree: fatal: {0}\n")]
    NoRun(String),
    /// Without /proc, /init finds neither its own program nor the processes that are left.
    #[error("sixtree: fatal: /proc is not mounted: mount -t proc proc /proc in the container\n")]
    NoProc,
    /// The kernel refuses a descriptor that the event loop needs.
    #[error("sixtree: fatal: unable to start the event loop: {}\n", crate::sys::errno::text(*.0))]
    NoLoop(Errno),
    /// The live tree cannot be made.
    #[error("sixtree: fatal: {0}\n")]
    Live(#[from] crate::runtime::LiveError),
}

impl Refusal {
    /// Converts an error of making `path`, for `map_err`.
    pub(super) fn unwritable(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |e| Self::Unwritable(path.clone(), e)
    }

    /// What /init exits with.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Tree(_) | Self::NoRun(_) | Self::NoProc | Self::Secret(_) => 100,
            Self::Unwritable(..) | Self::Database(..) | Self::NoLoop(_) | Self::Live(_) => 111,
        }
    }
}

fn list(faults: &[Fault]) -> String {
    let errors = faults.iter().filter(|f| f.is_error()).count();
    let lines = faults.iter().map(|f| {
        let severity = if f.is_error() { "fatal" } else { "warning" };
        format!("s6-rc-compile: {severity}: {f}\n")
    });
    let errors = if errors == 1 { "an error".to_owned() } else { format!("{errors} errors") };
    let end = format!(
        "sixtree: fatal: {errors} in the service definitions: nothing was started \
         (`sixtree check` tells more)\n"
    );
    lines.chain([end]).collect()
}
