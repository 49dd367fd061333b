//! The scan directory: service directories that appear there are supervised, those that have gone
//! are dropped when that is asked for. Reference: s6-svscan's page.

use super::children::ProcessPlan;
use super::service::{DownFile, Service, Supervision};
use super::{Role, Runtime};
use crate::engine::{Event, FIRST_SCANNED, Scanned, Stage, Supervised, Time};
use crate::graph::ServiceId;
use crate::sys::errno;
use crate::sys::lock::Lock;
use litemap::LiteMap;
use nix::sys::signal::Signal;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Directories in the scan directory that are ours and no services.
const OURS: &[&str] = &["s6-linux-init-shutdownd"];

/// How long after a scan that failed the next one comes, in ms.
const RETRY_MS: u64 = 5000;

/// The scan directory and what was found in it.
#[derive(Debug)]
pub(super) struct ScanDirectory {
    path: PathBuf,
    control: Option<OwnedFd>,
    lock: Option<Lock>,
    found: LiteMap<DirectoryId, FoundDirectory>,
    next_id: u32,
    due: Option<Time>,
}

/// Device and inode: a service directory is the same under any name.
type DirectoryId = (u64, u64);

/// A service directory that was found, with its logger.
#[derive(Clone, Copy, Debug)]
struct FoundDirectory {
    service: ServiceId,
    logger: Option<ServiceId>,
    present: bool,
}

impl ScanDirectory {
    /// A scan directory that has not been looked at yet.
    pub(super) fn new(path: PathBuf) -> Self {
        let found = LiteMap::new();
        Self { path, control: None, lock: None, found, next_id: FIRST_SCANNED, due: None }
    }
    /// Keeps `.s6-svscan/control` and `.s6-svscan/lock`.
    pub(super) fn open(&mut self, control: OwnedFd, lock: Option<Lock>) {
        (self.control, self.lock) = (Some(control), lock);
    }
    /// The control FIFO.
    pub(super) fn control(&self) -> Option<RawFd> {
        self.control.as_ref().map(AsRawFd::as_raw_fd)
    }
    /// When to scan next without an order to.
    pub(super) fn due(&self) -> Option<Time> {
        self.due
    }
    /// Whether there is a script `.s6-svscan/SIGNAME` to run instead of what a signal does.
    pub(super) fn run_signal_script(&self, signal: Signal) -> bool {
        use nix::unistd::{AccessFlags, access};
        access(&self.signal_script(signal), AccessFlags::X_OK).is_ok()
    }
    fn signal_script(&self, signal: Signal) -> PathBuf {
        self.path.join(".s6-svscan").join(signal.as_str())
    }
    /// Nothing in it is to come back: from now on a logger whose service has gone reads to the end.
    pub(super) fn leave(&mut self) {
        self.found.iter_mut().for_each(|(_, found)| found.present = false);
    }
    /// An unused id.
    pub(super) fn new_id(&mut self) -> ServiceId {
        self.next_id += 1;
        ServiceId(self.next_id - 1)
    }
}

impl Runtime {
    /// Scans if it is time to.
    pub(super) fn scan_if_due(&mut self) {
        if self.scan.due.is_some_and(|t| t <= self.now()) {
            self.rescan();
        }
    }

    /// Scans now: starts what has appeared, marks what has gone.
    pub(super) fn rescan(&mut self) {
        let next = (self.settings.rescan_ms > 0).then_some(self.settings.rescan_ms);
        let seen = match self.look() {
            Ok(seen) => seen,
            Err(e) => {
                let shown = self.scan.path.display().to_string();
                self.reporter.warn(&format!("s6-svscan: warning: unable to read {shown}: {e}"));
                self.scan.due = Some(Time(self.now().0 + RETRY_MS));
                return;
            }
        };
        self.scan.due = next.map(|ms| Time(self.now().0 + ms));
        let gone: Vec<_> = self
            .scan
            .found
            .iter()
            .filter(|(k, f)| f.present && !seen.contains_key(*k))
            .map(|(k, _)| *k)
            .collect();
        for identity in gone {
            if let Some(found) = self.scan.found.get_mut(&identity) {
                found.present = false;
                let both = [Some(found.service), found.logger];
                both.into_iter().flatten().for_each(|id| self.feed(Event::Vanished(id)));
            }
        }
        for (identity, name) in seen {
            self.appeared(identity, name);
        }
    }

    /// What SIGHUP and `h` do.
    pub(super) fn rescan_and_prune(&mut self) {
        self.rescan();
        self.feed(Event::Prune { loggers: false });
    }

