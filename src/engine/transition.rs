//! One change under way: which service moves when. Reference: s6-rc's page.
//!
//! A service moves as soon as none of its neighbours (dependencies on the way up, dependents on
//! the way down) is still to move; the others go on when one fails, but its neighbours stay put.

use super::agenda::{Agenda, News, Timer};
use super::services::Services;
use super::{Change, Failure, NotSpawned, Outcome, Report, RequestId, SHUTDOWN, Script};
use crate::graph::{Direction, ServiceId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How long the shutdown leaves an `up` alone that it found running, in ms. Then it gets a TERM.
const INTERRUPT_MS: u64 = 3_000;

/// What is to become of the services selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// They are to be up, or down.
    Go(Direction),
    /// They are to read their configuration again.
    Reload,
}

/// Where a selected service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
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

/// What a service that waits for nothing is to do.
enum Decision {
    Already,
    Refuse,
    Hold,
    Adopt,
    Move,
}

/// What follows from a move; a stack of them takes the place of recursion.
enum Step {
    /// One of its neighbours has settled.
    Release(ServiceId),
    /// It has arrived.
    Arrive(ServiceId),
    Say(Report),
}

/// A change, or a reload, under way.
#[derive(Debug)]
pub(super) struct Transition {
    request: RequestId,
    change: Change,
    phases: VecDeque<(Goal, Vec<ServiceId>)>,
    goal: Goal,
    tasks: BTreeMap<ServiceId, Task>,
    /// Those that are `Moving` or `Held`.
    moving: BTreeSet<ServiceId>,
    /// Longruns that an earlier change has told to stop already.
    told: BTreeSet<ServiceId>,
    /// Of a dry run: what would be up, or not.
    pretended: BTreeMap<ServiceId, bool>,
    failed: bool,
    aborted: bool,
    outcome: Option<Outcome>,
}

impl Transition {
    /// A change of these services, or a reload.
    pub fn new(request: RequestId, goal: Goal, change: Change, services: &Services) -> Self {
        let phases = match goal {
            Goal::Go(direction) => phases(direction, &change, services),
            Goal::Reload => {
                let known = |id: &&ServiceId| services.graph.definition(**id).is_some();
                let selection = change.selection.iter().filter(known).copied().collect();
                VecDeque::from([(goal, selection)])
            }
        };
        Self {
            request,
            change,
            phases,
            goal,
            tasks: BTreeMap::new(),
            moving: BTreeSet::new(),
            told: BTreeSet::new(),
            pretended: BTreeMap::new(),
            failed: false,
            aborted: false,
            outcome: None,
        }
    }

    /// The stop of all that is alive. It takes over from the change under way, if there is one.
    pub fn shutdown(former: Option<Self>, services: &Services) -> Self {
        let selection = services.all_alive().collect();
        let change = Change { selection, down: true, ..Change::default() };
        let mut last = Self::new(SHUTDOWN, Goal::Go(Direction::Down), change, services);
        last.told = former.filter(|f| f.goal == last.goal).map(|f| f.moving).unwrap_or_default();
        last
    }

    /// Whose it is.
    pub fn request(&self) -> RequestId {
        self.request
    }

    /// How it ended, once it has.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// The services that are on their way.
    pub fn moving(&self) -> impl Iterator<Item = ServiceId> {
        self.moving.iter().copied()
    }

    /// Starts it.
    pub fn begin(&mut self, services: &mut Services, agenda: &mut Agenda) {
        if self.change.timeout_ms > 0 {
            agenda.set(Timer::Change, agenda.after(self.change.timeout_ms));
        }
        self.go_on(services, agenda);
    }

    /// Something happened to a longrun.
    pub fn hear(
        &mut self,
        id: ServiceId,
        news: News,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        if self.tasks.get(&id) != Some(&Task::Moving) {
            return;
        }
        let up = services.longruns.get(&id).is_some_and(|longrun| longrun.serves());
        match heard(self.goal, news, up) {
            None => {}
            Some(Ok(())) => self.take(Step::Arrive(id), services, agenda),
            Some(Err(failure)) => self.fail(id, failure, services, agenda),
        }
        self.go_on(services, agenda);
    }

