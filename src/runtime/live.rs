//! The live tree: `/run/s6-rc/servicedirs/NAME`, made from the definitions, and linked from the
//! scan directory. Reference: s6-rc-init's page.
//!
//! Differs: what the boot starts gets no `down` file, which would be removed a moment later. In a
//! pipeline `run` is a link to the author's script, not a wrapper of it.

use super::Runtime;
use super::common_lock::CommonLock;
use super::directory::MadeOf;
use super::service::{DownFile, Service};
use super::servicedir::{LiveError, at, fill, fill_instance};
use crate::definition::{Definition, Kind, Longrun};
use crate::graph::{Graph, ServiceId};
use nix::sys::stat::{Mode, SFlag, mknod};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The directory in which oneshots run, as with s6-rc.
const ONESHOTS: &str = "s6rc-oneshot-runner";

/// Where the live tree is.
#[derive(Clone, Debug)]
pub(crate) struct LiveTree {
    /// `/run/s6-rc`.
    pub root: PathBuf,
    /// `/run/service`.
    pub scan_directory: PathBuf,
    /// The compiled database that it was made from.
    pub database: PathBuf,
}

impl LiveTree {
    /// Where a service's live directory is.
    pub(crate) fn service_directory(&self, name: &str) -> PathBuf {
        self.root.join("servicedirs").join(name)
    }

    /// A service that is not supervised yet.
    pub(super) fn service(&self, definition: &Definition) -> Service {
        let name = match definition.kind {
            Kind::Longrun(_) => &definition.name,
            Kind::Oneshot(_) | Kind::Bundle(_) => ONESHOTS,
        };
        let mut service = Service::new(definition.name.clone(), self.service_directory(name));
        service.instance = definition.instance().map(|instance| instance.number);
        service
    }

    /// Makes the whole tree. Warns of what is left out. `at_boot` (sorted) are the services that
    /// are to be up in a moment: they get no `down` file, which would be removed then.
    pub(crate) fn make(
        &self,
        graph: &Graph,
        at_boot: &[ServiceId],
        warn: &mut dyn FnMut(&str),
    ) -> Result<(), LiveError> {
        let oneshots = self.service_directory(ONESHOTS);
        fs::create_dir_all(&oneshots).map_err(at(&oneshots))?;
        fs::create_dir_all(&self.scan_directory).map_err(at(&self.scan_directory))?;
        self.link("scandir", &self.scan_directory)?;
        self.link("compiled", &self.database)?;
        let prefix = self.root.join("prefix");
        fs::write(&prefix, []).map_err(at(&prefix))?;
        for id in graph.ids() {
            let Some(definition) = graph.definition(id) else { continue };
            let Kind::Longrun(longrun) = &definition.kind else { continue };
            let target = self.service_directory(&definition.name);
            match at_boot.binary_search(&id) {
                Ok(_) => make_service(&definition.directory, &target, longrun, warn)?,
                Err(_) => make_down(&definition.directory, &target, longrun, warn)?,
            }
            self.supervise(&definition.name)?;
        }
        Ok(())
    }

    /// Links a live directory into the scan directory.
    pub(crate) fn supervise(&self, name: &str) -> Result<(), LiveError> {
        let link = self.scan_directory.join(name);
        symlink(self.service_directory(name), &link).map_err(at(&link))
    }

    fn link(&self, name: &str, to: &Path) -> Result<(), LiveError> {
        let link = self.root.join(name);
        symlink(to, &link).map_err(at(&link))
    }
}

/// Makes a service directory.
fn make_service(
    source: &Path,
    target: &Path,
    longrun: &Longrun,
    warn: &mut dyn FnMut(&str),
) -> Result<(), LiveError> {
    fs::create_dir(target).map_err(at(target))?;
    match &longrun.instance {
        Some(instance) => fill_instance(source, target, longrun, &instance.of, warn),
        None => fill(source, target, longrun, warn),
    }
}

/// Makes a service directory with a `down` file.
pub(super) fn make_down(
    source: &Path,
    target: &Path,
    longrun: &Longrun,
    warn: &mut dyn FnMut(&str),
) -> Result<(), LiveError> {
    make_service(source, target, longrun, warn)?;
    let down = target.join("down");
    let mode = Mode::from_bits_truncate(0o644);
    mknod(&down, SFlag::S_IFREG, mode, 0).map_err(|e| at(&down)(e.into()))
}

impl Runtime {
    /// Takes on one service that is not of the tree.
    pub(crate) fn add(&mut self, name: String, directory: PathBuf) -> ServiceId {
        let id = self.scan.new_id();
        self.services.insert(id, Service::new(name, directory));
        id
    }

    /// Takes on the services of the tree, whose live directories have been made. `at_boot` (sorted)
    /// are those that have no `down` file there.
    pub(crate) fn adopt(&mut self, live: &LiveTree, at_boot: &[ServiceId]) {
        let graph = self.engine.graph();
        let mut services = Vec::new();
        for id in graph.ids() {
            let Some(definition) = graph.definition(id) else { continue };
            let mut service = live.service(definition);
            if let Kind::Longrun(longrun) = &definition.kind {
                service.made_of = Some(MadeOf::new(&longrun.handed_on));
            }
            service.down_file = DownFile::OfTree(at_boot.binary_search(&id).is_err());
            services.push((id, service));
        }
        let pipes: Vec<(ServiceId, ServiceId)> = graph.pipes().collect();
        let consumers: Vec<ServiceId> = graph.consumers().collect();
        self.services.working.common = CommonLock::make(&live.root);
        self.services.extend(services);
        consumers.into_iter().for_each(|id| self.pipelines.make(id));
        pipes.into_iter().for_each(|(from, to)| self.pipelines.connect(from, to));
    }
}
