//! The supervision engine: pure, deterministic, no syscalls.
//!
//! Contract: `handle` one event, then drain `poll` until `None`, then sleep until `deadline` or
//! the next event.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![deny(clippy::wildcard_enum_match_arm)]

mod agenda;
mod event;
mod exit;
mod lifecycle;
mod longrun;
mod oneshot;
mod replace;
mod services;
#[cfg(test)]
mod tests;
mod transition;
mod why;

pub use event::*;
pub use lifecycle::Stage;
use longrun::Policy;
pub use longrun::{Health, Phase, SupervisedLongrun};
pub use replace::NotReplaced;
pub use why::Why;

use crate::definition::health::Reaction;
use crate::graph::{Direction, Graph, ServiceId};
use agenda::{News, ServiceAgenda, Timer};
use lifecycle::Lifecycle;
use oneshot::{SupervisedOneshot, verdict, verdict_without};
use services::ServiceTable;
use std::collections::VecDeque;
use transition::{Goal, Transition};

/// Decides what is done about every event.
#[derive(Debug, Default)]
pub struct Engine {
    services: ServiceTable,
    /// The change under way: there is one at a time.
    current: Option<Transition>,
    queue: VecDeque<(RequestId, Goal, Change)>,
    life: Lifecycle,
    /// Those that have gone for good. They are looked up until the commands about them are done.
    gone: Vec<ServiceId>,
}

impl Engine {
    /// An engine for this tree, of which nothing runs yet.
    pub fn new(graph: Graph) -> Self {
        Self { services: ServiceTable::new(graph), ..Self::default() }
    }

    /// The tree.
    pub fn graph(&self) -> &Graph {
        &self.services.graph
    }

    /// Takes an event in. `now` never goes back.
    pub fn handle(&mut self, now: Time, event: Event) {
        self.advance(now);
        if self.life.stage != Stage::Over {
            self.dispatch(event);
            self.settle();
        }
    }

    /// What was looked up until the commands about it were done is forgotten.
    fn advance(&mut self, now: Time) {
        self.services.agenda.advance(now);
        for id in std::mem::take(&mut self.gone) {
            self.services.longruns.remove(&id);
        }
    }

    /// The next command: to be performed at once, in order.
    pub fn poll(&mut self) -> Option<Command> {
        self.services.agenda.next_command()
    }

    /// When `Event::Timeout` is due, if nothing happens before.
    pub fn deadline(&self) -> Option<Time> {
        self.services.agenda.deadline()
    }

    /// Whether a service of the graph is up, as s6-rc sees it.
    pub fn is_up(&self, id: ServiceId) -> bool {
        self.services.is_up(id)
    }

    /// Whether it is wanted up by name, not as a dependency, as s6-rc sees it.
    pub fn wanted_up(&self, id: ServiceId) -> bool {
        self.services.view(id).wanted
    }

    /// A longrun, as its supervisor sees it.
    pub fn longrun(&self, id: ServiceId) -> Option<&SupervisedLongrun> {
        self.services.longruns.get(&id)
    }

    /// Where the container is in its life.
    pub fn stage(&self) -> Stage {
        self.life.stage
    }

