//! The validated tree: names resolved, bundles flattened, no cycles.

use crate::definition::Definition;

/// A service (oneshot or longrun), by its place in the tree: longruns first, then oneshots, each
/// in the order of their sources and names, as in an s6-rc database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceId(pub u32);

/// Which way a transition goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Towards running: dependencies first.
    Up,
    /// Towards rest: dependents first.
    Down,
}

/// Every service of a tree, and what needs what.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    services: Vec<Definition>,
}

impl Graph {
    /// The services, in order.
    pub fn ids(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.services.len() as u32).map(ServiceId)
    }
}