    /// The script of a oneshot ended.
    pub fn ended(
        &mut self,
        id: ServiceId,
        script: Script,
        verdict: Result<(), Failure>,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        match (self.tasks.get(&id), verdict) {
            (Some(Task::Moving), Ok(())) => self.take(Step::Arrive(id), services, agenda),
            (Some(Task::Moving), Err(failure)) => self.fail(id, failure, services, agenda),
            (Some(Task::Held { .. }), verdict) => {
                self.note(id, script, verdict, services, agenda);
                self.retry(id, services, agenda);
            }
            (Some(Task::Waiting(_) | Task::Settled | Task::Stuck) | None, verdict) => {
                self.note(id, script, verdict, services, agenda);
            }
        }
        self.go_on(services, agenda);
    }

    /// A service has taken too long.
    pub fn timeout(&mut self, id: ServiceId, services: &mut Services, agenda: &mut Agenda) {
        match self.tasks.get(&id) {
            Some(Task::Moving) => {
                services.forget(id, agenda);
                self.fail(id, Failure::TimedOut, services, agenda);
            }
            Some(Task::Held { interrupted: false }) => self.interrupt(id, services, agenda),
            Some(Task::Held { interrupted: true }) => {
                services.forget(id, agenda);
                self.note(id, Script::Up, Err(Failure::TimedOut), services, agenda);
                self.retry(id, services, agenda);
            }
            Some(Task::Waiting(_) | Task::Settled | Task::Stuck) | None => {}
        }
        self.go_on(services, agenda);
    }

    /// The whole has taken too long: what is on its way goes on, unwatched.
    pub fn time_out(&mut self, services: &mut Services, agenda: &mut Agenda) {
        for id in std::mem::take(&mut self.moving) {
            services.forget(id, agenda);
            services.set_view(id, |view| view.failure = Some(Failure::TimedOut));
            agenda.clear(Timer::Move(id));
        }
        self.outcome = Some(Outcome::TimedOut);
    }

    /// What has not started need not start. Scripts of oneshots are waited for.
    pub fn abort(&mut self, services: &mut Services, agenda: &mut Agenda) {
        self.aborted = true;
        for id in self.moving.clone() {
            if self.goal == Goal::Reload {
                services.forget(id, agenda);
            }
            if services.running(id).is_none() {
                self.fail(id, Failure::Aborted, services, agenda);
            }
        }
        self.go_on(services, agenda);
    }

    /// The container stops, now: the shutdown watches over what is on its way.
    pub fn give_up(&mut self, services: &mut Services, agenda: &mut Agenda) {
        agenda.clear(Timer::Change);
        for id in self.moving() {
            agenda.clear(Timer::Move(id));
            if self.goal == Goal::Reload {
                services.forget(id, agenda);
            }
        }
        self.outcome = Some(Outcome::Aborted);
    }

    /// Goes on to the next phase when one is over, and to the end when all are.
    fn go_on(&mut self, services: &mut Services, agenda: &mut Agenda) {
        while self.moving.is_empty() && self.outcome.is_none() {
            let stop = self.failed || self.aborted;
            match self.phases.pop_front().filter(|_| !stop) {
                Some((goal, selection)) => self.start(goal, selection, services, agenda),
                None => self.end(agenda),
            }
        }
    }

    fn end(&mut self, agenda: &mut Agenda) {
        agenda.clear(Timer::Change);
        self.outcome = Some(match (self.aborted, self.failed) {
            (true, _) => Outcome::Aborted,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Done,
        });
    }

