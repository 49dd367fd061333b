//! One supervised longrun: the life of its processes. Reference: s6-supervise's page.
//!
//! `leaving` makes LASTUP of UP and LASTFINISH of FINISH. Starting a process is a command with an
//! answer here, so two states more say that the answer is not there yet.

mod control;
mod supervisor;

use super::agenda::{Agenda, News, Timer};
use super::{Command, Exit, NotSpawned, Script, Signal, Spawned, Time};
use crate::graph::ServiceId;

/// How long after a death, or after readiness, `run` may start again, in ms.
const THROTTLE_MS: u64 = 1_000;
/// How long after a failure to start it `run` is tried again, in ms.
const REFUSED_MS: u64 = 60_000;
/// How long after one KILL the next one follows, in ms.
const KILL_AGAIN_MS: u64 = 5_000;
/// The exit code of `finish` that means: do not start it again.
const PERMANENT: Exit = Exit::Code(125);

/// What a longrun is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No supervisor, no process.
    Unsupervised,
    /// A supervisor is asked for.
    Supervising,
    /// No process.
    Down,
    /// `run` is asked for.
    Starting,
    /// `run` runs.
    Up,
    /// `run` is dead; `finish` is asked for.
    Ending,
    /// `finish` runs.
    Finishing,
}

/// A longrun, as its supervisor sees it.
#[derive(Clone, Debug)]
pub struct Longrun {
    id: ServiceId,
    phase: Phase,
    wanted: bool,
    ready: bool,
    paused: bool,
    never_started: bool,
    exit: Option<Exit>,
    /// The last `finish` has said not to start it again.
    gave_up: bool,
    /// How often `run` was started again because it was to be up.
    restarts: u32,
    /// The supervisor leaves when the service is down.
    leaving: bool,
    /// The process of now tells its readiness.
    notifies: bool,
    /// To be stopped as soon as the answer is there (Starting).
    stop_asked: bool,
    /// The process of now was told to stop (Up).
    stopping: bool,
    /// What a change wants of it once there is a supervisor to tell: up, or down.
    asked: Option<bool>,
    /// The next `Event::Stopping` counts: `d` was told, not `r`.
    kill_asked: bool,
    /// When `run` may start again, if it has told its readiness.
    next_start: Option<Time>,
    /// When there may be a supervisor again.
    next_supervisor: Time,
    /// Its directory is in the scan directory.
    active: bool,
    logger: bool,
    /// It is of the graph: it stays known when its directory goes.
    in_graph: bool,
}

/// What the status file and people want to know.
impl Longrun {
    /// A longrun whose directory is not there yet.
    pub(in crate::engine) fn new(id: ServiceId, in_graph: bool) -> Self {
        Self {
            id,
            phase: Phase::Unsupervised,
            wanted: false,
            ready: true,
            paused: false,
            never_started: true,
            exit: None,
            gave_up: false,
            restarts: 0,
            leaving: false,
            notifies: false,
            stop_asked: false,
            stopping: false,
            asked: None,
            kill_asked: false,
            next_start: None,
            next_supervisor: Time::default(),
            active: false,
            logger: false,
            in_graph,
        }
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        self.phase
    }
    /// Whether it is to run: `wantedup`.
    pub fn wanted(&self) -> bool {
        self.wanted
    }
    /// Whether it is up and told so, or down and `finish` has ended.
    pub fn ready(&self) -> bool {
        self.ready
    }
    /// Whether it was told to pause.
    pub fn paused(&self) -> bool {
        self.paused
    }
    /// Whether nothing has happened since its supervisor started.
    pub fn never_started(&self) -> bool {
        self.never_started
    }
    /// How `run` last ended.
    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }
    /// Whether it is down because its `finish` exited 125.
    pub fn gave_up(&self) -> bool {
        self.gave_up && self.phase == Phase::Down
    }
    /// How often `run` ended and was started again, without anybody asking for it.
    pub fn restarts(&self) -> u32 {
        self.restarts
    }
    /// Whether its supervisor leaves when it is down.
    pub fn leaving(&self) -> bool {
        self.leaving
    }
    /// Whether it is up, and ready if it can tell: what an s6-rc change waits for.
    pub fn serves(&self) -> bool {
        self.phase == Phase::Up && (self.ready || !self.notifies)
    }
    /// Whether it is on its way down, and will stay there.
    pub fn is_stopping(&self) -> bool {
        let stops = match self.phase {
            Phase::Starting => self.stop_asked,
            Phase::Up => self.stopping,
            Phase::Ending | Phase::Finishing => true,
            Phase::Unsupervised | Phase::Supervising | Phase::Down => false,
        };
        stops && !self.wanted
    }
    /// Whether it has no process, and will have none until it is told so.
    pub fn at_rest(&self) -> bool {
        match self.phase {
            Phase::Unsupervised => self.asked != Some(true),
            Phase::Down => !self.wanted,
            Phase::Supervising | Phase::Starting | Phase::Up | Phase::Ending | Phase::Finishing => {
                false
            }
        }
    }
    /// Whether it has no process and is not about to have one.
    pub fn is_down(&self) -> bool {
        matches!(self.phase, Phase::Unsupervised | Phase::Supervising | Phase::Down)
    }
    /// Whether there is, or soon will be, a supervisor that takes what it is told.
    pub fn has_supervisor(&self) -> bool {
        self.phase != Phase::Unsupervised || self.active
    }
    /// Whether all that is known of it can be dropped.
    pub fn is_gone(&self) -> bool {
        self.phase == Phase::Unsupervised && !self.active && !self.in_graph
    }
}

