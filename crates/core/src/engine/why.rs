//! Why a service is not up: what `sixtree status` shows.

use super::services::ServiceTable;
use super::{Engine, Failure};
use crate::graph::{Direction, ServiceId};
use std::collections::BTreeSet;

/// Why a service of the graph is not up, as s6-rc sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No change has asked for it, or one has brought it down.
    NotWanted,
    /// It is on its way.
    Starting,
    /// It waits for this service, which it needs.
    WaitsFor(ServiceId),
    /// Its last start failed.
    Failed(Failure),
    /// It was not tried, since the start of this service failed, which it needs.
    Needs(ServiceId, Failure),
    /// It was not tried: the change ended before its turn came.
    GivenUp,
}

impl Engine {
    /// Why a service is not up; `None` if it is, or is not of the graph.
    pub fn why_not_up(&self, id: ServiceId) -> Option<Why> {
        if self.is_up(id) || self.graph().definition(id).is_none() {
            return None;
        }
        let current = self.current.as_ref();
        let rising = current.is_some_and(|c| c.way_of(id) == Some(Direction::Up));
        if rising && current.is_some_and(|c| c.is_moving(id)) {
            return Some(Why::Starting);
        }
        let view = self.services.view(id);
        Some(match (view.failure, failed_need(id, &self.services)) {
            (Some(failure), _) => Why::Failed(failure),
            (None, _) if !view.asked => Why::NotWanted,
            (None, Some((other, failure))) => Why::Needs(other, failure),
            (None, None) if rising => {
                let mut needs = self.graph().dependencies(id);
                let is_to_move = |id: &ServiceId| current.is_some_and(|c| c.is_to_move(*id));
                let awaited = needs
                    .find(|&other| !self.is_up(other))
                    .or_else(|| self.graph().first(id, Direction::Up).find(is_to_move));
                awaited.map_or(Why::Starting, Why::WaitsFor)
            }
            (None, None) => Why::GivenUp,
        })
    }
}

/// The nearest of the services that it needs, directly or not, of which the start failed.
fn failed_need(id: ServiceId, services: &ServiceTable) -> Option<(ServiceId, Failure)> {
    let mut seen = BTreeSet::from([id]);
    let mut level = vec![id];
    while !level.is_empty() {
        let needs = level.iter().flat_map(|&id| services.graph.dependencies(id));
        let mut next: Vec<_> = needs.filter(|&id| !services.is_up(id)).collect();
        next.retain(|&id| seen.insert(id));
        let failure = |id: &ServiceId| Some((*id, services.view(*id).failure?));
        if let Some(found) = next.iter().find_map(failure) {
            return Some(found);
        }
        level = next;
    }
    None
}
