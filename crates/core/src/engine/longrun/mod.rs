//! One supervised longrun: what its supervisor does about its processes. Reference: s6-supervise's
//! page, and s6-svscan's for how a supervisor comes and goes.
//!
//! # States
//!
//! A service of the tree is Unsupervised until the container boots, a scanned one until its
//! directory appears. A supervised service is Down, or it has a process: `run` in Starting and Up,
//! `finish` in Ending and Finishing. (Starting a process is a command with an answer: Starting and
//! Ending last until the answer is there.) What an event does also depends on these two:
//!
//! - *wanted*: the service is to run. It starts again when it has ended, but no sooner than a
//!   second after the death, or after the moment at which it was ready.
//! - *leaving*: the supervisor leaves as soon as the service is Down; it corresponds to the states
//!   LASTUP and LASTFINISH of s6-supervise. If the directory is still there another supervisor
//!   follows, but no sooner than a second after the last one came.
//!
//! The table has every change of state. With any other event the state stays. `Order` stands for an
//! event that is about something else: a change starts or stops the service, another tree has it,
//! the scan directory is pruned, or the container ends. Where a supervisor leaves and the next one
//! may come at once, Supervising follows Unsupervised immediately. The simulation compares the
//! table with what it meets.
//!
//! | state | event | then | what is done |
//! |---|---|---|---|
//! | Unsupervised | Boot, Appeared, Order | Supervising | a supervisor is asked for |
//! | Unsupervised | Timeout | Supervising | the same, a second after the last one came |
//! | Supervising | Supervised | Down | `s` is notified |
//! | Supervising | Supervised | Starting | the same; it is wanted: `run` is asked for |
//! | Supervising | Supervised | Unsupervised | the same; it is leaving: `x` is notified |
//! | Supervising | NotSupervised | Unsupervised | nothing |
//! | Down | Control, Order, Timeout | Starting | `u`, `o`, or it is time: `run` is asked for |
//! | Down | Control, Order | Unsupervised | the supervisor is told to leave: `x` is notified |
//! | Starting | Spawned | Up | `u` is notified; if a `d` came meanwhile, it is stopped now |
//! | Starting | NotSpawned | Down | if it is wanted, it is tried again a minute later |
//! | Starting | NotSpawned | Unsupervised | the supervisor is leaving: `x` is notified |
//! | Up | Exited | Lingering | the death is added to the tally; its `stop` script runs on |
//! | Lingering | Exited | Ending | `stop` has ended, too: `finish` is asked for |
//! | Up | Exited | Ending | the death is added to the tally, and `finish` asked for |
//! | Ending | Spawned | Finishing | `d` is notified, and `timeout-finish` begins |
//! | Ending | NotSpawned | Down | there is no `finish`: `dD` is notified |
//! | Ending | NotSpawned | Starting | the same; it is wanted, and the second is over |
//! | Ending | NotSpawned | Unsupervised | the same; the supervisor is leaving: `x` is notified |
//! | Finishing | Exited | Down | `D` is notified, or `OD` after 125, which ends the restarts |
//! | Finishing | Exited | Starting | the same; it is wanted, and the second is over |
//! | Finishing | Exited | Unsupervised | the same; the supervisor is leaving: `x` is notified |
//!
//! In Up, `d` and a change send the down signal and begin `timeout-kill`, and readiness is notified
//! as `U`. When the time of a process is over it gets a KILL, and another one every five seconds.
//! Once KILL has been sent to every process of the container, all longruns are Unsupervised.

mod control;
mod directory;
mod ends;
mod health;
mod stop;
mod supervisor;

use super::agenda::ServiceAgenda;
use super::{Exit, NotSpawned, Rest, Script, Spawned, Time};
use crate::graph::Direction;
pub use health::Health;

use directory::LongrunDirectory;
pub(super) use ends::Policy;
use stop::StopRequest;
use supervisor::{Activity, Idle, Readiness, Supervisor};

/// What a longrun is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It has neither a supervisor nor a process.
    Unsupervised,
    /// A supervisor is asked for.
    Supervising,
    /// It has a supervisor and no process.
    Down,
    /// `run` is asked for.
    Starting,
    /// `run` runs.
    Up,
    /// `run` is dead; `stop` runs.
    Lingering,
    /// `run` is dead; `finish` is asked for.
    Ending,
    /// `finish` runs.
    Finishing,
}

/// A longrun, as its supervisor sees it.
#[derive(Clone, Debug)]
pub struct SupervisedLongrun {
    directory: LongrunDirectory,
    state: LongrunState,
    /// When there may be another supervisor.
    next_supervisor: Time,
}

#[derive(Clone, Debug)]
enum LongrunState {
    Unsupervised {
        /// What a change wants of it, once there is a supervisor to tell.
        asked: Option<Direction>,
        /// What the last supervisor left in the status.
        history: History,
    },
    Supervising {
        /// As above.
        asked: Option<Direction>,
        history: History,
        /// The supervisor leaves as soon as it is there.
        leaving: bool,
    },
    Supervised(Supervisor),
}

