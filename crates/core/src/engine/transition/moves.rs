//! A single service of a change: what happens when its turn comes, and what follows from that.

use super::{Goal, Shutdown, Transition};
use crate::engine::agenda::Timer;
use crate::engine::services::ServiceTable;
use crate::engine::{Control, Failure, Report, Script, Time};
use crate::graph::{Direction, ServiceId};

/// How long the shutdown leaves an `up` alone that it found running, in ms. Then it gets a TERM.
const INTERRUPT_MS: u64 = 3_000;

/// Where a selected service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MoveState {
    /// So many of its neighbours are still to move.
    Waiting(usize),
    /// It is on its way.
    Moving,
    /// Its `up` was running when the shutdown came, which has to wait for that.
    Held {
        /// It has got its TERM.
        interrupted: bool,
    },
    /// It is where it is to be.
    Settled,
    /// It failed, or must not move.
    Stuck,
}

/// What follows from a move; a stack of them takes the place of recursion.
#[derive(Clone, Copy, Debug)]
pub(super) enum MoveStep {
    /// It may be its turn.
    Examine(ServiceId),
    /// One of its neighbours has settled.
    Release(ServiceId),
    /// It has arrived.
    Arrive(ServiceId),
    /// It failed.
    Fail(ServiceId, Failure),
    /// It is no longer waited for, and nothing else has to wait because of it.
    Leave(ServiceId),
    /// A report is due.
    Report(Report),
}

/// What a service that waits for nothing is to do.
enum Decision {
    Already,
    Refuse,
    Hold,
    Adopt,
    Move,
}

impl Transition {
    /// Takes a step, and all that follow from it.
    pub(super) fn take(&mut self, step: MoveStep, services: &mut ServiceTable) {
        let mut steps = vec![step];
        while let Some(step) = steps.pop() {
            match step {
                MoveStep::Examine(id) => self.examine(id, &mut steps, services),
                MoveStep::Release(id) => self.release(id, &mut steps, services),
                MoveStep::Arrive(id) => self.arrive(id, &mut steps, services),
                MoveStep::Fail(id, failure) => self.fail(id, failure, &mut steps, services),
                MoveStep::Leave(id) => self.leave(id, &mut steps, services),
                MoveStep::Report(report) => self.report(report, services),
            }
        }
    }

    fn report(&self, report: Report, services: &mut ServiceTable) {
        services.agenda.report(self.request, report);
    }

    fn release(&mut self, id: ServiceId, steps: &mut Vec<MoveStep>, services: &mut ServiceTable) {
        if let Some(MoveState::Waiting(count)) = self.tasks.get_mut(&id) {
            *count = count.saturating_sub(1);
        }
        self.examine(id, steps, services);
    }

    /// Sets a service going if it waits for nothing.
    fn examine(&mut self, id: ServiceId, steps: &mut Vec<MoveStep>, services: &mut ServiceTable) {
        if self.tasks.get(&id) != Some(&MoveState::Waiting(0)) {
            return;
        }
        match self.decide(id, services) {
            Decision::Already => self.settle(id, steps, services),
            Decision::Refuse => {
                self.tasks.insert(id, MoveState::Stuck);
                self.report(Report::Essential(id), services);
                self.release_followers(id, steps, services);
            }
            Decision::Hold => {
                self.set_off(id, MoveState::Held { interrupted: false });
                self.wait_until(id, Some(services.agenda.after(INTERRUPT_MS)), services);
            }
            Decision::Adopt => {
                self.set_off(id, MoveState::Moving);
                self.limit(id, services);
            }
            Decision::Move => self.set_going(id, steps, services),
        }
    }

    fn decide(&self, id: ServiceId, services: &ServiceTable) -> Decision {
        let is_up = self.pretended.get(&id).copied().unwrap_or(services.is_up(id));
        let spared = is_up && services.is_essential(id) && !self.change.essential;
        match (self.goal, services.running(id)) {
            (Goal::Go(Direction::Down), Some(Script::Up)) => Decision::Hold,
            (Goal::Go(Direction::Down), Some(Script::Down)) => Decision::Adopt,
            (Goal::Go(Direction::Up), _) if is_up => Decision::Already,
            (Goal::Go(Direction::Down), _) if !is_up && self.may_rest(id, services) => {
                Decision::Already
            }
            (Goal::Go(Direction::Down), _) if spared => Decision::Refuse,
            (Goal::Go(Direction::Up | Direction::Down) | Goal::Reload, _) => Decision::Move,
        }
    }

    /// Whether a service that is down can be left as it is. The shutdown also stops those that
    /// have a process without being up.
    fn may_rest(&self, id: ServiceId, services: &ServiceTable) -> bool {
        self.shutdown.is_none() || services.at_rest(id)
    }

    /// Whether the shutdown can do without seeing a service end: it is not up, as s6-rc sees it, so
    /// that nothing that is up needs it. The last TERM and KILL end it.
    pub(super) fn may_be_left(&self, id: ServiceId, services: &ServiceTable) -> bool {
        self.shutdown.is_some() && !services.is_up(id)
    }

