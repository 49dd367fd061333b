//! Changes to files that can be taken back.

use crate::cli::CommandFailure;
use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// One thing that was done, and that can be undone.
enum Undo {
    /// This directory was made.
    Directory(PathBuf),
    /// This file was made.
    File(PathBuf),
    /// What was here is for now under another name, which nobody reads.
    Aside(PathBuf, PathBuf),
}

/// What has been changed so far.
#[derive(Default)]
pub(in crate::cli) struct FileChanges {
    steps: Vec<Undo>,
}

impl FileChanges {
    /// Makes a directory, and those above it, unless they are there.
    pub(crate) fn directory(&mut self, path: &Path) -> Result<(), CommandFailure> {
        if path.is_dir() {
            return Ok(());
        }
        if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
            self.directory(above)?;
        }
        fs::create_dir(path).map_err(CommandFailure::with("mkdir", path))?;
        self.steps.push(Undo::Directory(path.to_owned()));
        Ok(())
    }

    /// Makes a file, unless there is something of its name.
    pub(crate) fn create(
        &mut self,
        path: &Path,
        text: &[u8],
        mode: u32,
    ) -> Result<(), CommandFailure> {
        if fs::symlink_metadata(path).is_ok() {
            return Ok(());
        }
        if let Some(directory) = path.parent() {
            self.directory(directory)?;
        }
        self.steps.push(Undo::File(path.to_owned()));
        fs::write(path, text)
            .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
            .map_err(CommandFailure::with("write", path))
    }

    /// Gives a file another text.
    pub(crate) fn rewrite(&mut self, path: &Path, text: &[u8]) -> Result<(), CommandFailure> {
        let metadata = fs::metadata(path).map_err(CommandFailure::with("stat", path))?;
        self.remove(path)?;
        self.create(path, text, metadata.permissions().mode())
    }

    /// Removes something, whatever it is.
    pub(crate) fn remove(&mut self, path: &Path) -> Result<(), CommandFailure> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let aside = path.with_file_name(format!(".{name}.removed"));
        fs::rename(path, &aside).map_err(CommandFailure::with("remove", path))?;
        self.steps.push(Undo::Aside(path.to_owned(), aside));
        Ok(())
    }

    /// Leaves it at that; tells what was done, a line a file.
    pub(crate) fn commit(self) -> String {
        let mut summary = String::new();
        for step in &self.steps {
            // Writing to a string cannot fail.
            let _ = match step {
                Undo::Directory(_) => Ok(()),
                Undo::File(path) => writeln!(summary, "wrote {}", path.display()),
                Undo::Aside(path, aside) => {
                    // What cannot be removed stays under a name that nobody reads.
                    let _ = if aside.is_dir() && !aside.is_symlink() {
                        fs::remove_dir_all(aside)
                    } else {
                        fs::remove_file(aside)
                    };
                    let is_gone = fs::symlink_metadata(path).is_err();
                    if is_gone { writeln!(summary, "removed {}", path.display()) } else { Ok(()) }
                }
            };
        }
        summary
    }

    /// Takes everything back, last step first.
    pub(crate) fn undo(self) -> Result<(), CommandFailure> {
        for step in self.steps.into_iter().rev() {
            let (path, taken_back) = match step {
                Undo::Directory(path) => (path.clone(), fs::remove_dir(path)),
                Undo::File(path) => (path.clone(), fs::remove_file(path)),
                Undo::Aside(path, aside) => (path.clone(), fs::rename(aside, path)),
            };
            taken_back.map_err(CommandFailure::with("take back the change of", &path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_back_was_never_there() {
        let scratch = tempfile::tempdir().unwrap();
        let top = scratch.path().join("top");
        fs::create_dir(&top).unwrap();
        fs::write(top.join("a"), "1").unwrap();
        fs::create_dir_all(top.join("b/c")).unwrap();
        let work = || {
            let mut change = FileChanges::default();
            change.rewrite(&top.join("a"), b"2").unwrap();
            change.remove(&top.join("b")).unwrap();
            change.create(&top.join("d/e"), b"3", 0o755).unwrap();
            change
        };
        work().undo().unwrap();
        assert_eq!(fs::read(top.join("a")).unwrap(), b"1");
        assert!(top.join("b/c").is_dir() && !top.join("d").exists());
        let shown = top.display();
        let expected = format!("wrote {shown}/a\nremoved {shown}/b\nwrote {shown}/d/e\n");
        assert_eq!(work().commit(), expected);
        assert_eq!(fs::read(top.join("a")).unwrap(), b"2");
        assert_eq!(fs::read_dir(&top).unwrap().count(), 2);
    }
}