    fn start(
        &mut self,
        goal: Goal,
        selection: Vec<ServiceId>,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        self.goal = goal;
        self.tasks = selection.iter().map(|&id| (id, Task::Waiting(0))).collect();
        if let Goal::Go(direction) = goal {
            for &id in &selection {
                let selected = |id: &ServiceId| self.tasks.contains_key(id);
                let count = services.graph.next(id, direction).filter(selected).count();
                self.tasks.insert(id, Task::Waiting(count));
            }
        }
        // From the last to the first, as s6-rc does.
        for &id in selection.iter().rev() {
            let mut steps = Vec::new();
            self.examine(id, &mut steps, services, agenda);
            self.take_all(steps, services, agenda);
        }
        while self.change.dry_run
            && let Some(id) = self.moving.pop_last()
        {
            self.take(Step::Arrive(id), services, agenda);
        }
    }

    fn take(&mut self, step: Step, services: &mut Services, agenda: &mut Agenda) {
        self.take_all(vec![step], services, agenda);
    }

    fn take_all(&mut self, mut steps: Vec<Step>, services: &mut Services, agenda: &mut Agenda) {
        while let Some(step) = steps.pop() {
            match step {
                Step::Say(report) => agenda.report(self.request, report),
                Step::Arrive(id) => self.arrive(id, &mut steps, services, agenda),
                Step::Release(id) => {
                    if let Some(Task::Waiting(count)) = self.tasks.get_mut(&id) {
                        *count = count.saturating_sub(1);
                    }
                    self.examine(id, &mut steps, services, agenda);
                }
            }
        }
    }

    /// Sets a service going if it waits for nothing.
    fn examine(
        &mut self,
        id: ServiceId,
        steps: &mut Vec<Step>,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        if self.tasks.get(&id) != Some(&Task::Waiting(0)) {
            return;
        }
        match self.decide(id, services) {
            Decision::Already => self.settle_already(id, steps, services, agenda),
            Decision::Refuse => {
                self.tasks.insert(id, Task::Stuck);
                agenda.report(self.request, Report::Essential(id));
            }
            Decision::Hold => {
                self.set_off(id, Task::Held { interrupted: false });
                agenda.set(Timer::Move(id), agenda.after(INTERRUPT_MS));
            }
            Decision::Adopt => {
                self.set_off(id, Task::Moving);
                self.limit(id, services, agenda);
            }
            Decision::Move => self.set_going(id, steps, services, agenda),
        }
    }

    fn decide(&self, id: ServiceId, services: &Services) -> Decision {
        let is_up = self.pretended.get(&id).copied().unwrap_or(services.is_up(id));
        match (self.goal, services.running(id)) {
            (Goal::Go(Direction::Down), Some(Script::Up)) => Decision::Hold,
            (Goal::Go(Direction::Down), Some(Script::Down)) => Decision::Adopt,
            (Goal::Go(Direction::Up), _) if is_up => Decision::Already,
            (Goal::Go(Direction::Down), _) if !is_up && self.may_rest(id, services) => {
                Decision::Already
            }
            (Goal::Go(Direction::Down), _)
                if services.is_essential(id) && !self.change.essential =>
            {
                Decision::Refuse
            }
            (Goal::Go(Direction::Up | Direction::Down) | Goal::Reload, _) => Decision::Move,
        }
    }

    /// Whether a service that is down can be left as it is. The shutdown also stops those that
    /// have a process without being up.
    fn may_rest(&self, id: ServiceId, services: &Services) -> bool {
        self.request != SHUTDOWN || services.at_rest(id)
    }

    fn settle_already(
        &mut self,
        id: ServiceId,
        steps: &mut Vec<Step>,
        services: &Services,
        agenda: &mut Agenda,
    ) {
        self.tasks.insert(id, Task::Settled);
        match self.goal {
            Goal::Go(Direction::Up) => agenda.report(self.request, Report::AlreadyUp(id)),
            Goal::Go(Direction::Down) => agenda.report(self.request, Report::AlreadyDown(id)),
            Goal::Reload => {}
        }
        self.release_neighbours(id, steps, services);
    }