    /// It is there already.
    fn settle(&mut self, id: ServiceId, steps: &mut Vec<MoveStep>, services: &mut ServiceTable) {
        self.tasks.insert(id, MoveState::Settled);
        match self.goal {
            Goal::Go(Direction::Up) => self.report(Report::AlreadyUp(id), services),
            Goal::Go(Direction::Down) => self.report(Report::AlreadyDown(id), services),
            Goal::Reload => {}
        }
        self.release_neighbours(id, steps, services);
    }

    fn release_neighbours(
        &self,
        id: ServiceId,
        steps: &mut Vec<MoveStep>,
        services: &ServiceTable,
    ) {
        let Some(back) = self.way_back() else { return };
        if !self.aborted {
            // A stack returns the last one first, which is the order of s6-rc.
            let needing = services.graph.next(id, back);
            let mut neighbours: Vec<_> = needing.chain(services.graph.first(id, back)).collect();
            neighbours.sort_unstable();
            steps.extend(neighbours.into_iter().map(MoveStep::Release));
        }
    }

    /// The direction in which those are that wait for a service.
    fn way_back(&self) -> Option<Direction> {
        match self.goal {
            Goal::Go(Direction::Up) => Some(Direction::Down),
            Goal::Go(Direction::Down) => Some(Direction::Up),
            Goal::Reload => None,
        }
    }

    /// A service did not get where it should be, so the services that need it stay put. Those that
    /// only come after one of them (`after.d`) no longer wait.
    fn release_followers(
        &mut self,
        id: ServiceId,
        steps: &mut Vec<MoveStep>,
        services: &ServiceTable,
    ) {
        let Some(back) = self.way_back().filter(|_| services.graph.has_order()) else { return };
        let mut stuck = vec![id];
        while let Some(id) = stuck.pop() {
            for waiting in services.graph.next(id, back) {
                if let Some(MoveState::Waiting(_)) = self.tasks.get(&waiting) {
                    self.tasks.insert(waiting, MoveState::Stuck);
                    stuck.push(waiting);
                }
            }
            if !self.aborted {
                steps.extend(services.graph.first(id, back).map(MoveStep::Release));
            }
        }
    }

    fn set_off(&mut self, id: ServiceId, task: MoveState) {
        self.tasks.insert(id, task);
        self.moving.insert(id);
    }

    /// Limits how long a service is waited for.
    fn limit(&self, id: ServiceId, services: &mut ServiceTable) {
        let own = match self.goal {
            Goal::Go(direction) => services.limit(id, direction),
            Goal::Reload => services.limit(id, Direction::Up),
        };
        let limit = match &self.shutdown {
            Some(shutdown) if !services.is_up(id) => shutdown.limit(id, own, services),
            Some(_) | None => own,
        };
        services.set_limit(id, limit);
    }

    fn set_going(&mut self, id: ServiceId, steps: &mut Vec<MoveStep>, services: &mut ServiceTable) {
        self.set_off(id, MoveState::Moving);
        let report = match self.goal {
            Goal::Go(Direction::Up) => Report::Starting(id),
            Goal::Go(Direction::Down) => Report::Stopping(id),
            Goal::Reload => Report::Reloading(id),
        };
        self.report(report, services);
        if !self.change.dry_run {
            self.limit(id, services);
            self.direct(id, services);
            self.check_longrun(id, steps, services);
        }
    }

    /// Tells a service where to go.
    fn direct(&self, id: ServiceId, services: &mut ServiceTable) {
        let stopping = |shutdown: &Shutdown| shutdown.stopping.contains(&id);
        let stopping = self.shutdown.as_ref().is_some_and(stopping);
        let agenda = &mut services.agenda.of(id);
        match (self.goal, services.longruns.get_mut(&id)) {
            (Goal::Go(Direction::Down), Some(longrun)) if stopping && longrun.is_stopping() => {}
            (Goal::Go(direction), Some(longrun)) => longrun.go(direction, agenda),
            (Goal::Reload, Some(longrun)) => longrun.control(Control::Reload, agenda),
            (Goal::Go(Direction::Up), None) => services.run(id, Script::Up),
            (Goal::Go(Direction::Down), None) => services.run(id, Script::Down),
            (Goal::Reload, None) => services.run(id, Script::Reload),
        }
    }

    /// A longrun may already be where it should be, or may be unable to get there.
    fn check_longrun(
        &mut self,
        id: ServiceId,
        steps: &mut Vec<MoveStep>,
        services: &mut ServiceTable,
    ) {
        let Some(longrun) = services.longruns.get(&id) else { return };
        let there = match self.goal {
            Goal::Go(Direction::Up) => longrun.serves(),
            Goal::Go(Direction::Down) => longrun.is_down(),
            Goal::Reload => true,
        };
        if there {
            steps.push(MoveStep::Arrive(id));
        } else if !longrun.has_supervisor() {
            steps.push(MoveStep::Fail(id, Failure::Permanent));
        }
    }

