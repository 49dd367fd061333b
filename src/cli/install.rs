//! `sixtree install`: lays the program, its links and the built-in definitions into an image's
//! root, as extracting the tarball does. The tarball itself is made from what this wrote.

use super::arguments::{Argument, CommandSyntax, GivenArguments};
use super::{CommandFailure, layout};
use crate::sys::mount::is_mount_point;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("install", "Lay sixtree into the root of an image, as its tarball does")
        .takes(&[&[
            Argument::path("root", "DIR", "The root of the image").required(),
            Argument::path("program", "FILE", "The program to install [default: this one]"),
        ]])
        .runs(run);

/// Installs; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let root = arguments.path("root").unwrap_or(Path::new(""));
    let program = arguments.path("program").unwrap_or(Path::new("/proc/self/exe"));
    put(&root.join(layout::PROGRAM), |to| {
        fs::copy(program, to)?;
        fs::set_permissions(to, fs::Permissions::from_mode(0o755))
    })?;
    for (file, text) in layout::FILES {
        let file = root.join(file);
        match file.file_name() {
            Some(name) if name == ".empty" => folder_of(&file)?,
            _ => put(&file, |to| fs::write(to, text))?,
        }
    }
    for (link, target) in layout::links() {
        put(&root.join(link), |to| symlink(&target, to))?;
    }
    let (run, mode) = layout::RUN;
    open_to_all(&root.join(run), mode)?;
    Ok(0)
}

/// Makes a folder of this mode, unless it is the mount or the link of a system that runs.
fn open_to_all(folder: &Path, mode: u32) -> Result<(), CommandFailure> {
    let failed = CommandFailure::with("make the folder", folder);
    match fs::symlink_metadata(folder) {
        Err(_) => fs::create_dir_all(folder).map_err(&failed)?,
        Ok(found) if found.is_dir() && !is_mount_point(folder) => {}
        Ok(_) => return Ok(()),
    }
    fs::set_permissions(folder, fs::Permissions::from_mode(mode)).map_err(failed)
}

/// Makes a file or link under a name of its own, then puts it into its place: whatever was there
/// is replaced, even where it is in use.
fn put(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), CommandFailure> {
    folder_of(path)?;
    let mut name = path.as_os_str().to_os_string();
    name.push(".new");
    let new = PathBuf::from(name);
    // Usually there is none.
    let _ = fs::remove_file(&new);
    make(&new).and_then(|()| fs::rename(&new, path)).map_err(CommandFailure::with("install", path))
}

fn folder_of(path: &Path) -> Result<(), CommandFailure> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(CommandFailure::with("make the folder", folder))
}
