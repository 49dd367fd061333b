//! The process that looks at services for us (`src/looker`): how it is started, told what to look
//! at, and listened to. There is one as long as there is something to look at. Whenever it ends,
//! the next one is told everything again; nothing else depends on it.

use super::Runtime;
use super::children::Whose;
use super::health::{ServiceHealth, in_words, notify_socket};
use super::poller::Source;
use super::service::stamp;
use super::settings::Role;
use crate::definition::health::{FILES, HealthPolicy, Reaction};
use crate::definition::{Kind, Word};
use crate::engine::{Checked, Event, Health, Look, Stage, Time};
use crate::format::look::{LookerFinding, LookerOrder, MAX_LINE, Sighting, VERSION};
use crate::format::request::{HealthState, HealthStatus};
use crate::graph::ServiceId;
use crate::sys::exec::Execve;
use crate::sys::process::{self, WaitStatus};
use crate::sys::spawn::{Child, Program, Session};
use crate::sys::{errno, fd, socket};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

/// What the process is called.
const NAME: &[u8] = b"sixtree-looker";

/// The numbers of its descriptors: the socket to us, and that to which services send.
const ORDERS: i32 = 3;
const NOTES: i32 = 4;

/// How soon after the last one another one may start, in ms.
const THROTTLE_MS: u64 = 1_000;

/// How often it is said that one has died, in ms.
const SAYING_MS: u64 = 60_000;

/// The most bytes of orders that wait for it. One that does not read them is of no use.
const MAX_UNSENT: usize = 4 << 20;

/// How much is read of it in one wake-up, in bytes.
const BATCH: usize = 16 << 10;

/// What we have of it.
#[derive(Debug, Default)]
pub(super) struct LookerLink {
    socket: Option<OwnedFd>,
    pid: Option<Pid>,
    /// The socket to which services send messages.
    notes: Option<OwnedFd>,
    unsent: Vec<u8>,
    received: Vec<u8>,
    /// The poller waits for room.
    awaits_room: bool,
    started_at: Time,
    retry_at: Option<Time>,
    /// Until when nothing is said of another death.
    said_until: Time,
    /// The number of the last order.
    serial: u32,
}

impl LookerLink {
    /// When another one is to be started.
    pub(super) fn due(&self) -> Option<Time> {
        self.retry_at
    }

    /// Sends what there is room for; false: it does not read.
    fn flush(&mut self) -> bool {
        let Some(socket) = &self.socket else { return true };
        while !self.unsent.is_empty() {
            match socket::send(socket.as_fd(), &self.unsent, &[]) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(Errno::EAGAIN) => return self.unsent.len() <= MAX_UNSENT,
                Err(_) => return false,
            }
        }
        true
    }

    /// Ends it; that it has ended is heard later.
    fn kill(&mut self) {
        self.socket = None;
        if let Some(pid) = self.pid {
            let _ = process::kill(pid.as_raw(), libc::SIGKILL as u8);
        }
    }
}

impl Runtime {
    /// How `run` of a service is to be looked at; `None`: not at all.
    pub(super) fn health_policy(&mut self, id: ServiceId) -> Option<HealthPolicy> {
        let has_files = match self.engine.graph().definition(id).map(|d| &d.kind) {
            Some(Kind::Longrun(longrun)) => longrun.handed_on.iter().any(|f| FILES.contains(f)),
            Some(Kind::Oneshot(_) | Kind::Bundle(_)) => false,
            None => self.services.get(&id).is_some_and(|service| service.has_health_files),
        };
        let (_, directory) = self.services.enter(id).filter(|_| has_files)?;
        Some(directory.ok()?.health_policy(&mut self.reporter)).filter(HealthPolicy::is_needed)
    }

    /// The variables by which a service finds the socket for its messages. The looker is there
    /// before the service is.
    pub(super) fn notify_variables(&mut self, policy: &HealthPolicy) -> Vec<Word> {
        if !policy.notifies {
            return Vec::new();
        }
        self.start_looker();
        let path = self.notify_path();
        let watchdog = policy
            .watchdog_ms
            .map(|ms| format!("WATCHDOG_USEC={}", u64::from(ms) * 1_000).into_bytes());
        let socket = format!("NOTIFY_SOCKET={}", path.display()).into_bytes();
        [socket].into_iter().chain(watchdog).collect()
    }

    fn notify_path(&self) -> PathBuf {
        notify_socket(&match self.settings.role {
            Role::Container => self.settings.run_directory.join("s6-rc"),
            Role::Scan => self.settings.scan_directory.join(".s6-svscan"),
            Role::Supervise => self.settings.scan_directory.join("supervise"),
        })
    }

