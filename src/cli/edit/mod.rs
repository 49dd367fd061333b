//! `sixtree new`, `add` and `remove`: edit a tree, and never break it.

pub(super) mod change;
pub(super) mod membership;
pub(super) mod new;

use super::CommandFailure;
use super::arguments::{Argument, GivenArguments, PROFILE};
use super::check::report::Format;
use super::check::{self, CheckRequest};
use crate::definition::{Definition, Fault, Image, Kind, Reference};
use crate::sys::fd;
use change::FileChanges;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The arguments that say which tree is to be edited.
const PLACE: &[Argument] = &[
    Argument::path("root", "ROOT", "Edit the tree of this image [default: /]").without("source"),
    Argument::path("source", "DIR", "Edit the tree in this directory"),
    PROFILE,
];

/// A tree that is to be edited.
struct Edited {
    request: CheckRequest,
    /// Where services are defined.
    services: PathBuf,
    /// Where the bundles `user` and `user2` are.
    bundles: PathBuf,
    definitions: Vec<Definition>,
    change: FileChanges,
}

/// How much may be wrong afterwards that was not before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    /// Warnings.
    Warnings,
    Nothing,
}

/// The two lists of names that can be edited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Contents,
    Dependencies,
}

/// Edits the tree that the arguments name. It is left as it was if a step fails, or if more is
/// wrong with it afterwards than is allowed; returns the exit code.
fn edit(
    arguments: &GivenArguments,
    allowed: Allowed,
    steps: &dyn Fn(&mut Edited) -> Result<(), CommandFailure>,
) -> Result<i32, CommandFailure> {
    let mut edited = Edited::open(arguments)?;
    let (_, before) = check::check(&edited.request)?;
    if let Err(failure) = steps(&mut edited) {
        edited.change.undo()?;
        return Err(failure);
    }
    let (_, after) = check::check(&edited.request)?;
    let is_new = |fault: &&Fault| !before.iter().any(|known| is_same(known, fault));
    let is_bad = |fault: &&Fault| fault.is_error() || allowed == Allowed::Nothing;
    let bad: Vec<Fault> = after.iter().filter(is_new).filter(is_bad).cloned().collect();
    if bad.is_empty() {
        return Ok(super::print(&edited.change.commit()));
    }
    edited.change.undo()?;
    let report = Format::Human.report(&bad);
    let refusal = format!("nothing was changed, because this would be wrong:\n\n{report}");
    fd::write_to_stderr(refusal.as_bytes());
    Ok(1)
}

/// A name that no directory here has.
fn built_in(name: &str) -> CommandFailure {
    CommandFailure::trouble(format!(
        "{name} comes with sixtree, which is not installed here: edit it where it is (sixtree \
         install --root)"
    ))
}

/// Whether two faults are one, though its line may have moved.
fn is_same(a: &Fault, b: &Fault) -> bool {
    (a.code, &a.service, &a.what) == (b.code, &b.service, &b.what)
}

impl Edited {
    fn open(arguments: &GivenArguments) -> Result<Self, CommandFailure> {
        let (source, root) = (arguments.path("source"), arguments.path("root"));
        let request = CheckRequest {
            directories: source.into_iter().map(Path::to_owned).collect(),
            root: root.map(Path::to_owned),
            profile: arguments.text("profile").map(str::to_owned),
            layer: false,
            env: Vec::new(),
            user: None,
        };
        let (services, bundles) = match source {
            Some(source) => (source.to_owned(), source.to_owned()),
            None => {
                let root = root.unwrap_or(Path::new("/")).to_owned();
                let image = Image { root, profile: request.profile.clone(), bundles: None };
                (image.services(), image.user_bundles())
            }
        };
        let definitions = check::definitions(&request)?;
        Ok(Self { services, bundles, definitions, change: FileChanges::default(), request })
    }

