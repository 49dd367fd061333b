//! One change under way: which service moves when. Reference: s6-rc's page.
//!
//! A service moves as soon as none of its neighbours has still to move: on the way up its
//! dependencies, on the way down its dependents. When one fails, the services that wait for it stay
//! put, and the others go on. A service that only starts after another one (`after.d`) waits for it
//! in the same way, but goes on when that one fails or stays put.
//!
//! # Tasks
//!
//! Each selected service has a task. The change is over when none is Moving or Held.
//!
//! | task | event | then | what is done |
//! |---|---|---|---|
//! | Waiting | its last neighbour settles | Settled | nothing: it is where it is to be |
//! | Waiting | the same | Stuck | nothing: it is essential, and not to be stopped |
//! | Waiting | the same | Moving | it is told to start or to stop, and its limit begins |
//! | Waiting | the same, in the shutdown | Held | its `up` runs, and gets a TERM after 3 s |
//! | Moving | it is up (and ready), or down | Settled | its neighbours wait for one less |
//! | Moving | its script or supervisor failed | Stuck | a longrun that was to start is stopped |
//! | Moving | its limit is over | Stuck | the same; a oneshot's script is not watched any more |
//! | Moving | the same, and the shutdown can leave it | Settled | the last TERM and KILL end it |
//! | Held | its `up` ended | Waiting | it is stopped, if `up` did well |
//! | Held | its limit is over | Waiting | its `up` is not watched any more |

mod moves;

use super::agenda::{News, Timer};
use super::services::ServiceTable;
use super::{Change, Failure, NotSpawned, Notice, Outcome, RequestId, SHUTDOWN, Script, Time};
use crate::graph::{Direction, ServiceId};
use litemap::LiteMap;
use moves::{MoveState, MoveStep};
use std::collections::{BTreeSet, VecDeque};

/// What is to become of the services selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// They are to be up, or down.
    Go(Direction),
    /// They are to read their configuration again.
    Reload,
}

/// A change, or a reload, under way.
#[derive(Debug)]
pub(super) struct Transition {
    request: RequestId,
    change: Change,
    phases: VecDeque<(Goal, Vec<ServiceId>)>,
    goal: Goal,
    tasks: LiteMap<ServiceId, MoveState>,
    /// Those that are `Moving` or `Held`.
    moving: BTreeSet<ServiceId>,
    /// When its own time is over, if it has a limit.
    deadline: Option<Time>,
    /// The data that only the change of the shutdown has.
    shutdown: Option<Shutdown>,
    /// Of a dry run: what would be up, or not.
    pretended: LiteMap<ServiceId, bool>,
    failed: bool,
    aborted: bool,
    outcome: Option<Outcome>,
}

/// What the shutdown keeps of the change that was under way, and how long it waits.
#[derive(Debug)]
struct Shutdown {
    /// Longruns that are stopping already.
    stopping: BTreeSet<ServiceId>,
    /// Services that were on their way up.
    starting: BTreeSet<ServiceId>,
    /// When that change was to end.
    deadline: Option<Time>,
    /// Until when to wait for longruns that run although they are not up, as s6-rc sees it: their
    /// start failed, or somebody started them by hand.
    patience: Time,
}

impl Transition {
    /// A change of these services, or a reload.
    pub(super) fn new(
        request: RequestId,
        goal: Goal,
        change: Change,
        services: &ServiceTable,
    ) -> Self {
        Self {
            request,
            phases: phases(goal, &change, services),
            change,
            goal,
            tasks: LiteMap::new(),
            moving: BTreeSet::new(),
            deadline: None,
            shutdown: None,
            pretended: LiteMap::new(),
            failed: false,
            aborted: false,
            outcome: None,
        }
    }

    /// The stop of all that is alive. It takes over from the change under way, if there is one, and
    /// waits until `patience` for what is alive without being up.
    pub(super) fn shutdown(former: Option<Self>, patience: Time, services: &ServiceTable) -> Self {
        let selection = services.all_alive().collect();
        let change = Change { selection, down: true, ..Change::default() };
        let deadline = former.as_ref().and_then(|former| former.deadline);
        let (mut stopping, mut starting) = (BTreeSet::new(), BTreeSet::new());
        match former.map(|former| (former.goal, former.moving)) {
            Some((Goal::Go(Direction::Down), moving)) => stopping = moving,
            Some((Goal::Go(Direction::Up), moving)) => starting = moving,
            Some((Goal::Reload, _)) | None => {}
        }
        let shutdown = Some(Shutdown { stopping, starting, deadline, patience });
        let last = Self::new(SHUTDOWN, Goal::Go(Direction::Down), change, services);
        Self { shutdown, ..last }
    }

