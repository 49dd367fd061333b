//! An execline, Debian's or ours, and what a script comes to under it.

use crate::debian;
use crate::script::Script;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use tempfile::TempDir;

/// Where Debian has the programs.
const PROGRAMS: &str = "usr/lib/execline/bin";

/// What a script may become at last: the former prints its words.
const LAST: [&str; 2] = ["printf", "true"];

/// Variables that every script finds.
pub(crate) const VARIABLES: [(&str, &str); 4] =
    [("A", "one two  three "), ("B", "1:a,2:bc,"), ("C", "$x:${y}::\\"), ("EMPTY", "")];

/// An execline.
pub(crate) struct Side {
    /// Where its programs are.
    pub programs: PathBuf,
    path: OsString,
    libraries: PathBuf,
    _links: Arc<TempDir>,
}

/// What a script came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// These words, each with its NUL.
    Words(Vec<String>),
    /// An exit code other than 0.
    Failed(i32),
    /// A signal, or a panic.
    Crashed(String),
}

impl Side {
    /// Ours and theirs. `None` where theirs cannot be had.
    pub(crate) fn both() -> Option<[Self; 2]> {
        let theirs = debian::original()?;
        let links = Arc::new(tempfile::tempdir().unwrap());
        let [ours, last] = ["ours", "last"].map(|name| links.path().join(name));
        for folder in [&ours, &last] {
            fs::create_dir(folder).unwrap();
        }
        for name in LAST {
            symlink(Path::new("/usr/bin").join(name), last.join(name)).unwrap();
        }
        let binary = std::env::var_os("SIXTREE_ROOT")
            .map(|root| Path::new(&root).join("command/sixtree"))
            .unwrap_or_else(|| env!("CARGO_BIN_EXE_sixtree").into());
        for entry in fs::read_dir(theirs.0.join(PROGRAMS)).unwrap() {
            symlink(&binary, ours.join(entry.unwrap().file_name())).unwrap();
        }
        let side = |programs: PathBuf, libraries| {
            let path = std::env::join_paths([&programs, &last]).unwrap();
            Self { programs, path, libraries, _links: links.clone() }
        };
        let ours = side(ours, PathBuf::new());
        Some([ours, side(theirs.0.join(PROGRAMS), theirs.libraries())])
    }

    /// A program, by its path, with this side's programs in its PATH and no others.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", &self.path).env("LD_LIBRARY_PATH", &self.libraries);
        command.envs(VARIABLES);
        command
    }

    /// Runs a script to its end.
    pub(crate) fn run(&self, script: &Script) -> Ending {
        let mut command = self.command(&self.programs.join("execlineb"));
        let words = script.command_line.iter().map(|word| std::ffi::OsStr::from_bytes(word));
        command.arg0("execlineb").args(words);
        Ending::of(&command.output().unwrap())
    }
}

impl Ending {
    /// Whether the other is the same but for more bytes in the last word.
    pub(crate) fn begins(&self, other: &Self) -> bool {
        let (Self::Words(ours), Self::Words(theirs)) = (self, other) else { return false };
        match (&**ours, &**theirs) {
            ([ours @ .., last], [theirs @ .., longer]) => {
                let last = last.strip_suffix("\\x00").unwrap_or(last);
                ours == theirs && longer.starts_with(last)
            }
            _ => false,
        }
    }

    fn of(output: &Output) -> Self {
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => {
                let words = output.stdout.split_inclusive(|&byte| byte == 0);
                Self::Words(words.map(|word| word.escape_ascii().to_string()).collect())
            }
            Some(code) if !said.contains("this is a bug") => Self::Failed(code),
            _ => Self::Crashed(format!("{:?} {said}", output.status.signal())),
        }
    }
}