/// What happens to its processes, and when.
impl Longrun {
    /// A process is there.
    pub(in crate::engine) fn spawned(
        &mut self,
        script: Script,
        spawned: Spawned,
        agenda: &mut Agenda,
    ) {
        match (self.phase, script) {
            (Phase::Starting, Script::Run) => self.run_spawned(spawned.notifies, agenda),
            (Phase::Ending, Script::Finish) => self.finish_spawned(spawned.timeout_ms, agenda),
            (
                Phase::Unsupervised
                | Phase::Supervising
                | Phase::Down
                | Phase::Starting
                | Phase::Up
                | Phase::Ending
                | Phase::Finishing,
                Script::Run | Script::Finish | Script::Up | Script::Down | Script::Reload,
            ) => {}
        }
    }

    /// A process could not be started.
    pub(in crate::engine) fn not_spawned(
        &mut self,
        script: Script,
        why: NotSpawned,
        agenda: &mut Agenda,
    ) {
        match (self.phase, script) {
            (Phase::Starting, Script::Run) => self.run_refused(why, agenda),
            (Phase::Ending, Script::Finish) => self.down_and_ready("dD", agenda),
            (
                Phase::Unsupervised
                | Phase::Supervising
                | Phase::Down
                | Phase::Starting
                | Phase::Up
                | Phase::Ending
                | Phase::Finishing,
                Script::Run | Script::Finish | Script::Up | Script::Down | Script::Reload,
            ) => {}
        }
    }

    /// A process ended.
    pub(in crate::engine) fn exited(&mut self, script: Script, exit: Exit, agenda: &mut Agenda) {
        match (self.phase, script) {
            (Phase::Up, Script::Run) => self.run_exited(exit, agenda),
            (Phase::Finishing, Script::Finish) => self.finish_exited(exit, agenda),
            (
                Phase::Unsupervised
                | Phase::Supervising
                | Phase::Down
                | Phase::Starting
                | Phase::Up
                | Phase::Ending
                | Phase::Finishing,
                Script::Run | Script::Finish | Script::Up | Script::Down | Script::Reload,
            ) => {}
        }
    }

    /// It told its readiness. Its next start is then allowed a second from now.
    pub(in crate::engine) fn told_ready(&mut self, agenda: &mut Agenda) {
        if self.phase == Phase::Up && !self.ready {
            self.next_start = Some(agenda.after(THROTTLE_MS));
            self.ready = true;
            self.announce(agenda);
            agenda.notify(self.id, "U");
        }
    }

    /// It was told to stop, and has so many milliseconds for it (0: for ever).
    pub(in crate::engine) fn stopping(&mut self, timeout_ms: u32, agenda: &mut Agenda) {
        if self.phase == Phase::Up && std::mem::take(&mut self.kill_asked) {
            self.set_or_clear(timeout_ms, agenda);
        }
    }

