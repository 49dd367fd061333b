//! Replaces the running tree with another one. Reference: s6-rc-update's page.

use super::services::ServiceTable;
use super::{EndDefaults, Engine, Policy, Scanned, SupervisedLongrun, SupervisedOneshot, Time};
use crate::graph::{Graph, ServiceId};
use std::collections::BTreeSet;

/// Why the tree cannot be replaced now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReplaced {
    /// A change is under way, or the container stops.
    Busy,
    /// This service, which is not in the new tree, is not down.
    Up(ServiceId),
}

impl Engine {
    /// Whether `graph`, numbered after the running tree, can replace it.
    pub fn can_replace(&self, graph: &Graph) -> Result<(), NotReplaced> {
        if self.stopping() || self.current.is_some() || !self.queue.is_empty() {
            return Err(NotReplaced::Busy);
        }
        let alive = self.services.all_alive().find(|id| graph.definition(*id).is_none());
        alive.map_or(Ok(()), |id| Err(NotReplaced::Up(id)))
    }

    /// Replaces the running tree with `graph`. Services that are in both keep their state, new ones
    /// are supervised, and those that are gone are dropped. It is called instead of an event, and
    /// emits commands.
    pub fn replace(&mut self, now: Time, graph: Graph) -> Result<(), NotReplaced> {
        self.can_replace(&graph)?;
        self.advance(now);
        self.services.replace(graph, self.life.container.ends);
        let longruns = self.services.longruns.iter();
        self.gone.extend(longruns.filter(|(_, longrun)| longrun.is_gone()).map(|(&id, _)| id));
        self.settle();
        Ok(())
    }
}

impl ServiceTable {
    fn replace(&mut self, mut graph: Graph, ends: EndDefaults) {
        graph.forget_mentions();
        let before: BTreeSet<ServiceId> = self.graph.ids().collect();
        let after: BTreeSet<ServiceId> = graph.ids().collect();
        self.graph = graph;
        for id in before.difference(&after) {
            self.oneshots.remove(id);
            self.forget_view(*id);
            if let Some(longrun) = self.longruns.get_mut(id) {
                longrun.retire(&mut self.agenda.of(*id));
            }
        }
        for id in after.intersection(&before) {
            let policy = Policy::new(self.own_policy(*id), ends, self.has_stop(*id));
            self.longruns.get_mut(id).into_iter().for_each(|l| l.set_policy(policy.clone()));
        }
        for id in after.difference(&before) {
            self.new_view(*id);
            if self.graph.is_longrun(*id) {
                let mut longrun = SupervisedLongrun::new(true);
                longrun.appear(Scanned::default(), &mut self.agenda.of(*id));
                self.longruns.insert(*id, longrun);
            } else {
                self.oneshots.insert(*id, SupervisedOneshot::new(*id));
            }
        }
    }
}