    /// Has a service looked at.
    pub(super) fn look_at_service(&mut self, id: ServiceId, look: Look) {
        let now = self.now();
        self.looker.serial = self.looker.serial.wrapping_add(1).max(1);
        let serial = self.looker.serial;
        let Some(service) = self.services.get_mut(&id) else { return };
        let pid = service.processes.run.map_or(0, Pid::as_raw);
        let Some(health) = &mut service.health else { return };
        health.change(look, pid, serial, now);
        let order = health.order(id, &service.directory, now);
        if self.looker.socket.is_some() {
            self.send_order(&order);
        } else if matches!(order, LookerOrder::Watch(_)) {
            self.start_looker();
        }
    }

    /// Starts the process, unless it is there, or the last one was just now.
    fn start_looker(&mut self) {
        let is_over = match self.engine.stage() {
            Stage::Bare | Stage::Booting | Stage::Running | Stage::Stopping => false,
            Stage::Terming | Stage::Killing | Stage::Leaving | Stage::Over => true,
        };
        if self.looker.pid.is_some() || self.looker.retry_at.is_some() || is_over {
            return;
        }
        if let Err(e) = self.try_start_looker() {
            let text =
                format!("unable to start the process that looks at services: {}", errno::text(e));
            self.reporter.warn(&format!("sixtree: warning: {text}"));
            self.looker.retry_at = Some(Time(self.now().0 + SAYING_MS));
        }
    }

    fn try_start_looker(&mut self) -> Result<(), Errno> {
        if self.looker.notes.is_none() {
            self.looker.notes = Some(socket::receiver(&self.notify_path())?);
        }
        let notes = self.looker.notes.as_ref().map_or(-1, AsRawFd::as_raw_fd);
        let (ours, theirs) = socket::pair()?;
        fd::set_nonblocking(ours.as_raw_fd(), true)?;
        let execve = Execve::new(b"/proc/self/exe", &[NAME.to_vec()], &self.settings.env)?;
        let streams = self.children.no_input_or_output(self.settings.outputs.1);
        let child = Child {
            session: Session::New,
            fds: &streams.lasting,
            passing: &[(ORDERS, theirs.as_raw_fd()), (NOTES, notes)],
            nofile: self.settings.nofile,
            new_pid_namespace: false,
        };
        let started = self.children.spawner.spawn(&child, Program::File(execve));
        let pid = started.map_err(|e| e.errno())?;
        self.children.record(pid.as_raw(), Whose::Looker);
        self.poller.watch(&ours, Source::Looker)?;
        let now = self.now();
        let link = &mut self.looker;
        (link.socket, link.pid, link.started_at) = (Some(ours), Some(pid), now);
        (link.awaits_room, link.retry_at) = (false, None);
        link.unsent.clear();
        link.received.clear();
        self.note_looker(pid);
        self.send_all_orders();
        Ok(())
    }

    fn send_all_orders(&mut self) {
        let now = self.now();
        let sample_ms = self.settings.sample_ms;
        self.looker.unsent.extend(LookerOrder::Hello { version: VERSION, sample_ms }.encode());
        for (id, service) in self.services.iter() {
            let health = service.health.as_deref().filter(|health| health.look != Look::Nothing);
            let order = health.map(|health| health.order(*id, &service.directory, now));
            if let Some(order @ LookerOrder::Watch(_)) = order {
                self.looker.unsent.extend(order.encode());
            }
        }
        self.write_to_looker();
    }

    fn send_order(&mut self, order: &LookerOrder) {
        self.looker.unsent.extend(order.encode());
        self.write_to_looker();
    }

    fn write_to_looker(&mut self) {
        if !self.looker.flush() {
            return self.looker.kill();
        }
        let awaits_room = !self.looker.unsent.is_empty();
        if let Some(socket) = &self.looker.socket
            && std::mem::replace(&mut self.looker.awaits_room, awaits_room) != awaits_room
        {
            // Where it cannot be waited for, the next order takes the rest along.
            let _ = self.poller.change(socket, Source::Looker, (true, awaits_room));
        }
    }

