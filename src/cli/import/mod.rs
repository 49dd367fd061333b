//! `sixtree import`: makes a tree of services of a supervisord.conf or a Procfile.

mod dotenv;
mod expand;
mod ini;
mod loggers;
mod naming;
mod note;
mod procfile;
mod program;
mod script;
mod settings;
mod supervisord;
mod translate;
mod tree;
mod words;

use super::CommandFailure;
use super::arguments::{Argument, CommandSyntax, GivenArguments, ValueKind};
use super::edit::change::FileChanges;
use crate::sys::fd;
use crate::tools::die;
use note::Notes;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use tree::ImportedTree;

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// A file that is imported.
#[derive(Clone, Debug)]
pub struct ImportedFile {
    file: PathBuf,
    /// Its directory in the image.
    here: PathBuf,
    /// Where its programs run if they do not say.
    workdir: PathBuf,
    /// Whether nobody said where that is.
    is_guessed: bool,
}

/// The subcommand and what it takes.
pub const SYNTAX: CommandSyntax =
    CommandSyntax::new("import", "Make a tree of services of a supervisord.conf or a Procfile")
        .notes(
            "What has no equivalent is printed. Exits 0 if the tree was written, 1 if something in \
             FILE is wrong, and the tree was written without it, 2 if FILE cannot be read.",
        )
        .takes(&[&[
            Argument::word("file", "FILE", "supervisord.conf, or Procfile")
                .kind(ValueKind::Bytes)
                .required(),
            Argument::path("out", "DIR", "Write it here, as a layer of the image: COPY DIR/ /")
                .default("rootfs"),
            Argument::path(
                "here",
                "DIR",
                "The directory of the image that FILE is in [default: where it is here]",
            ),
            Argument::path(
                "workdir",
                "DIR",
                "Where programs run that do not say: the image's WORKDIR [default: /, or --here \
                 for a Procfile]",
            ),
        ]])
        .runs(run);

/// Imports; returns the exit code.
pub fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let path = |name| arguments.path(name).map(Path::to_owned);
    // FILE is required, and --out has a default.
    let file = path("file").unwrap_or_default();
    let out = path("out").unwrap_or_default();
    if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
        let text = format!("{} is not empty: name another directory with --out", out.display());
        return Err(CommandFailure::trouble(text));
    }
    let is_procfile = file.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name == "Procfile" || name.starts_with("Procfile.") || name.ends_with(".Procfile")
    });
    let here = path("here").unwrap_or_else(|| directory_here(&file));
    let usual = if is_procfile { here.clone() } else { "/".into() };
    let workdir = path("workdir");
    let is_guessed = workdir.is_none();
    let place = ImportedFile { file, here, workdir: workdir.unwrap_or(usual), is_guessed };
    let mut notes = Notes::default();
    let text = place.read()?;
    let tree = if is_procfile {
        procfile::tree(&place, &text, &mut notes)?
    } else {
        translate::tree(&place, &text, &mut notes)?
    };
    fd::write_to_stderr(notes.text().as_bytes());
    if tree.services.is_empty() && notes.has_errors() {
        return Ok(1);
    }
    match write(&tree, &out)? {
        0 => Ok(i32::from(notes.has_errors())),
        code => Ok(code),
    }
}

/// How many services come of a text, and what there is to tell: for tests.
pub fn attempt(text: &str, is_procfile: bool) -> (usize, String) {
    let here = PathBuf::from("/srv");
    let place = ImportedFile {
        file: "/nowhere/file".into(),
        workdir: here.clone(),
        here,
        is_guessed: false,
    };
    let mut notes = Notes::default();
    let tree = match is_procfile {
        true => procfile::tree(&place, text, &mut notes),
        false => translate::tree(&place, text, &mut notes),
    };
    (tree.map_or(0, |tree| tree.services.len()), notes.text())
}

/// Writes the tree, all of it or nothing.
fn write(tree: &ImportedTree, out: &Path) -> Result<i32, CommandFailure> {
    let mut change = FileChanges::default();
    if let Err(failure) = tree.write(out, &mut change) {
        change.undo()?;
        return Err(failure);
    }
    Ok(super::print(&tree.written(out)))
}

/// The directory of a file on this machine, without links.
fn directory_here(file: &Path) -> PathBuf {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    file.parent().map_or_else(|| "/".into(), Path::to_owned)
}

impl ImportedFile {
    /// A file that another one includes.
    fn of(file: &Path, from: &Self) -> Result<Self, CommandFailure> {
        let directory = file.parent().unwrap_or(Path::new("/"));
        let below = directory.strip_prefix(from.directory());
        let here = below.map_or_else(|_| directory.to_owned(), |below| from.here.join(below));
        Ok(Self { file: file.to_owned(), here, ..from.clone() })
    }

    /// Its directory on this machine.
    fn directory(&self) -> PathBuf {
        directory_here(&self.file)
    }

    fn read(&self) -> Result<String, CommandFailure> {
        let trouble = |why: String| {
            CommandFailure::trouble(format!("unable to read {}: {why}", self.file.display()))
        };
        let size = std::fs::metadata(&self.file).map_or(0, |metadata| metadata.len());
        if size > LONGEST {
            return Err(trouble("longer than 1 MiB".to_owned()));
        }
        let bytes = std::fs::read(&self.file).map_err(|e| {
            let errno = die::errno(&e);
            trouble(die::reason(errno).to_string())
        })?;
        match String::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Ok(text),
            Ok(_) => Err(trouble("a NUL is in it".to_owned())),
            Err(_) => Err(trouble("it is not UTF-8".to_owned())),
        }
    }

    /// How it is named in messages.
    fn shown(&self) -> Rc<str> {
        self.file.display().to_string().into()
    }

    /// A path that may be relative to the directory where programs run.
    fn absolute(&self, path: &str) -> String {
        match path {
            "" => self.workdir.display().to_string(),
            path => self.workdir.join(path).display().to_string(),
        }
    }
}