/// What happened to a service, as far as its status says it.
#[derive(Clone, Copy, Debug)]
struct History {
    /// Nothing has happened since its supervisor started.
    fresh: bool,
    /// How `run` last ended.
    exit: Option<Exit>,
    /// How often `run` was started again because the service was wanted.
    restarts: u32,
}

/// What the status file and people want to know.
impl SupervisedLongrun {
    /// A longrun whose directory is not there yet. One of the graph stays known when its directory
    /// goes.
    pub(in crate::engine) fn new(in_graph: bool) -> Self {
        Self {
            directory: LongrunDirectory { present: false, logger: false, in_graph },
            state: LongrunState::Unsupervised { asked: None, history: History::new(0) },
            next_supervisor: Time::default(),
        }
    }

    /// What it is doing.
    pub fn phase(&self) -> Phase {
        match &self.state {
            LongrunState::Unsupervised { .. } => Phase::Unsupervised,
            LongrunState::Supervising { .. } => Phase::Supervising,
            LongrunState::Supervised(supervisor) => match supervisor.activity {
                Activity::Down(_) => Phase::Down,
                Activity::Starting { .. } => Phase::Starting,
                Activity::Up(_) => Phase::Up,
                Activity::Lingering { .. } => Phase::Lingering,
                Activity::Ending { .. } => Phase::Ending,
                Activity::Finishing { .. } => Phase::Finishing,
            },
        }
    }

    /// Whether it is to run: `wantedup`.
    pub fn wanted(&self) -> bool {
        self.supervisor().is_some_and(|supervisor| supervisor.wanted)
    }

    /// Whether it is up and has notified its readiness, or is down and `finish` has ended.
    pub fn ready(&self) -> bool {
        match self.activity() {
            Some(Activity::Up(run)) => matches!(run.readiness, Readiness::Ready { .. }),
            Some(
                Activity::Lingering { .. } | Activity::Ending { .. } | Activity::Finishing { .. },
            ) => false,
            Some(Activity::Down(_) | Activity::Starting { .. }) | None => true,
        }
    }

    /// Whether it was told to pause.
    pub fn paused(&self) -> bool {
        matches!(self.activity(), Some(Activity::Up(run)) if run.paused)
    }

    /// Whether nothing has happened since its supervisor started.
    pub fn never_started(&self) -> bool {
        self.history().fresh
    }

    /// How `run` last ended.
    pub fn exit(&self) -> Option<Exit> {
        self.history().exit
    }

    /// Why it is not started again, although nobody has stopped it.
    pub fn rest(&self) -> Option<Rest> {
        match self.activity() {
            Some(Activity::Down(Idle::Resting(rest))) => Some(*rest),
            Some(
                Activity::Down(Idle::Told | Idle::Waiting { .. })
                | Activity::Starting { .. }
                | Activity::Up(_)
                | Activity::Lingering { .. }
                | Activity::Ending { .. }
                | Activity::Finishing { .. },
            )
            | None => None,
        }
    }

    /// How often it ended by itself since then; after three times, perhaps more often.
    pub fn ends_since(&self, time: Time) -> usize {
        let ends = self.supervisor().and_then(|supervisor| supervisor.ends.as_ref());
        ends.map_or(0, |ends| ends.since(time))
    }

    /// How often `run` ended and was started again, without anybody asking for it.
    pub fn restarts(&self) -> u32 {
        self.history().restarts
    }

    /// Whether its supervisor leaves when it is down.
    pub fn leaving(&self) -> bool {
        match &self.state {
            LongrunState::Unsupervised { .. } => false,
            LongrunState::Supervising { leaving, .. } => *leaving,
            LongrunState::Supervised(supervisor) => supervisor.leaving,
        }
    }

    /// Whether it is up, and ready if it can notify that: what an s6-rc change waits for.
    pub fn serves(&self) -> bool {
        let unready = |readiness: &Readiness| matches!(readiness, Readiness::Awaited);
        matches!(self.activity(), Some(Activity::Up(run)) if !unready(&run.readiness))
    }

    /// Whether it is on its way down, and will stay there.
    pub fn is_stopping(&self) -> bool {
        let stops = match self.activity() {
            Some(Activity::Starting { stop }) => *stop,
            Some(Activity::Up(run)) => run.stop != StopRequest::None,
            Some(
                Activity::Lingering { .. } | Activity::Ending { .. } | Activity::Finishing { .. },
            ) => true,
            Some(Activity::Down(_)) | None => false,
        };
        stops && !self.wanted()
    }

    /// Whether it has no process, and will have none until it is told so.
    pub fn at_rest(&self) -> bool {
        match &self.state {
            LongrunState::Unsupervised { asked, .. } => *asked != Some(Direction::Up),
            LongrunState::Supervising { .. } => false,
            LongrunState::Supervised(supervisor) => match supervisor.activity {
                Activity::Down(_) => !supervisor.wanted,
                Activity::Starting { .. }
                | Activity::Up(_)
                | Activity::Lingering { .. }
                | Activity::Ending { .. }
                | Activity::Finishing { .. } => false,
            },
        }
    }

