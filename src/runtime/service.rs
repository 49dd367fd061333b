//! The supervised services: their processes, and their `supervise/status`, byte for byte as
//! s6-supervise writes it.

use super::directory::{MadeOf, ServiceDirectory, Unreachable, WorkingDirectory};
use super::health::ServiceHealth;
use super::supervisors::ShownSupervisor;
use crate::engine::{Engine, Exit, SupervisedLongrun, Time};
use crate::format::output::LogMode;
use crate::format::status::{self, Status};
use crate::format::tai::Tain;
use crate::format::tally::Death;
use crate::graph::ServiceId;
use crate::sys::clock;
use crate::sys::errno;
use crate::sys::lock::Lock;
use litemap::LiteMap;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// All services, and the way into their directories.
#[derive(Debug, Default)]
pub(super) struct Services {
    by_id: LiteMap<ServiceId, Service>,
    /// Where this process is.
    pub working: WorkingDirectory,
    /// Those whose `supervise/status` may be out of date.
    stale: Vec<ServiceId>,
    /// When to try again where that has failed.
    retry_at: Option<Time>,
}

/// How soon to try again to write a status that could not be written, in ms.
const RETRY_MS: u64 = 5_000;

impl Services {
    /// What is known of a service.
    pub(super) fn get(&self, id: &ServiceId) -> Option<&Service> {
        self.by_id.get(id)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, id: &ServiceId) -> Option<&mut Service> {
        self.by_id.get_mut(id)
    }

    /// All of them, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ServiceId, &Service)> {
        self.by_id.iter()
    }

    /// Whether there is a service of this number.
    pub(super) fn contains(&self, id: ServiceId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Adds a service.
    pub(super) fn insert(&mut self, id: ServiceId, service: Service) {
        self.by_id.insert(id, service);
    }

    /// Adds services; their numbers are the highest.
    pub(super) fn extend(&mut self, services: Vec<(ServiceId, Service)>) {
        self.by_id.extend(services);
    }

    /// A service, which is added if it is not there.
    pub(super) fn get_or_insert_with(
        &mut self,
        id: ServiceId,
        new: impl FnOnce() -> Service,
    ) -> &mut Service {
        self.by_id.entry(id).or_insert_with(new)
    }

    /// Forgets a service.
    pub(super) fn remove(&mut self, id: ServiceId) {
        self.working.forget();
        self.by_id.remove(&id);
    }

    /// Goes into a service's directory. `None`: there is no such service.
    pub(super) fn enter(
        &mut self,
        id: ServiceId,
    ) -> Option<(&mut Service, Result<ServiceDirectory<'_>, Unreachable>)> {
        let service = self.by_id.get_mut(&id)?;
        let directory = self.working.enter(id, service);
        Some((service, directory))
    }

    /// Marks the status as out of date. It is written before anything else that others could notice
    /// (an event, the end of a change), or else once, when all commands have been performed.
    pub(super) fn mark_stale(&mut self, id: ServiceId) {
        if let Some(service) = self.get_mut(&id)
            && !std::mem::replace(&mut service.stale, true)
        {
            self.stale.push(id);
        }
    }

    /// When to try again to write status files.
    pub(super) fn due(&self) -> Option<Time> {
        self.retry_at
    }

    /// Writes the status files that are out of date; where that fails, it is tried again.
    pub(super) fn write_statuses(&mut self, now: Time, engine: &Engine) {
        let stale = std::mem::take(&mut self.stale);
        for id in stale {
            self.write_status(id, engine.longrun(id));
            if self.get(&id).is_some_and(|service| service.stale && service.supervision.is_some()) {
                self.stale.push(id);
            }
        }
        self.retry_at = (!self.stale.is_empty()).then_some(Time(now.0 + RETRY_MS));
    }

    /// Writes the status of a service, if it is out of date.
    pub(super) fn write_status(&mut self, id: ServiceId, longrun: Option<&SupervisedLongrun>) {
        if let Some(longrun) = longrun
            && let Some(service) = self.get_mut(&id)
            && service.stale
            && service.supervision.is_some()
            && let Some(bytes) = service.outdated_status(longrun)
            && let Some((service, Ok(directory))) = self.enter(id)
        {
            let written = directory.replace_status(&bytes);
            service.written = written.is_ok().then_some(bytes);
            service.stale = service.written.is_none();
        }
    }
}