    /// The service directories in the scan directory that are not the tree's own.
    fn look(&self) -> std::io::Result<LiteMap<DirectoryId, String>> {
        let mut of_tree: Vec<DirectoryId> = self
            .engine
            .graph()
            .ids()
            .filter_map(|id| identity(&self.services.get(&id)?.directory))
            .collect();
        of_tree.sort_unstable();
        let mut seen = LiteMap::new();
        for entry in std::fs::read_dir(&self.scan.path)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || OURS.contains(&name.as_str()) {
                continue;
            }
            let Some(identity) = identity(&self.scan.path.join(&name)) else { continue };
            if of_tree.binary_search(&identity).is_err() {
                seen.insert(identity, name);
            }
        }
        Ok(seen)
    }

    fn appeared(&mut self, identity: DirectoryId, name: String) {
        if let Some(found) = self.scan.found.get_mut(&identity) {
            if !std::mem::replace(&mut found.present, true) {
                let (service, logger) = (found.service, found.logger);
                self.announce(service, logger);
            }
            return;
        }
        // The link in the scan directory may go before its service does.
        let entry = self.scan.path.join(&name);
        let directory = std::fs::canonicalize(&entry).unwrap_or(entry);
        let service = self.scan.new_id();
        let logger = identity_of_logger(&directory).then(|| self.scan.new_id());
        self.services.insert(service, Service::found(name.clone(), directory.clone()));
        if let Some(logger) = logger {
            let log = Service::found(format!("{name}/log"), directory.join("log"));
            self.services.insert(logger, log);
            self.pipelines.connect(service, logger);
        }
        self.scan.found.insert(identity, FoundDirectory { service, logger, present: true });
        self.announce(service, logger);
    }

    fn announce(&mut self, service: ServiceId, logger: Option<ServiceId>) {
        if let Some(logger) = logger {
            self.feed(Event::Appeared(logger, Scanned { logger: true }));
        }
        self.feed(Event::Appeared(service, Scanned { logger: false }));
    }

    /// Begins the supervision of a service's directory; the answer for the engine.
    pub(super) fn supervise(&mut self, id: ServiceId) -> Event {
        let Some((service, directory)) = self.services.enter(id) else {
            return Event::NotSupervised(id);
        };
        let supervised = match &directory {
            Ok(directory) => service.supervise(directory).map_err(|e| {
                self.reporter.warn_of_descriptors(e.errno());
                e.to_string()
            }),
            Err(e) => Err(e.to_string()),
        };
        service.refused = supervised.as_ref().err().cloned();
        match (supervised, directory, &service.supervision) {
            (Ok(()), Ok(directory), Some(supervision)) => {
                let control = super::Source::Control(id);
                if let Err(e) = self.poller.watch(&supervision.control, control) {
                    let (name, why) = (&service.name, errno::text(e));
                    self.reporter.warn(&format!(
                        "s6-supervise {name}: warning: unable to watch supervise/control: {why}: \
                         s6-svc will not work"
                    ));
                }
                let down = match service.down_file {
                    DownFile::OfTree(made) => {
                        service.down_file = DownFile::Known(made);
                        true
                    }
                    DownFile::Known(_) | DownFile::Unknown => directory.flag("down"),
                };
                let is_scanned = id.0 >= FIRST_SCANNED;
                let (ends, has_stop) =
                    if is_scanned { directory.ends(&mut self.reporter) } else { (None, false) };
                service.log = is_scanned.then(|| directory.log_mode(&mut self.reporter)).flatten();
                // Those of the tree are known.
                service.has_health_files = is_scanned && directory.has_health_files();
                self.show_supervisor(id);
                Event::Supervised(id, Supervised { down, ends: ends.map(Arc::new), has_stop })
            }
            (supervised, ..) => {
                let why = supervised.err().unwrap_or_default();
                let name = &service.name;
                self.reporter
                    .warn(&format!("s6-supervise {name}: warning: unable to supervise: {why}"));
                Event::NotSupervised(id)
            }
        }
    }

    /// Ends the supervision of a service's directory. A logger beside it now reads to the end.
    pub(super) fn unsupervise(&mut self, id: ServiceId) {
        self.left |= self.settings.role == Role::Supervise;
        self.write_status(id);
        self.release_lock(id);
        if let Some(service) = self.services.get_mut(&id) {
            service.unsupervise();
        }
        let orphan = self.scan.found.values().find(|f| f.service == id && !f.present);
        if let Some(logger) = orphan.and_then(|f| f.logger) {
            self.pipelines.close(logger);
        }
    }

    /// Releases a service's `supervise/lock`, where that is not its own. At the end of a container
    /// all of them go with us.
    fn release_lock(&mut self, id: ServiceId) {
        let supervision = self.services.get(&id).and_then(|service| service.supervision.as_ref());
        let common = supervision.is_some_and(Supervision::has_common_lock);
        let is_over = match self.engine.stage() {
            Stage::Terming | Stage::Killing | Stage::Over => true,
            Stage::Bare | Stage::Booting | Stage::Running | Stage::Stopping | Stage::Leaving => {
                false
            }
        };
        if common
            && !is_over
            && let Some((_, Ok(directory))) = self.services.enter(id)
            && let Err(e) = directory.release_common_lock()
        {
            let text = format!("unable to release ./supervise/lock: {e}");
            directory.warn(&mut self.reporter, &text);
        }
    }

    /// Forgets a service that has gone for good.
    pub(super) fn forget_service(&mut self, id: ServiceId) {
        self.unsupervise(id);
        self.services.remove(id);
        self.pipelines.remove(id);
        self.output.forget_service(id);
        for (_, found) in &mut self.scan.found {
            found.logger = found.logger.filter(|l| *l != id);
        }
        let services = &self.services;
        self.scan.found.retain(|_, f| f.logger.is_some() || services.contains(f.service));
    }

    /// Runs `.s6-svscan/SIGNAME` in the scan directory.
    pub(super) fn start_signal_script(&mut self, signal: Signal) {
        let script = self.scan.signal_script(signal);
        let word = script.to_string_lossy().into_owned().into_bytes();
        let streams = self.children.no_pipes(self.output.own(self.settings.outputs));
        let plan = ProcessPlan::new(vec![word.clone()], self.settings.env.clone(), streams);
        let started = match self.services.working.enter_other(&self.scan.path) {
            Ok(inside) => self
                .children
                .start_unwatched(plan, &self.settings, &inside)
                .map_err(|e| e.reason(&word)),
            Err(e) => Err(e.to_string()),
        };
        if let Err(why) = started {
            let text = format!("unable to spawn {}: {why}", script.display());
            self.reporter.warn(&format!("s6-svscan: warning: {text}"));
        }
    }
}

fn identity(path: &Path) -> Option<DirectoryId> {
    let stat = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    Some((stat.dev(), stat.ino()))
}

fn identity_of_logger(service: &Path) -> bool {
    identity(&service.join("log")).is_some()
}