    /// Its timer is due.
    pub(in crate::engine) fn timeout(&mut self, agenda: &mut Agenda) {
        match self.phase {
            Phase::Unsupervised if self.active => self.supervise(agenda),
            Phase::Down if self.wanted => self.start(agenda),
            Phase::Up => self.kill(Script::Run, agenda),
            Phase::Finishing => self.kill(Script::Finish, agenda),
            Phase::Unsupervised
            | Phase::Supervising
            | Phase::Down
            | Phase::Starting
            | Phase::Ending => {}
        }
    }

    /// Rewrites the status. What stands in it from then on is no longer "never started".
    fn announce(&mut self, agenda: &mut Agenda) {
        self.never_started = false;
        agenda.command(Command::Status(self.id));
    }

    fn start(&mut self, agenda: &mut Agenda) {
        self.phase = Phase::Starting;
        self.stop_asked = false;
        agenda.clear(Timer::Longrun(self.id));
        agenda.spawn(self.id, Script::Run);
    }

    fn run_spawned(&mut self, notifies: bool, agenda: &mut Agenda) {
        self.phase = Phase::Up;
        self.notifies = notifies;
        self.ready = false;
        self.stopping = false;
        self.kill_asked = false;
        self.next_start = None;
        self.announce(agenda);
        agenda.notify(self.id, "u");
        if self.stop_asked {
            // It may be wanted again by now.
            let wanted = self.wanted;
            self.stop(agenda);
            self.wanted = wanted;
        }
    }

    fn run_refused(&mut self, why: NotSpawned, agenda: &mut Agenda) {
        self.phase = Phase::Down;
        agenda.tell(self.id, News::NotSpawned(why));
        let retry = match why {
            NotSpawned::Absent | NotSpawned::Refused => self.wanted,
            NotSpawned::Invalid => false,
        };
        if self.leaving {
            self.left(agenda);
        } else if retry {
            agenda.set(Timer::Longrun(self.id), agenda.after(REFUSED_MS));
        }
    }

    fn run_exited(&mut self, exit: Exit, agenda: &mut Agenda) {
        self.phase = Phase::Ending;
        self.paused = false;
        self.ready = false;
        self.exit = Some(exit);
        agenda.clear(Timer::Longrun(self.id));
        agenda.tally(self.id, exit);
        agenda.spawn(self.id, Script::Finish);
    }

    fn finish_spawned(&mut self, timeout_ms: u32, agenda: &mut Agenda) {
        self.phase = Phase::Finishing;
        self.set_or_clear(timeout_ms, agenda);
        self.announce(agenda);
        agenda.notify(self.id, "d");
    }

    fn finish_exited(&mut self, exit: Exit, agenda: &mut Agenda) {
        self.gave_up = exit == PERMANENT;
        if self.gave_up {
            self.wanted = false;
            self.down_and_ready("OD", agenda);
        } else {
            self.down_and_ready("D", agenda);
        }
    }

    fn down_and_ready(&mut self, letters: &'static str, agenda: &mut Agenda) {
        self.phase = Phase::Down;
        self.ready = true;
        agenda.clear(Timer::Longrun(self.id));
        self.announce(agenda);
        agenda.notify(self.id, letters);
        let next_start = self.next_start.take().unwrap_or(agenda.after(THROTTLE_MS));
        self.restarts = self.restarts.saturating_add(u32::from(self.wanted && !self.leaving));
        if self.leaving {
            self.left(agenda);
        } else if self.wanted && next_start <= agenda.now() {
            self.start(agenda);
        } else if self.wanted {
            agenda.set(Timer::Longrun(self.id), next_start);
        }
    }

    fn kill(&mut self, script: Script, agenda: &mut Agenda) {
        agenda.signal(self.id, script, Signal::TimedOut);
        agenda.set(Timer::Longrun(self.id), agenda.after(KILL_AGAIN_MS));
    }

    fn set_or_clear(&self, timeout_ms: u32, agenda: &mut Agenda) {
        if timeout_ms == 0 {
            agenda.clear(Timer::Longrun(self.id));
        } else {
            agenda.set(Timer::Longrun(self.id), agenda.after(timeout_ms.into()));
        }
    }
}