    fn release_neighbours(&self, id: ServiceId, steps: &mut Vec<Step>, services: &Services) {
        let back = match self.goal {
            Goal::Go(Direction::Up) => Direction::Down,
            Goal::Go(Direction::Down) => Direction::Up,
            Goal::Reload => return,
        };
        if !self.aborted {
            let mut neighbours: Vec<_> = services.graph.next(id, back).collect();
            neighbours.sort_unstable();
            steps.extend(neighbours.into_iter().map(Step::Release));
        }
    }

    fn set_off(&mut self, id: ServiceId, task: Task) {
        self.tasks.insert(id, task);
        self.moving.insert(id);
    }

    /// Arms the service's own limit.
    fn limit(&self, id: ServiceId, services: &Services, agenda: &mut Agenda) {
        let direction = match self.goal {
            Goal::Go(direction) => direction,
            Goal::Reload => Direction::Up,
        };
        match services.timeout_ms(id, direction) {
            0 => agenda.clear(Timer::Move(id)),
            ms => agenda.set(Timer::Move(id), agenda.after(ms.into())),
        }
    }

    fn set_going(
        &mut self,
        id: ServiceId,
        steps: &mut Vec<Step>,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        self.set_off(id, Task::Moving);
        if !self.change.dry_run {
            services.set_view(id, |view| view.failure = None);
            self.limit(id, services, agenda);
            self.tell(id, services, agenda);
        }
        match self.goal {
            Goal::Go(Direction::Up) => agenda.report(self.request, Report::Starting(id)),
            Goal::Go(Direction::Down) => agenda.report(self.request, Report::Stopping(id)),
            Goal::Reload => {}
        }
        if !self.change.dry_run {
            self.check_longrun(id, steps, services, agenda);
        }
    }

    /// Tells a service where to go.
    fn tell(&mut self, id: ServiceId, services: &mut Services, agenda: &mut Agenda) {
        let told = self.told.contains(&id);
        match (self.goal, services.longruns.get_mut(&id)) {
            (Goal::Go(Direction::Up), Some(longrun)) => longrun.go_up(agenda),
            (Goal::Go(Direction::Down), Some(longrun)) if !told => longrun.go_down(agenda),
            (Goal::Go(Direction::Down), Some(_)) => {}
            (Goal::Reload, Some(longrun)) => longrun.control(super::Control::Reload, agenda),
            (Goal::Go(Direction::Up), None) => services.run(id, Script::Up, agenda),
            (Goal::Go(Direction::Down), None) => services.run(id, Script::Down, agenda),
            (Goal::Reload, None) => services.run(id, Script::Reload, agenda),
        }
    }

    /// A longrun may be there already, or may never be.
    fn check_longrun(
        &mut self,
        id: ServiceId,
        steps: &mut Vec<Step>,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        let Some(longrun) = services.longruns.get(&id) else { return };
        let there = match self.goal {
            Goal::Go(Direction::Up) => longrun.serves(),
            Goal::Go(Direction::Down) => longrun.is_down(),
            Goal::Reload => true,
        };
        if there {
            steps.push(Step::Arrive(id));
        } else if !longrun.has_supervisor() {
            self.fail(id, Failure::Permanent, services, agenda);
        }
    }

    fn arrive(
        &mut self,
        id: ServiceId,
        steps: &mut Vec<Step>,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        self.leave_moving(id, Task::Settled, agenda);
        let report = match self.goal {
            Goal::Go(direction) => {
                if self.change.dry_run {
                    self.pretended.insert(id, direction == Direction::Up);
                } else {
                    services.arrived(id, direction, agenda);
                }
                arrived(id, direction)
            }
            Goal::Reload => Report::Reloaded(id),
        };
        // Said last: s6-rc launches the neighbours first.
        steps.push(Step::Say(report));
        self.release_neighbours(id, steps, services);
    }

    fn fail(&mut self, id: ServiceId, f: Failure, services: &mut Services, agenda: &mut Agenda) {
        self.leave_moving(id, Task::Stuck, agenda);
        self.failed = true;
        services.set_view(id, |view| view.failure = Some(f));
        match self.goal {
            Goal::Go(Direction::Up) => {
                if let Some(longrun) = services.longruns.get_mut(&id) {
                    longrun.go_down(agenda);
                }
                agenda.report(self.request, Report::NotStarted(id, f));
            }
            Goal::Go(Direction::Down) => agenda.report(self.request, Report::NotStopped(id, f)),
            Goal::Reload => agenda.report(self.request, Report::NotReloaded(id, f)),
        }
    }

