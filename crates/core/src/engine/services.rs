//! All services: the state machine of each, and the view of s6-rc, which is not the same. A longrun
//! that crashes stays up for s6-rc; one that is started by hand stays down.

use super::agenda::{Agenda, Timer};
use super::longrun::SupervisedLongrun;
use super::oneshot::SupervisedOneshot;
use super::{Command, Failure, Script, Time};
use crate::definition::{EndPolicy, Kind};
use crate::graph::{Direction, Graph, ServiceId};
use litemap::LiteMap;
use std::sync::Arc;

/// What s6-rc knows of a service: the state file's byte, and why it is not up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct View {
    pub up: bool,
    pub wanted: bool,
    /// Selected by the last change that selected it, to go up.
    pub asked: bool,
    pub failure: Option<Failure>,
}

/// The services of the graph, and the longruns of the scan directory.
#[derive(Debug, Default)]
pub(super) struct ServiceTable {
    pub graph: Graph,
    pub longruns: LiteMap<ServiceId, SupervisedLongrun>,
    pub oneshots: LiteMap<ServiceId, SupervisedOneshot>,
    /// What is to be done about them.
    pub agenda: Agenda,
    views: LiteMap<ServiceId, View>,
}

impl ServiceTable {
    /// All at rest.
    pub(super) fn new(mut graph: Graph) -> Self {
        graph.forget_mentions();
        let mut all = Self::default();
        for id in graph.ids() {
            all.new_view(id);
            if graph.is_longrun(id) {
                all.longruns.insert(id, SupervisedLongrun::new(true));
            } else {
                all.oneshots.insert(id, SupervisedOneshot::new(id));
            }
        }
        all.graph = graph;
        all
    }

    /// Begins to keep what s6-rc knows of a service.
    pub(super) fn new_view(&mut self, id: ServiceId) {
        self.views.insert(id, View::default());
    }

    /// Forgets what s6-rc knows of a service.
    pub(super) fn forget_view(&mut self, id: ServiceId) {
        self.views.remove(&id);
    }

    /// What s6-rc knows of a service.
    pub(super) fn view(&self, id: ServiceId) -> View {
        self.views.get(&id).copied().unwrap_or_default()
    }

    /// Changes what s6-rc knows of a service of the graph.
    pub(super) fn set_view(&mut self, id: ServiceId, change: impl FnOnce(&mut View)) {
        if let Some(view) = self.views.get_mut(&id) {
            change(view);
        }
    }

    /// Whether it is up, as s6-rc sees it.
    pub(super) fn is_up(&self, id: ServiceId) -> bool {
        self.view(id).up
    }

    /// Every service that is up, as s6-rc sees it.
    pub(super) fn all_up(&self) -> impl Iterator<Item = ServiceId> {
        self.views.iter().filter(|(_, view)| view.up).map(|(&id, _)| id)
    }

    /// Every service that is up, on its way up, or has a process all the same.
    pub(super) fn all_alive(&self) -> impl Iterator<Item = ServiceId> {
        self.graph.ids().filter(|&id| self.is_up(id) || !self.at_rest(id))
    }

    /// Whether it has no process, and gets none unless somebody starts it.
    pub(super) fn at_rest(&self, id: ServiceId) -> bool {
        let longrun = self.longruns.get(&id).is_none_or(SupervisedLongrun::at_rest);
        longrun && self.running(id).is_none()
    }

    /// The script of a oneshot that runs.
    pub(super) fn running(&self, id: ServiceId) -> Option<Script> {
        self.oneshots.get(&id).and_then(SupervisedOneshot::running)
    }

    /// What its definition says of its end.
    pub(super) fn own_policy(&self, id: ServiceId) -> Option<Arc<EndPolicy>> {
        match &self.graph.definition(id)?.kind {
            Kind::Longrun(longrun) => longrun.ends.clone(),
            Kind::Oneshot(_) | Kind::Bundle(_) => None,
        }
    }

    /// Whether its definition has a `stop` script.
    pub(super) fn has_stop(&self, id: ServiceId) -> bool {
        match self.graph.definition(id).map(|definition| &definition.kind) {
            Some(Kind::Longrun(longrun)) => longrun.handed_on.contains(&"stop"),
            Some(Kind::Oneshot(_) | Kind::Bundle(_)) | None => false,
        }
    }

    /// Whether it stays up unless a change says otherwise.
    pub(super) fn is_essential(&self, id: ServiceId) -> bool {
        self.graph.definition(id).is_some_and(|definition| definition.essential)
    }

    /// When its way up or down, if it begins now, will have taken too long; `None` is never.
    pub(super) fn limit(&self, id: ServiceId, direction: Direction) -> Option<Time> {
        let atomic = self.graph.definition(id)?.atomic()?;
        let ms = match direction {
            Direction::Up => atomic.timeout_up_ms,
            Direction::Down => atomic.timeout_down_ms,
        };
        (ms > 0).then(|| self.agenda.after(ms.into()))
    }

    /// Lets the change under way wait for a service until then, or for ever.
    pub(super) fn set_limit(&mut self, id: ServiceId, at: Option<Time>) {
        match at {
            None => self.agenda.clear(Timer::Move(id)),
            Some(at) => self.agenda.set(Timer::Move(id), at.max(self.agenda.now())),
        }
    }

    /// Starts the script of a oneshot.
    pub(super) fn run(&mut self, id: ServiceId, script: Script) {
        if let Some(oneshot) = self.oneshots.get_mut(&id) {
            oneshot.start(script, &mut self.agenda);
        }
    }

    /// The time of a oneshot is over: its script is asked to end, as s6-sudod does when its client
    /// has gone, and is not watched any more.
    pub(super) fn time_out(&mut self, id: ServiceId) {
        if let Some(oneshot) = self.oneshots.get_mut(&id) {
            oneshot.interrupt(&mut self.agenda);
            oneshot.forget(&mut self.agenda);
        }
    }

    /// Gives up the script of a oneshot that the kernel has refused for now.
    pub(super) fn cancel_delayed(&mut self, id: ServiceId) {
        if let Some(oneshot) = self.oneshots.get_mut(&id) {
            oneshot.cancel_delayed(&mut self.agenda);
        }
    }

    /// Lets the running script of a oneshot run on, unwatched.
    pub(super) fn forget(&mut self, id: ServiceId) {
        if let Some(oneshot) = self.oneshots.get_mut(&id) {
            oneshot.forget(&mut self.agenda);
        }
    }

    /// Records that a service came up, or went down: from now on that is also its default.
    pub(super) fn arrived(&mut self, id: ServiceId, direction: Direction) {
        let up = direction == Direction::Up;
        self.set_view(id, |view| view.up = up);
        if self.longruns.contains_key(&id) {
            self.agenda.command(Command::DownFile(id, !up));
        }
    }
}
