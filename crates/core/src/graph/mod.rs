//! The validated tree: names resolved, bundles flattened, no cycles.

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

/// Every service of a tree, and what needs what.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// By their numbers. A number that belonged to a service of a former tree may be empty.
    services: Vec<Option<Definition>>,
    bundles: Vec<Bundle>,
    names: BTreeMap<String, Referent>,
    /// A node per service, by its index. An edge leads from a service to one that it depends on.
    edges: DiGraph<(), ()>,
    /// An edge leads from a service to one that goes first if both start, and that it does not
    /// need. Without any such edge there are no nodes either.
    order: DiGraph<(), ()>,
    /// The pipes of each service, by its index.
    pipes: Vec<ServicePipes>,
}

/// A bundle, flattened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Its name.
    pub name: String,
    /// Its definition; `None` for one that a `pipeline-name` makes.
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
    consumer: Option<ServiceId>,
    producers: Vec<ServiceId>,
}

impl Graph {
    /// Resolves these definitions, or tells all that is wrong among them.
    pub fn new(definitions: Vec<Definition>) -> Result<Self, Vec<Fault>> {
        resolve::resolve(definitions, &LiteMap::new())
    }

    /// Resolves what the definitions' reader gives: no graph if anything is an error, and all
    /// faults, those of the reading first. What follows only from those is not told.
    pub fn of(
        (definitions, mut faults): (Vec<Definition>, Vec<Fault>),
    ) -> (Option<Self>, Vec<Fault>) {
        let errors = faults.iter().filter(|fault| fault.is_error());
        let broken = errors.filter_map(|fault| Some((fault.service.clone()?, ()))).collect();
        let graph = resolve::resolve(definitions, &broken);
        let graph = graph.map_err(|more| faults.extend(more)).ok();
        (graph.filter(|_| !faults.iter().any(Fault::is_error)), faults)
    }

    /// Forgets which file mentions what: a quarter of what a tree takes. Numbers are all that is
    /// left to decide by; it can no longer be written to a database.
    pub fn forget_mentions(&mut self) {
        let bundles = self.bundles.iter_mut().filter_map(|bundle| bundle.definition.as_mut());
        let services = self.services.iter_mut().flatten();
        services.chain(bundles).for_each(Definition::forget_mentions);
    }
}
