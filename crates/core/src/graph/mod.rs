//! The validated tree: names are resolved, bundles flattened, and there are no cycles.

mod bundles;
mod check;
mod conflict;
mod faults;
mod left_out;
mod pipes;
mod query;
mod renumber;
mod resolve;

pub use conflict::Conflict;

use crate::definition::{Definition, Fault};
use litemap::LiteMap;
use petgraph::graph::DiGraph;
use std::collections::BTreeMap;

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

/// All services of a tree, and their dependencies.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The services, by their numbers. A number of a service that only a former tree had has no
    /// definition.
    services: Vec<Option<Definition>>,
    bundles: Vec<Bundle>,
    names: BTreeMap<String, Referent>,
    /// A node per service, by its index. An edge leads from a service to one that it depends on.
    edges: DiGraph<(), ()>,
    /// The order of `after.d`: an edge leads from a service to one that starts first if both start,
    /// without being a dependency. Without any such edge there are no nodes either.
    order: DiGraph<(), ()>,
    /// The pipes of each service, by its index.
    pipes: Vec<ServicePipes>,
}

/// A bundle, flattened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its name.
    pub name: String,
    /// Its definition: that of a longrun with `instances`, which are its members, or that of a
    /// bundle. `None` for one that a `pipeline-name` makes.
    pub definition: Option<Definition>,
    /// The services in it and in the bundles in it, in order.
    pub members: Vec<ServiceId>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Referent {
    Service(ServiceId),
    /// By its place in `Graph::bundles`.
    Bundle(usize),
}

/// The pipes of one service.
#[derive(Clone, Debug, Default)]
struct ServicePipes {
    /// It is the end of a pipe, even if nothing writes into it now.
    reads: bool,
    consumer: Option<ServiceId>,
    producers: Vec<ServiceId>,
}

impl Graph {
    /// Resolves these definitions, or returns all faults.
    pub fn new(definitions: Vec<Definition>) -> Result<Self, Vec<Fault>> {
        resolve::resolve(definitions, &LiteMap::new())
    }

    /// Resolves definitions that come with the faults of reading them. Returns all faults, those
    /// first, and a graph if none of them is an error. Faults that only follow from another one are
    /// left out.
    pub fn of(
        (definitions, mut faults): (Vec<Definition>, Vec<Fault>),
    ) -> (Option<Self>, Vec<Fault>) {
        let errors = faults.iter().filter(|fault| fault.is_error());
        let broken = errors.filter_map(|fault| Some((fault.service.clone()?, ()))).collect();
        let graph = resolve::resolve(definitions, &broken);
        let graph = graph.map_err(|more| faults.extend(more)).ok();
        (graph.filter(|_| !faults.iter().any(Fault::is_error)), faults)
    }

    /// Drops the names by which definitions refer to each other, a quarter of the memory of a tree.
    /// From now on only the numbers count, and the tree can no longer be written to a database.
    pub fn forget_mentions(&mut self) {
        let bundles = self.bundles.iter_mut().filter_map(|bundle| bundle.definition.as_mut());
        let services = self.services.iter_mut().flatten();
        services.chain(bundles).for_each(Definition::forget_mentions);
    }
}