/// What PID 1 keeps of a service.
#[derive(Debug)]
pub(super) struct Service {
    /// Its name in messages and in `argv[1]` of run: `NAME`, or `NAME/log`.
    pub name: String,
    /// Its number, if it is one of several instances.
    pub instance: Option<u32>,
    /// Its live directory; for a oneshot, that in which its scripts run.
    pub directory: PathBuf,
    /// The directory itself, for one that was found in the scan directory: its name there may go
    /// before it does.
    pub handle: Option<OwnedFd>,
    /// While it is supervised.
    pub supervision: Option<Supervision>,
    /// The pipe in which it reports its readiness.
    pub readiness: Option<OwnedFd>,
    /// The process that shows itself as its supervisor, if one does (`supervisors.rs`).
    pub supervisor: Option<ShownSupervisor>,
    /// In a directory that was found: there are files that say how to look at it.
    pub has_health_files: bool,
    /// What is known of `run` by looking at it, if that is done.
    pub health: Option<Box<ServiceHealth>>,
    /// The processes of its scripts.
    pub processes: Processes,
    /// How what it says is shown, for one that was found in the scan directory.
    pub log: Option<LogMode>,
    /// Why it could not be supervised or started when that was tried last.
    pub refused: Option<String>,
    /// How the last script of a oneshot ended.
    pub last_script: Option<Exit>,
    /// The content of `supervise/status`, except for what the engine knows. Of a oneshot, the stamp
    /// alone counts: when its last script started or ended.
    pub status: Status,
    /// `supervise/status` may be out of date.
    stale: bool,
    /// The content of `supervise/status`, if it was written.
    written: Option<[u8; status::LENGTH]>,
    /// What is known of its `down` file.
    pub down_file: DownFile,
    /// How often `run` has died since its supervision began.
    deaths: usize,
    /// Which of its files its directory was made with, if that is one of the live tree.
    pub made_of: Option<MadeOf>,
    /// Its `event` was made by us, and it is not known that anybody has listened there.
    pub has_new_event: bool,
}

/// Whether a service has a `down` file, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DownFile {
    /// Nothing: it must be looked for.
    Unknown,
    /// Of a service that the tree begins with, down whatever the file says; whether it was made.
    OfTree(bool),
    /// Whether it is there.
    Known(bool),
}

/// The processes of a service that are alive.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Processes {
    /// `run`.
    pub run: Option<Pid>,
    /// `finish`.
    pub finish: Option<Pid>,
    /// `stop`.
    pub stop: Option<Pid>,
    /// `up`, `down` or `reload`.
    pub oneshot: Option<Pid>,
    /// The `run` whose end `finish` is started for.
    pub last_run: Option<Pid>,
}

/// What is open while a directory is supervised.
#[derive(Debug)]
pub(super) struct Supervision {
    /// `supervise/control`, for reading; it never sees an end of file.
    pub control: OwnedFd,
    /// `supervise/lock`, held. `None`: it is the common one.
    lock: Option<Lock>,
}

impl Supervision {
    /// Whether `supervise/lock` is the one that the tree's services have in common.
    pub(super) fn has_common_lock(&self) -> bool {
        self.lock.is_none()
    }
}

/// Why a directory cannot be supervised.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsupervisable {
    /// Another supervisor holds the lock.
    #[error("another supervisor is already running on it: stop that one first")]
    Locked,
    /// One of its files cannot be made.
    #[error("unable to make {}: {}", .0, errno::text(*.1))]
    File(&'static str, Errno),
}

impl Unsupervisable {
    /// The kernel's reason.
    pub(super) fn errno(&self) -> Errno {
        match self {
            Self::Locked => Errno::EBUSY,
            Self::File(_, e) => *e,
        }
    }
}