    /// The request that it belongs to.
    pub(super) fn request(&self) -> RequestId {
        self.request
    }

    /// How it ended, once it has.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The services that are on their way.
    pub(super) fn moving(&self) -> impl Iterator<Item = ServiceId> {
        self.moving.iter().copied()
    }

    /// Which way a selected service goes.
    pub(super) fn way_of(&self, id: ServiceId) -> Option<Direction> {
        match self.goal {
            Goal::Go(direction) => self.tasks.contains_key(&id).then_some(direction),
            Goal::Reload => None,
        }
    }

    /// Whether a service is still to go its way.
    pub(super) fn is_to_move(&self, id: ServiceId) -> bool {
        matches!(self.tasks.get(&id), Some(MoveState::Waiting(_) | MoveState::Moving))
    }

    /// Whether a service is on its way.
    pub(super) fn is_moving(&self, id: ServiceId) -> bool {
        self.moving.contains(&id)
    }

    /// Starts it.
    pub(super) fn begin(&mut self, services: &mut ServiceTable) {
        if self.change.timeout_ms > 0 {
            let at = services.agenda.after(self.change.timeout_ms);
            self.deadline = Some(at);
            services.agenda.set(Timer::Change, at);
        }
        self.go_on(services);
    }

    /// Something happened to a longrun.
    pub(super) fn hear(&mut self, id: ServiceId, news: News, services: &mut ServiceTable) {
        if self.tasks.get(&id) != Some(&MoveState::Moving) {
            return;
        }
        let up = services.longruns.get(&id).is_some_and(|longrun| longrun.serves());
        match heard(self.goal, news, up) {
            None => {}
            Some(Ok(())) => self.take(MoveStep::Arrive(id), services),
            Some(Err(failure)) => self.take(MoveStep::Fail(id, failure), services),
        }
        self.go_on(services);
    }

    /// The script of a oneshot ended.
    pub(super) fn ended(
        &mut self,
        id: ServiceId,
        script: Script,
        verdict: Result<(), Failure>,
        services: &mut ServiceTable,
    ) {
        match (self.tasks.get(&id), verdict) {
            (Some(MoveState::Moving), Ok(())) => self.take(MoveStep::Arrive(id), services),
            (Some(MoveState::Moving), Err(failure)) => {
                self.take(MoveStep::Fail(id, failure), services);
            }
            (Some(MoveState::Held { .. }), verdict) => {
                self.note(id, script, verdict, services);
                self.retry(id, services);
            }
            (
                Some(MoveState::Waiting(_) | MoveState::Settled | MoveState::Stuck) | None,
                verdict,
            ) => {
                self.note(id, script, verdict, services);
            }
        }
        self.go_on(services);
    }

    /// A service has taken too long.
    pub(super) fn timeout(&mut self, id: ServiceId, services: &mut ServiceTable) {
        match self.tasks.get(&id) {
            Some(MoveState::Moving) if self.may_be_left(id, services) => {
                self.take(MoveStep::Leave(id), services);
            }
            Some(MoveState::Moving) => {
                services.time_out(id);
                self.take(MoveStep::Fail(id, Failure::TimedOut), services);
            }
            Some(MoveState::Held { interrupted: false }) => self.interrupt(id, services),
            Some(MoveState::Held { interrupted: true }) => {
                services.forget(id);
                self.note(id, Script::Up, Err(Failure::TimedOut), services);
                self.retry(id, services);
            }
            Some(MoveState::Waiting(_) | MoveState::Settled | MoveState::Stuck) | None => {}
        }
        self.go_on(services);
    }

    /// The change has taken too long: services that are moving go on, but nobody waits for them.
    pub(super) fn time_out(&mut self, services: &mut ServiceTable) {
        for id in std::mem::take(&mut self.moving) {
            services.time_out(id);
            services.set_view(id, |view| view.failure = Some(Failure::TimedOut));
            services.agenda.clear(Timer::Move(id));
        }
        self.outcome = Some(Outcome::TimedOut);
    }

    /// What has not started need not start. Scripts of oneshots are waited for.
    pub(super) fn abort(&mut self, services: &mut ServiceTable) {
        self.aborted = true;
        for id in self.moving.clone() {
            if self.goal == Goal::Reload {
                services.forget(id);
            }
            services.cancel_delayed(id);
            if services.running(id).is_none() {
                self.take(MoveStep::Fail(id, Failure::Aborted), services);
            }
        }
        self.go_on(services);
    }

    /// The container stops, now: the shutdown watches over what is on its way.
    pub(super) fn give_up(&mut self, services: &mut ServiceTable) {
        services.agenda.clear(Timer::Change);
        for &id in &self.moving {
            services.agenda.clear(Timer::Move(id));
            match self.goal {
                Goal::Reload => services.forget(id),
                Goal::Go(Direction::Up) => services.cancel_delayed(id),
                Goal::Go(Direction::Down) => {}
            }
        }
        self.outcome = Some(Outcome::Aborted);
    }