    fn find(&self, name: &str) -> Result<&Definition, CommandFailure> {
        let names = || self.definitions.iter().map(|definition| definition.name.as_str());
        let found = self.definitions.iter().find(|definition| definition.name == name);
        found.ok_or_else(|| CommandFailure::unknown(name, names()))
    }

    /// Where the lists of a service or bundle are.
    fn directory(&self, name: &str) -> Result<PathBuf, CommandFailure> {
        let definition = self.find(name)?;
        if definition.directory.is_dir() {
            return Ok(definition.directory.clone());
        }
        match name {
            "user" | "user2" => Ok(self.bundles.join(name)),
            _ => Err(built_in(name)),
        }
    }

    /// The list of a service or bundle. It has only one of the two.
    fn list(&self, name: &str, list: List) -> Result<&[Reference], CommandFailure> {
        let definition = self.find(name)?;
        match (list, &definition.kind, definition.atomic()) {
            (List::Contents, Kind::Bundle(contents), _) => Ok(contents),
            (List::Dependencies, _, Some(atomic)) => Ok(&atomic.dependencies),
            (List::Contents, _, _) => Err(CommandFailure::trouble(format!("{name} is no bundle"))),
            (List::Dependencies, _, None) => Err(CommandFailure::trouble(format!(
                "{name} is a bundle, and has no dependencies of its own"
            ))),
        }
    }

    /// Puts a name into a list, unless it is there.
    fn add(&mut self, owner: &str, list: List, name: &str) -> Result<(), CommandFailure> {
        if self.list(owner, list)?.iter().any(|listed| listed.name == name) {
            return Ok(());
        }
        let directory = self.directory(owner)?;
        if list == List::Contents {
            self.change.create(&directory.join("type"), b"bundle\n", 0o644)?;
        }
        let (entries, file) = list.paths(&directory);
        if entries.is_dir() || !file.is_file() {
            return self.change.create(&entries.join(name), b"", 0o644);
        }
        let mut text = std::fs::read(&file).map_err(CommandFailure::with("read", &file))?;
        if text.last().is_some_and(|&last| last != b'\n') {
            text.push(b'\n');
        }
        text.extend_from_slice(name.as_bytes());
        text.push(b'\n');
        self.change.rewrite(&file, &text)
    }

    /// Takes a name out of a list.
    fn remove(&mut self, owner: &str, list: List, name: &str) -> Result<(), CommandFailure> {
        let listed = self.list(owner, list)?.iter().find(|listed| listed.name == name);
        let absent = || CommandFailure::trouble(format!("{owner} does not name {name}"));
        let (file, line) = listed.map(|at| (at.place(), at.line)).ok_or_else(absent)?;
        if file.as_os_str().is_empty() {
            return Err(built_in(owner));
        }
        if line == 0 {
            return self.remove_entry(&file);
        }
        let text = std::fs::read(&file).map_err(CommandFailure::with("read", &file))?;
        let lines = (1..).zip(text.split_inclusive(|&b| b == b'\n'));
        let kept: Vec<&[u8]> = lines.filter(|(at, _)| *at != line).map(|(_, line)| line).collect();
        self.change.rewrite(&file, &kept.concat())
    }

    fn remove_entry(&mut self, file: &Path) -> Result<(), CommandFailure> {
        self.change.remove(file)?;
        match file.parent() {
            // git does not keep an empty directory.
            Some(directory) if !has_entries(directory) => {
                self.change.create(&directory.join(".empty"), b"", 0o644)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Whether there is anything in a directory that counts.
fn has_entries(directory: &Path) -> bool {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| !name.as_bytes().starts_with(b"."))
}

impl List {
    /// The directory and the file in which it may stand.
    fn paths(self, directory: &Path) -> (PathBuf, PathBuf) {
        let name = match self {
            Self::Contents => "contents",
            Self::Dependencies => "dependencies",
        };
        (directory.join(format!("{name}.d")), directory.join(name))
    }
}