    fn arrive(&mut self, id: ServiceId, steps: &mut Vec<MoveStep>, services: &mut ServiceTable) {
        self.leave_moving(id, MoveState::Settled, services);
        let report = match self.goal {
            Goal::Go(direction) => {
                if self.change.dry_run {
                    self.pretended.insert(id, direction == Direction::Up);
                } else {
                    services.arrived(id, direction);
                }
                arrived(id, direction)
            }
            Goal::Reload => Report::Reloaded(id),
        };
        // Reported last: s6-rc launches the neighbours first.
        steps.push(MoveStep::Report(report));
        self.release_neighbours(id, steps, services);
    }

    fn leave(&mut self, id: ServiceId, steps: &mut Vec<MoveStep>, services: &mut ServiceTable) {
        self.leave_moving(id, MoveState::Settled, services);
        self.report(Report::Left(id), services);
        self.release_neighbours(id, steps, services);
    }

    fn fail(
        &mut self,
        id: ServiceId,
        failure: Failure,
        steps: &mut Vec<MoveStep>,
        services: &mut ServiceTable,
    ) {
        self.leave_moving(id, MoveState::Stuck, services);
        self.failed = true;
        services.set_view(id, |view| view.failure = Some(failure));
        let report = match self.goal {
            Goal::Go(Direction::Up) => {
                if let Some(longrun) = services.longruns.get_mut(&id) {
                    longrun.go(Direction::Down, &mut services.agenda.of(id));
                }
                Report::NotStarted(id, failure)
            }
            Goal::Go(Direction::Down) => Report::NotStopped(id, failure),
            Goal::Reload => Report::NotReloaded(id, failure),
        };
        self.report(report, services);
        self.release_followers(id, steps, services);
    }

    fn leave_moving(&mut self, id: ServiceId, task: MoveState, services: &mut ServiceTable) {
        self.tasks.insert(id, task);
        self.moving.remove(&id);
        services.agenda.clear(Timer::Move(id));
    }

    /// A script that an earlier change has started ended.
    pub(super) fn note(
        &mut self,
        id: ServiceId,
        script: Script,
        verdict: Result<(), Failure>,
        services: &mut ServiceTable,
    ) {
        let direction = match script {
            Script::Up => Direction::Up,
            Script::Down => Direction::Down,
            Script::Run | Script::Finish | Script::Stop | Script::Reload => return,
        };
        let report = match (verdict, direction) {
            (Ok(()), direction) => {
                services.arrived(id, direction);
                arrived(id, direction)
            }
            (Err(failure), Direction::Up) => Report::NotStarted(id, failure),
            (Err(failure), Direction::Down) => Report::NotStopped(id, failure),
        };
        self.report(report, services);
    }

    /// It is held no longer: its turn comes now.
    pub(super) fn retry(&mut self, id: ServiceId, services: &mut ServiceTable) {
        self.leave_moving(id, MoveState::Waiting(0), services);
        self.take(MoveStep::Examine(id), services);
    }

    /// Its `up` has had its time, and gets a TERM. From then on its own limit counts, and that of
    /// the change that has started it.
    pub(super) fn interrupt(&mut self, id: ServiceId, services: &mut ServiceTable) {
        self.tasks.insert(id, MoveState::Held { interrupted: true });
        if let Some(oneshot) = services.oneshots.get(&id) {
            oneshot.interrupt(&mut services.agenda);
        }
        self.wait_until(id, services.limit(id, Direction::Up), services);
    }

    /// Waits for a running `up` until then, but no longer than the change that has started it.
    fn wait_until(&self, id: ServiceId, at: Option<Time>, services: &mut ServiceTable) {
        let deadline = self.shutdown.as_ref().and_then(|shutdown| shutdown.deadline);
        services.set_limit(id, earlier(at, deadline));
    }
}

impl Shutdown {
    /// Until when to wait for a service that is not up, and whose `timeout-down` is over at `down`.
    /// One that was on its way up is waited for as long as its tree says.
    ///
    /// Differs: the reference leaves the others to the last TERM. They are stopped in order here,
    /// and get the time that is between TERM and KILL, once for all of them.
    fn limit(&self, id: ServiceId, down: Option<Time>, services: &ServiceTable) -> Option<Time> {
        if self.starting.contains(&id) {
            earlier(down.or_else(|| services.limit(id, Direction::Up)), self.deadline)
        } else {
            earlier(down, Some(self.patience))
        }
    }
}

/// The earlier of two times, of which each may be never.
fn earlier(one: Option<Time>, other: Option<Time>) -> Option<Time> {
    one.into_iter().chain(other).min()
}

fn arrived(id: ServiceId, direction: Direction) -> Report {
    match direction {
        Direction::Up => Report::Started(id),
        Direction::Down => Report::Stopped(id),
    }
}