    /// Goes on to the next phase when one is over, and to the end when all are.
    fn go_on(&mut self, services: &mut ServiceTable) {
        while self.moving.is_empty() && self.outcome.is_none() {
            let stop = self.failed || self.aborted;
            match self.phases.pop_front().filter(|_| !stop) {
                Some((goal, selection)) => self.start(goal, &selection, services),
                None => self.end(services),
            }
        }
    }

    fn end(&mut self, services: &mut ServiceTable) {
        services.agenda.clear(Timer::Change);
        self.outcome = Some(match (self.aborted, self.failed) {
            (true, _) => Outcome::Aborted,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Done,
        });
    }

    fn start(&mut self, goal: Goal, selection: &[ServiceId], services: &mut ServiceTable) {
        self.goal = goal;
        self.tasks = selection.iter().map(|&id| (id, MoveState::Waiting(0))).collect();
        if let Goal::Go(direction) = goal {
            self.select(direction, selection, services);
        }
        // From the last to the first, as s6-rc does.
        for &id in selection.iter().rev() {
            self.take(MoveStep::Examine(id), services);
        }
        while self.change.dry_run
            && let Some(id) = self.moving.pop_last()
        {
            self.take(MoveStep::Arrive(id), services);
        }
    }

    /// Notes for how many neighbours each service has to wait.
    fn select(&mut self, way: Direction, selection: &[ServiceId], services: &mut ServiceTable) {
        for &id in selection {
            let selected = |id: &ServiceId| self.tasks.contains_key(id);
            let (needed, first) = (services.graph.next(id, way), services.graph.first(id, way));
            let count = needed.chain(first).filter(selected).count();
            self.tasks.insert(id, MoveState::Waiting(count));
            if !self.change.dry_run {
                services.set_view(id, |view| {
                    view.asked = way == Direction::Up;
                    view.failure = None;
                });
            }
        }
    }
}

/// What the news of a longrun mean for its move, where `up` says whether it serves now.
fn heard(goal: Goal, news: News, up: bool) -> Option<Result<(), Failure>> {
    match (goal, news) {
        (Goal::Go(Direction::Up), News::Notified(notices)) => {
            if notices.iter().any(|n| matches!(n, Notice::GaveUp | Notice::Unsupervised)) {
                Some(Err(Failure::Permanent))
            } else {
                up.then_some(Ok(()))
            }
        }
        (Goal::Go(Direction::Up), News::NotSupervised) => Some(Err(Failure::Permanent)),
        (Goal::Go(Direction::Up), News::NotSpawned(NotSpawned::Invalid)) => {
            Some(Err(Failure::NotSpawned))
        }
        // It is tried again.
        (
            Goal::Go(Direction::Up),
            News::NotSpawned(NotSpawned::Absent | NotSpawned::Refused | NotSpawned::Delayed),
        ) => None,
        (Goal::Go(Direction::Down), News::Notified(notices)) => {
            let down = notices.iter().any(|n| matches!(n, Notice::Down | Notice::Unsupervised));
            down.then_some(Ok(()))
        }
        (Goal::Go(Direction::Down), News::NotSupervised | News::NotSpawned(_)) => Some(Ok(())),
        (_, News::StopsContainer(_) | News::Failed(_) | News::GaveUp(_)) => None,
        (Goal::Reload, News::Notified(_) | News::NotSupervised | News::NotSpawned(_)) => None,
    }
}

/// The selection, closed, and with `-p` the rest in the other direction: what stops comes first.
fn phases(
    goal: Goal,
    change: &Change,
    services: &ServiceTable,
) -> VecDeque<(Goal, Vec<ServiceId>)> {
    let mut named = change.selection.clone();
    named.retain(|&id| services.graph.definition(id).is_some());
    let Goal::Go(direction) = goal else {
        return VecDeque::from([(goal, named)]);
    };
    if change.all {
        named.extend(services.all_up());
    }
    let selection = services.graph.closure(&named, direction);
    let rest = services.graph.ids().filter(|id| selection.binary_search(id).is_err()).collect();
    let going = |direction, ids| (Goal::Go(direction), ids);
    match (direction, change.prune) {
        (_, false) => VecDeque::from([going(direction, selection)]),
        (Direction::Up, true) => {
            VecDeque::from([going(Direction::Down, rest), going(Direction::Up, selection)])
        }
        (Direction::Down, true) => {
            VecDeque::from([going(Direction::Down, selection), going(Direction::Up, rest)])
        }
    }
}