    /// Whether the container stops, or the scan directory is left.
    pub fn stopping(&self) -> bool {
        match self.life.stage {
            Stage::Bare | Stage::Booting | Stage::Running => false,
            Stage::Stopping | Stage::Terming | Stage::Killing | Stage::Leaving | Stage::Over => {
                true
            }
        }
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Spawned(process, spawned) => self.spawned(process, spawned),
            Event::NotSpawned(process, why) => self.not_spawned(process, why),
            Event::Exited(process, exit) => self.exited(process, exit),
            Event::Ready(id) => self.with_longrun(id, SupervisedLongrun::became_ready),
            Event::Stopping(id, ms) => self.with_longrun(id, |l, agenda| l.stopping(ms, agenda)),
            Event::Drawn(id, number) => self.with_longrun(id, |l, a| l.drawn(number, a)),
            Event::Control(id, c) => self.with_longrun(id, |l, agenda| l.control(c, agenda)),
            Event::Checked(id, what) => self.checked(id, what),
            Event::ExtendTimeout(id, ms) => self.extend_timeout(id, ms),
            Event::Change(id, change) => self.change(id, change),
            Event::Reload(id, change) => self.request(id, Goal::Reload, change),
            Event::Abort(id) => self.abort(id),
            Event::Supervised(id, how) => self.supervised(id, &how),
            Event::NotSupervised(id) => self.with_longrun(id, SupervisedLongrun::not_supervised),
            Event::Appeared(id, scanned) => self.appeared(id, scanned),
            Event::Vanished(id) => self.vanished(id),
            Event::Prune { loggers } => self.prune(loggers),
            Event::Leave { loggers, at_once } => self.leave(loggers, at_once),
            Event::Boot(container) => self.boot(container),
            Event::CmdExited(exit) => self.cmd_exited(exit),
            Event::CmdDelayed => self.cmd_delayed(),
            Event::Stop => self.stop(),
            Event::Signal { number, stops } => self.signal(number, stops),
            Event::Alone => self.alone(),
            Event::Timeout => self.timeout(),
        }
    }

    /// Follows what happened to its end: the change under way hears of longruns, and makes way for
    /// the next one when it is over.
    fn settle(&mut self) {
        self.finish();
        while let Some((id, news)) = self.services.agenda.next_news() {
            self.report_end(id, news);
            if let Some(current) = &mut self.current {
                current.hear(id, news, &mut self.services);
            }
            self.finish();
            let left = matches!(news, News::Notified([Notice::Unsupervised]) | News::NotSupervised);
            if left {
                self.with_longrun(id, SupervisedLongrun::supervise_again);
                if !self.services.longruns.get(&id).is_some_and(SupervisedLongrun::has_supervisor) {
                    self.supervisor_left(id);
                }
            }
            if self.services.longruns.get(&id).is_some_and(SupervisedLongrun::is_gone) {
                self.gone.push(id);
            }
        }
    }

    fn timeout(&mut self) {
        while let Some(timer) = self.services.agenda.next_due() {
            match timer {
                Timer::Bound => self.bound_due(),
                Timer::Grace => self.grace_due(),
                Timer::Change => self.change_due(),
                Timer::Move(id) => self.move_due(id),
                Timer::Longrun(id) => self.with_longrun(id, SupervisedLongrun::timeout),
                Timer::Oneshot(id) => self.oneshot_due(id),
                Timer::Cmd => self.cmd_due(),
                Timer::Naming => self.naming_due(),
            }
            self.settle();
        }
    }

    fn with_longrun(
        &mut self,
        id: ServiceId,
        act: impl FnOnce(&mut SupervisedLongrun, &mut ServiceAgenda<'_>),
    ) {
        if let Some(longrun) = self.services.longruns.get_mut(&id) {
            act(longrun, &mut self.services.agenda.of(id));
        }
    }
}

/// Processes.
impl Engine {
    fn spawned(&mut self, process: Process, spawned: Spawned) {
        let Process { service, script } = process;
        match script {
            Script::Run | Script::Finish | Script::Stop => {
                self.with_longrun(service, |l, agenda| l.spawned(script, spawned, agenda));
            }
            Script::Up | Script::Down | Script::Reload => {
                if let Some(oneshot) = self.services.oneshots.get_mut(&service) {
                    oneshot.spawned();
                }
            }
        }
    }

    fn not_spawned(&mut self, process: Process, why: NotSpawned) {
        let Process { service, script } = process;
        match script {
            Script::Run | Script::Finish | Script::Stop => {
                self.with_longrun(service, |l, agenda| l.not_spawned(script, why, agenda));
            }
            Script::Up | Script::Down | Script::Reload => {
                // What has not started when a stop comes need not start.
                let stops = script == Script::Up && self.stopping();
                let why = if stops { NotSpawned::Refused } else { why };
                let ServiceTable { oneshots, agenda, .. } = &mut self.services;
                let oneshot = oneshots.get_mut(&service);
                if oneshot.is_some_and(|oneshot| oneshot.not_spawned(why, agenda)) {
                    self.ended(service, script, verdict_without(why));
                }
            }
        }
    }

    fn exited(&mut self, process: Process, exit: Exit) {
        let Process { service, script } = process;
        match script {
            Script::Run | Script::Finish | Script::Stop => {
                self.with_longrun(service, |l, agenda| l.exited(script, exit, agenda));
            }
            Script::Up | Script::Down | Script::Reload => {
                self.ended(service, script, verdict(exit));
            }
        }
    }

    /// A oneshot's script ended.
    fn ended(&mut self, id: ServiceId, script: Script, verdict: Result<(), Failure>) {
        let oneshot = self.services.oneshots.get_mut(&id);
        if oneshot.is_some_and(|oneshot| oneshot.ended(script))
            && let Some(current) = &mut self.current
        {
            current.ended(id, script, verdict, &mut self.services);
        }
    }
}

/// What is found by looking at services.
impl Engine {
    fn checked(&mut self, id: ServiceId, what: Checked) {
        let mut reaction = None;
        self.with_longrun(id, |longrun, agenda| reaction = longrun.checked(what, agenda));
        if reaction == Some(Reaction::Stop) {
            self.stop_for(id, Rest::Unwell);
        }
    }