    /// It has ended.
    pub(super) fn looker_ended(&mut self, status: WaitStatus) {
        let now = self.now();
        self.looker.forget();
        let looks = |health: &ServiceHealth| health.look != Look::Nothing;
        if !self.services.iter().any(|(_, s)| s.health.as_deref().is_some_and(looks)) {
            return;
        }
        if self.looker.said_until <= now && !self.engine.stopping() {
            self.looker.said_until = Time(now.0 + SAYING_MS);
            let how = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exited with code {code}"),
                (None, signal) => format!("was killed by signal {}", signal.unwrap_or(0)),
            };
            let text = format!("the process that looks at services {how}: starting another one");
            self.reporter.warn(&format!("sixtree: warning: {text}"));
        }
        self.looker.retry_at = Some(Time(now.0.max(self.looker.started_at.0 + THROTTLE_MS)));
    }

    /// Starts another one, if it is time to.
    pub(super) fn start_looker_if_due(&mut self) {
        if self.looker.retry_at.is_some_and(|at| at <= self.now()) {
            self.looker.retry_at = None;
            self.start_looker();
        }
    }

    /// Reads what it has found.
    pub(super) fn read_findings(&mut self) {
        self.write_to_looker();
        let Some(socket) = &self.looker.socket else { return };
        let mut buffer = [0; BATCH];
        match fd::read(socket.as_raw_fd(), &mut buffer) {
            Ok(0) => return self.looker.socket = None,
            Ok(n) => self.looker.received.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(Errno::EAGAIN) => return,
            Err(_) => return self.looker.kill(),
        }
        while let Some(end) = self.looker.received.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.looker.received.drain(..=end).collect();
            match LookerFinding::decode(&line) {
                Some(finding) => self.heed(finding),
                None => return self.looker.kill(),
            }
        }
        if self.looker.received.len() > MAX_LINE {
            self.looker.kill();
        }
    }

    fn heed(&mut self, LookerFinding { service: number, serial, what }: LookerFinding) {
        let id = ServiceId(number);
        let Some(service) = self.services.get_mut(&id) else { return };
        let Some(health) = &mut service.health else { return };
        if !health.is_news(serial, &what) {
            return;
        }
        let words = in_words(&what);
        let event = match what {
            Sighting::Ready => {
                health.words.clear();
                if health.look != Look::Readiness {
                    return;
                }
                health.note(String::new(), false);
                service.status.ready_stamp = stamp();
                Event::Ready(id)
            }
            Sighting::NotReady(_) => return health.note(words, false),
            Sighting::Status(_) | Sighting::Reloading | Sighting::Stopping => {
                return health.words = words;
            }
            Sighting::Extend(ms) => Event::ExtendTimeout(id, ms),
            Sighting::Refused(_) => {
                let name = service.name.clone();
                return self.reporter.info(format_args!("service {name} asks in vain: {words}"));
            }
            Sighting::Passed => {
                health.note(String::new(), false);
                Event::Checked(id, Checked::Passed)
            }
            Sighting::Failed(_) => {
                health.note(words, true);
                Event::Checked(id, Checked::Failed)
            }
            Sighting::TooMuchMemory { .. } => {
                health.note(words, false);
                Event::Checked(id, Checked::TooMuchMemory)
            }
            Sighting::WatchdogMissed(_) => {
                health.note(words, false);
                Event::Checked(id, Checked::WatchdogMissed)
            }
        };
        self.feed(event);
    }

    /// Reports that a service is unwell, and what comes of it.
    pub(super) fn report_unwell(&mut self, id: ServiceId, reaction: Reaction) {
        let health = self.engine.longrun(id).and_then(|longrun| longrun.health());
        let Some(service) = self.services.get_mut(&id) else { return };
        let Some(known) = &mut service.health else { return };
        let why = known.note_unwell(health);
        let then = match (reaction, self.settings.role) {
            (Reaction::Restart, _) => ": restarting it",
            (Reaction::Stop, Role::Container) => ": stopping the container",
            (Reaction::Stop, Role::Scan | Role::Supervise) => ": stopping it",
            (Reaction::Ignore, _) => "",
        };
        let line = format!("sixtree: warning: {}: {why}{then}", service.name);
        self.reporter.warn(&line);
    }

    /// How well a service is, if it is looked at, and why it is not.
    pub(super) fn health_status(&self, id: ServiceId) -> Option<HealthStatus> {
        let known = self.services.get(&id)?.health.as_deref()?;
        let health = self.engine.longrun(id).and_then(|longrun| longrun.health());
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let is_checked = !known.policy.checks.is_empty();
        let state = health.and_then(|health| match health {
            Health::Unhealthy { .. } => Some(HealthState::Unhealthy),
            Health::Healthy { .. } => Some(HealthState::Healthy),
            Health::Starting if is_checked => Some(HealthState::Starting),
            // Well until it misses one.
            Health::Starting => known.policy.watchdog_ms.map(|_| HealthState::Healthy),
        });
        Some(HealthStatus {
            state,
            why: text(known.reason(health)),
            words: text(known.words.clone()),
        })
    }
}

impl LookerLink {
    /// It has ended.
    fn forget(&mut self) {
        self.pid = None;
        self.kill();
        self.awaits_room = false;
    }
}
