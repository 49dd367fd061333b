//! The live tree: `/run/s6-rc/servicedirs/NAME`, made from the definitions, and linked from the
//! scan directory. Reference: s6-rc-init's page, and s6-rc-compile's on what a service directory
//! is made of.

use super::Runtime;
use super::service::Service;
use crate::definition::{Kind, Longrun};
use crate::graph::{Graph, ServiceId};
use nix::sys::stat::{Mode, SFlag, mknod};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

/// What a longrun's definition hands on to its service directory.
const FILES: &[&str] = &[
    "notification-fd",
    "lock-fd",
    "timeout-kill",
    "timeout-finish",
    "max-death-tally",
    "down-signal",
    "reload-signal",
    "flag-newpidns",
    "flag-timeout-killpg",
];

/// Folders that are handed on whole.
const FOLDERS: &[&str] = &["data", "env", "template"];

/// Scripts: executable in the live tree, whatever they are in the source.
const SCRIPTS: &[&str] = &["run", "finish"];

/// The directory in which oneshots run, as with s6-rc.
const ONESHOTS: &str = "s6rc-oneshot-runner";

/// Where the live tree is.
#[derive(Clone, Debug)]
pub struct LiveTree {
    /// `/run/s6-rc`.
    pub root: PathBuf,
    /// `/run/service`.
    pub scan_directory: PathBuf,
    /// The compiled database that it was made from.
    pub database: PathBuf,
}

/// A part of the live tree that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("unable to make {}: {source}", .path.display())]
pub struct LiveError {
    path: PathBuf,
    source: io::Error,
}

impl LiveTree {
    /// Where a service's live directory is.
    pub fn service_directory(&self, name: &str) -> PathBuf {
        self.root.join("servicedirs").join(name)
    }

    /// Makes the whole tree.
    pub fn make(&self, graph: &Graph) -> Result<(), LiveError> {
        let oneshots = self.service_directory(ONESHOTS);
        fs::create_dir_all(&oneshots).map_err(at(&oneshots))?;
        fs::create_dir_all(&self.scan_directory).map_err(at(&self.scan_directory))?;
        self.link("scandir", &self.scan_directory)?;
        self.link("compiled", &self.database)?;
        let prefix = self.root.join("prefix");
        fs::write(&prefix, []).map_err(at(&prefix))?;
        for definition in graph.ids().filter_map(|id| graph.definition(id)) {
            if let Kind::Longrun(longrun) = &definition.kind {
                self.make_service(&definition.name, &definition.directory, longrun)?;
            }
        }
        Ok(())
    }

    /// Makes one longrun's live directory, down, and links it into the scan directory.
    pub fn make_service(
        &self,
        name: &str,
        source: &Path,
        longrun: &Longrun,
    ) -> Result<(), LiveError> {
        let target = self.service_directory(name);
        fs::create_dir(&target).map_err(at(&target))?;
        fill(source, &target, longrun)?;
        let down = target.join("down");
        let mode = Mode::from_bits_truncate(0o644);
        mknod(&down, SFlag::S_IFREG, mode, 0).map_err(|e| at(&down)(e.into()))?;
        let link = self.scan_directory.join(name);
        symlink(&target, &link).map_err(at(&link))
    }

    fn link(&self, name: &str, to: &Path) -> Result<(), LiveError> {
        let link = self.root.join(name);
        symlink(to, &link).map_err(at(&link))
    }
}

/// Copies what a service directory is made of.
fn fill(source: &Path, target: &Path, longrun: &Longrun) -> Result<(), LiveError> {
    for entry in fs::read_dir(source).map_err(at(source))? {
        let entry = entry.map_err(at(source))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let (from, to) = (source.join(name), target.join(name));
        if SCRIPTS.contains(&name) {
            copy_script(&from, &to, longrun)?;
        } else if FILES.contains(&name) {
            copy_file(&from, &to, None)?;
        } else if FOLDERS.contains(&name) {
            copy_folder(&from, &to)?;
        }
    }
    if target.join("template").is_dir() {
        for folder in ["instance", "instances"] {
            let folder = target.join(folder);
            fs::create_dir(&folder).map_err(at(&folder))?;
        }
    }
    Ok(())
}

/// In a pipeline the author's script is `NAME.user`, which images edit; `NAME` leads to it.
fn copy_script(from: &Path, to: &Path, longrun: &Longrun) -> Result<(), LiveError> {
    if longrun.producer_for.is_none() && longrun.consumer_for.is_empty() {
        return copy_file(from, to, Some(0o755));
    }
    let name = format!("{}.user", to.file_name().unwrap_or_default().to_string_lossy());
    copy_file(from, &to.with_file_name(&name), Some(0o755))?;
    symlink(&name, to).map_err(at(to))
}

fn copy_file(from: &Path, to: &Path, mode: Option<u32>) -> Result<(), LiveError> {
    let copied = fs::read(from).and_then(|bytes| {
        let mut file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode.unwrap_or(0o644))
            .open(to)?;
        file.write_all(&bytes)
    });
    copied.map_err(at(to))
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), LiveError> {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.map_err(|e| LiveError { path: from.to_owned(), source: e.into() })?;
        let Ok(relative) = entry.path().strip_prefix(from) else { continue };
        let target = to.join(relative);
        let kind = entry.file_type();
        let made = if kind.is_dir() {
            fs::create_dir(&target)
        } else if kind.is_symlink() {
            fs::read_link(entry.path()).and_then(|link| symlink(link, &target))
        } else {
            fs::copy(entry.path(), &target).map(drop)
        };
        made.map_err(at(&target))?;
        if kind.is_dir() {
            let mode = fs::metadata(entry.path()).map(|m| m.permissions());
            let _ = mode.and_then(|mode| fs::set_permissions(&target, mode));
        }
    }
    Ok(())
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> LiveError {
    let path = path.to_owned();
    |source| LiveError { path, source }
}

impl Runtime {
    /// Takes on one service that is not of the tree.
    pub fn add(&mut self, name: String, directory: PathBuf) -> ServiceId {
        let id = self.scan.new_id();
        self.services.insert(id, Service::new(name, directory));
        id
    }

    /// Takes on the services of the tree, whose live directories have been made.
    pub fn adopt(&mut self, live: &LiveTree) {
        let graph = self.engine.graph();
        let mut services = Vec::new();
        for id in graph.ids() {
            let Some(definition) = graph.definition(id) else { continue };
            let directory = match definition.kind {
                Kind::Longrun(_) => live.service_directory(&definition.name),
                Kind::Oneshot(_) | Kind::Bundle(_) => live.service_directory(ONESHOTS),
            };
            services.push((id, Service::new(definition.name.clone(), directory)));
        }
        let pipes: Vec<(ServiceId, ServiceId)> = graph.pipes().collect();
        self.services.extend(services);
        pipes.into_iter().for_each(|(from, to)| self.pipelines.connect(from, to));
    }
}