    /// Once the container stops, its time is that of the tree.
    fn extend_timeout(&mut self, id: ServiceId, ms: u32) {
        if !self.stopping() {
            let at = self.services.agenda.after(ms.into());
            self.services.agenda.postpone(Timer::Move(id), at);
            self.with_longrun(id, |longrun, agenda| longrun.extend_timeout(ms, agenda));
        }
    }
}

/// The scan directory.
impl Engine {
    fn supervised(&mut self, id: ServiceId, how: &Supervised) {
        let ends = self.life.container.ends;
        let own = self.services.own_policy(id).or_else(|| how.ends.clone());
        let has_stop = how.has_stop || self.services.has_stop(id);
        self.with_longrun(id, |l, agenda| {
            l.supervised(how, Policy::new(own, ends, has_stop), agenda)
        });
    }

    fn appeared(&mut self, id: ServiceId, scanned: Scanned) {
        if self.life.takes_directories() {
            let in_graph = self.services.graph.definition(id).is_some();
            let longruns = &mut self.services.longruns;
            let longrun = longruns.entry(id).or_insert_with(|| SupervisedLongrun::new(in_graph));
            longrun.appear(scanned, &mut self.services.agenda.of(id));
        }
    }

    fn vanished(&mut self, id: ServiceId) {
        self.with_longrun(id, SupervisedLongrun::vanish);
        if self.services.longruns.get(&id).is_some_and(SupervisedLongrun::is_gone) {
            self.gone.push(id);
        }
    }

    fn prune(&mut self, loggers: bool) {
        for (&id, longrun) in &mut self.services.longruns {
            longrun.prune(loggers, &mut self.services.agenda.of(id));
        }
    }
}

/// Changes: one at a time, in the order in which they were asked for.
impl Engine {
    fn change(&mut self, request: RequestId, change: Change) {
        let up = !change.down;
        let direction = if up { Direction::Up } else { Direction::Down };
        self.request(request, Goal::Go(direction), change);
    }

    fn request(&mut self, request: RequestId, goal: Goal, change: Change) {
        if self.stopping() {
            self.services.agenda.command(Command::Done(request, Outcome::Aborted));
        } else if self.current.is_none() {
            self.accept(request, goal, change);
        } else if change.wait {
            self.queue.push_back((request, goal, change));
        } else {
            self.services.agenda.command(Command::Done(request, Outcome::Busy));
        }
    }

    fn accept(&mut self, request: RequestId, goal: Goal, change: Change) {
        if let Goal::Go(direction) = goal
            && !change.dry_run
        {
            for &id in &change.selection {
                self.services.set_view(id, |view| view.wanted = direction == Direction::Up);
            }
        }
        let transition = Transition::new(request, goal, change, &self.services);
        self.begin(transition);
    }

    fn begin(&mut self, mut transition: Transition) {
        transition.begin(&mut self.services);
        self.current = Some(transition);
    }

    /// Ends the change under way if it is over, and goes on to what waits.
    fn finish(&mut self) {
        while let Some(outcome) = self.current.as_ref().and_then(Transition::outcome)
            && let Some(over) = self.current.take()
        {
            let request = over.request();
            self.services.agenda.command(Command::Done(request, outcome));
            match request {
                BOOT => self.booted(outcome),
                SHUTDOWN => self.services_stopped(),
                RequestId(_) => {}
            }
            if self.current.is_none()
                && let Some((request, goal, change)) = self.queue.pop_front()
            {
                self.accept(request, goal, change);
            }
        }
    }

    fn abort(&mut self, request: RequestId) {
        if request == SHUTDOWN {
            return;
        }
        if let Some(current) = self.current.as_mut().filter(|c| c.request() == request) {
            current.abort(&mut self.services);
        }
        let before = self.queue.len();
        self.queue.retain(|(queued, _, _)| *queued != request);
        if self.queue.len() < before {
            self.services.agenda.command(Command::Done(request, Outcome::Aborted));
        }
    }

    /// The container stops: no change goes on. Returns the one that was under way.
    fn give_up_all(&mut self) -> Option<Transition> {
        let mut former = self.current.take();
        if let Some(current) = &mut former {
            current.give_up(&mut self.services);
            self.services.agenda.command(Command::Done(current.request(), Outcome::Aborted));
        }
        for (request, _, _) in std::mem::take(&mut self.queue) {
            self.services.agenda.command(Command::Done(request, Outcome::Aborted));
        }
        former
    }

    fn change_due(&mut self) {
        if let Some(current) = &mut self.current {
            current.time_out(&mut self.services);
        }
    }

    fn oneshot_due(&mut self, id: ServiceId) {
        if let Some(oneshot) = self.services.oneshots.get_mut(&id) {
            oneshot.retry(&mut self.services.agenda);
        }
    }

    fn move_due(&mut self, id: ServiceId) {
        if let Some(current) = &mut self.current {
            current.timeout(id, &mut self.services);
        }
    }
}