    /// Whether it has no process and is not about to have one.
    pub fn is_down(&self) -> bool {
        matches!(self.activity(), Some(Activity::Down(_)) | None)
    }

    /// Whether there is, or soon will be, a supervisor that takes what it is told.
    pub fn has_supervisor(&self) -> bool {
        !self.is_unsupervised() || self.directory.present
    }

    /// Whether all that is known of it can be dropped.
    pub fn is_gone(&self) -> bool {
        self.is_unsupervised() && !self.directory.present && !self.directory.in_graph
    }

    fn is_unsupervised(&self) -> bool {
        matches!(self.state, LongrunState::Unsupervised { .. })
    }

    fn history(&self) -> History {
        match &self.state {
            LongrunState::Unsupervised { history, .. }
            | LongrunState::Supervising { history, .. } => *history,
            LongrunState::Supervised(supervisor) => supervisor.history,
        }
    }

    fn supervisor(&self) -> Option<&Supervisor> {
        match &self.state {
            LongrunState::Supervised(supervisor) => Some(supervisor),
            LongrunState::Unsupervised { .. } | LongrunState::Supervising { .. } => None,
        }
    }

    fn activity(&self) -> Option<&Activity> {
        self.supervisor().map(|supervisor| &supervisor.activity)
    }
}

impl History {
    /// That of a service whose supervisor has just started.
    fn new(restarts: u32) -> Self {
        Self { fresh: true, exit: None, restarts }
    }
}

/// What happens to its processes, and when.
impl SupervisedLongrun {
    /// A process is there.
    pub(in crate::engine) fn spawned(
        &mut self,
        script: Script,
        spawned: Spawned,
        agenda: &mut ServiceAgenda<'_>,
    ) {
        if script == Script::Stop {
            if let LongrunState::Supervised(supervisor) = &mut self.state {
                supervisor.stop_spawned(spawned.timeout_ms, agenda);
            }
            return;
        }
        if let Some(supervisor) = self.expecting(script) {
            supervisor.spawned(spawned, agenda);
        }
    }

    /// A process could not be started.
    pub(in crate::engine) fn not_spawned(
        &mut self,
        script: Script,
        why: NotSpawned,
        agenda: &mut ServiceAgenda<'_>,
    ) {
        if script == Script::Stop {
            if let LongrunState::Supervised(supervisor) = &mut self.state {
                supervisor.stop_ended(None, agenda);
            }
            return;
        }
        if let Some(supervisor) = self.expecting(script) {
            supervisor.not_spawned(why, agenda);
            self.leave_if_down(agenda);
        }
    }

    /// A process ended.
    pub(in crate::engine) fn exited(
        &mut self,
        script: Script,
        exit: Exit,
        agenda: &mut ServiceAgenda<'_>,
    ) {
        if script == Script::Stop {
            if let LongrunState::Supervised(supervisor) = &mut self.state {
                supervisor.stop_ended(Some(exit), agenda);
            }
            return;
        }
        if let Some(supervisor) = self.expecting(script) {
            supervisor.exited(exit, agenda);
            self.leave_if_down(agenda);
        }
    }

    /// `run` notified its readiness.
    pub(in crate::engine) fn became_ready(&mut self, agenda: &mut ServiceAgenda<'_>) {
        if let LongrunState::Supervised(supervisor) = &mut self.state {
            supervisor.became_ready(agenda);
        }
    }

    /// `run` got its down signal, and has so many milliseconds to end (0: for ever).
    pub(in crate::engine) fn stopping(&mut self, timeout_ms: u32, agenda: &mut ServiceAgenda<'_>) {
        if let LongrunState::Supervised(supervisor) = &mut self.state {
            supervisor.stopping(timeout_ms, agenda);
        }
    }

    /// A number was drawn.
    pub(in crate::engine) fn drawn(&mut self, number: u32, agenda: &mut ServiceAgenda<'_>) {
        if let LongrunState::Supervised(supervisor) = &mut self.state {
            supervisor.drawn(number, agenda);
        }
    }

    /// Its end means something else from now on.
    pub(in crate::engine) fn set_policy(&mut self, policy: Policy) {
        if let LongrunState::Supervised(supervisor) = &mut self.state {
            supervisor.policy = policy;
        }
    }

    /// Its timer is due.
    pub(in crate::engine) fn timeout(&mut self, agenda: &mut ServiceAgenda<'_>) {
        match &mut self.state {
            LongrunState::Unsupervised { .. } => self.supervise_again(agenda),
            LongrunState::Supervising { .. } => {}
            LongrunState::Supervised(supervisor) => supervisor.timeout(agenda),
        }
    }

    /// Its supervisor, if that has, or is about to have, a process of this script.
    fn expecting(&mut self, script: Script) -> Option<&mut Supervisor> {
        match &mut self.state {
            LongrunState::Supervised(supervisor) => {
                (supervisor.script() == Some(script)).then_some(supervisor)
            }
            LongrunState::Unsupervised { .. } | LongrunState::Supervising { .. } => None,
        }
    }
}