    fn leave_moving(&mut self, id: ServiceId, task: Task, agenda: &mut Agenda) {
        self.tasks.insert(id, task);
        self.moving.remove(&id);
        agenda.clear(Timer::Move(id));
    }

    /// A script that an earlier change has started ended.
    fn note(
        &mut self,
        id: ServiceId,
        script: Script,
        verdict: Result<(), Failure>,
        services: &mut Services,
        agenda: &mut Agenda,
    ) {
        let direction = match script {
            Script::Up => Direction::Up,
            Script::Down => Direction::Down,
            Script::Run | Script::Finish | Script::Reload => return,
        };
        match (verdict, direction) {
            (Ok(()), direction) => {
                services.arrived(id, direction, agenda);
                agenda.report(self.request, arrived(id, direction));
            }
            (Err(f), Direction::Up) => agenda.report(self.request, Report::NotStarted(id, f)),
            (Err(f), Direction::Down) => agenda.report(self.request, Report::NotStopped(id, f)),
        }
    }

    fn retry(&mut self, id: ServiceId, services: &mut Services, agenda: &mut Agenda) {
        self.leave_moving(id, Task::Waiting(0), agenda);
        let mut steps = Vec::new();
        self.examine(id, &mut steps, services, agenda);
        self.take_all(steps, services, agenda);
    }

    fn interrupt(&mut self, id: ServiceId, services: &mut Services, agenda: &mut Agenda) {
        self.tasks.insert(id, Task::Held { interrupted: true });
        if let Some(oneshot) = services.oneshots.get(&id) {
            oneshot.interrupt(agenda);
        }
        match services.timeout_ms(id, Direction::Up) {
            0 => {}
            ms => agenda.set(Timer::Move(id), agenda.after(ms.into())),
        }
    }
}

/// What the news of a longrun, which is now up or not, say of its move.
fn heard(goal: Goal, news: News, up: bool) -> Option<Result<(), Failure>> {
    match (goal, news) {
        (Goal::Go(Direction::Up), News::Letters(letters)) => {
            if letters.contains(['O', 'x']) {
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
        (Goal::Go(Direction::Up), News::NotSpawned(NotSpawned::Absent | NotSpawned::Refused)) => {
            None
        }
        (Goal::Go(Direction::Down), News::Letters(letters)) => {
            letters.contains(['D', 'x']).then_some(Ok(()))
        }
        (Goal::Go(Direction::Down), News::NotSupervised | News::NotSpawned(_)) => Some(Ok(())),
        (Goal::Reload, News::Letters(_) | News::NotSupervised | News::NotSpawned(_)) => None,
    }
}

fn arrived(id: ServiceId, direction: Direction) -> Report {
    match direction {
        Direction::Up => Report::Started(id),
        Direction::Down => Report::Stopped(id),
    }
}

/// The selection, closed, and with `-p` the rest in the other direction: what stops comes first.
fn phases(
    direction: Direction,
    change: &Change,
    services: &Services,
) -> VecDeque<(Goal, Vec<ServiceId>)> {
    let mut named = change.selection.clone();
    if change.all {
        named.extend(services.all_up());
    }
    let selection = services.graph.closure(&named, direction);
    let mut phases = VecDeque::new();
    if change.prune {
        let rest = services.graph.ids().filter(|id| selection.binary_search(id).is_err()).collect();
        let other = match direction {
            Direction::Up => Direction::Down,
            Direction::Down => Direction::Up,
        };
        phases.push_back((Goal::Go(other), rest));
    }
    phases.push_back((Goal::Go(direction), selection));
    // Down before up.
    if direction == Direction::Down {
        phases.make_contiguous().reverse();
    }
    phases
}