impl Service {
    /// A service that is not supervised yet.
    pub(super) fn new(name: String, directory: PathBuf) -> Self {
        let status = Status::not_started(stamp(), false);
        let processes = Processes::default();
        Self {
            name,
            instance: None,
            directory,
            handle: None,
            supervision: None,
            readiness: None,
            supervisor: None,
            has_health_files: false,
            health: None,
            processes,
            log: None,
            refused: None,
            last_script: None,
            status,
            stale: false,
            written: None,
            down_file: DownFile::Unknown,
            deaths: 0,
            made_of: None,
            has_new_event: false,
        }
    }

    /// One that was found in the scan directory.
    pub(super) fn found(name: String, directory: PathBuf) -> Self {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let handle = open(&directory, flags, Mode::empty()).ok();
        Self { handle, ..Self::new(name, directory) }
    }

    /// Begins its supervision, as s6-supervise starts up: directories, lock, FIFO. The engine has
    /// the status written and the listeners notified.
    pub(super) fn supervise(&mut self, directory: &ServiceDirectory) -> Result<(), Unsupervisable> {
        use Unsupervisable::File;
        self.has_new_event =
            directory.make_event(self.handle.is_some()).map_err(|e| File("event", e))?;
        let first = directory.make_supervise().map_err(|e| File("supervise", e))?;
        self.status = Status::not_started(stamp(), false);
        let bytes = self.status.encode();
        // There is no control yet: nobody can wait for this one, and see half of it.
        let written = first && directory.write_first_status(&bytes).is_ok();
        self.written = written.then_some(bytes);
        let common = directory.common.filter(|_| first && self.handle.is_none());
        let lock = match common.map(|common| directory.link_lock(common)) {
            Some(Ok(())) => None,
            Some(Err(_)) | None => {
                let lock = directory.lock().map_err(|e| File("supervise/lock", e))?;
                Some(lock.ok_or(Unsupervisable::Locked)?)
            }
        };
        let control = directory.open_control().map_err(|e| File("supervise/control", e))?;
        if !self.has_new_event {
            directory.clean_event();
        }
        if !first {
            directory.forget_deaths();
        }
        self.deaths = 0;
        if first && self.made_of.is_some() {
            directory.mark_as_made();
        }
        self.supervision = Some(Supervision { control, lock });
        Ok(())
    }

    /// Ends its supervision.
    pub(super) fn unsupervise(&mut self) {
        self.supervision = None;
        self.readiness = None;
        self.supervisor = None;
    }

    /// A script of a oneshot ended.
    pub(super) fn script_ended(&mut self, exit: Exit) {
        self.processes.oneshot = None;
        self.last_script = Some(exit);
        self.status.stamp = stamp();
    }

    /// What `supervise/status` is to hold by what the engine and the processes say now. `None`: it
    /// holds that already, however many letters have come.
    fn outdated_status(&mut self, longrun: &SupervisedLongrun) -> Option<[u8; status::LENGTH]> {
        let pid = self.processes.run.or(self.processes.finish);
        self.status.pid = pid.map_or(0, |p| p.as_raw() as u64);
        self.status.finishing = self.processes.run.is_none() && self.processes.finish.is_some();
        // "Not started yet" is written as paused and ready at once.
        self.status.paused = longrun.paused() || longrun.never_started();
        self.status.want_up = longrun.wanted();
        self.status.ready = longrun.ready() || longrun.never_started();
        let bytes = self.status.encode();
        self.stale = self.written != Some(bytes);
        self.stale.then_some(bytes)
    }

    /// Records a death of `run` in `supervise/death_tally`, which keeps the last `max`.
    pub(super) fn tally(&mut self, exit: Exit, max: usize, directory: &ServiceDirectory) {
        let (exit_code, signal) = match exit {
            Exit::Code(code) => (code, 0),
            Exit::Signal(signal) => (128u8.wrapping_add(signal), signal),
        };
        self.deaths += 1;
        let death = Death { stamp: self.status.stamp, exit_code, signal };
        directory.add_to_tally(death, self.deaths, max);
    }
}

/// The time now, as status files have it.
pub(super) fn stamp() -> Tain {
    Tain::from_utc(clock::utc())
}
