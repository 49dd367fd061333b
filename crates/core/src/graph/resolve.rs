//! Resolves the names in definitions to services. Reference: s6-rc-compile's page.

use super::faults::Faults;
use super::query::{node, service};
use super::{Bundle, Conflict, Graph, Referent, ServiceId, bundles, check, pipes};
use crate::definition::{Definition, Fault, Instance, Kind, Longrun, Reference};
use litemap::LiteMap;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

/// Resolves definitions. Faults of the names in `broken` have been reported already.
pub(super) fn resolve(
    definitions: Vec<Definition>,
    broken: &LiteMap<String, ()>,
) -> Result<Graph, Vec<Fault>> {
    let mut faults = Faults::new(broken);
    let mut graph = place(definitions, &mut faults);
    graph.pipes = pipes::join(&graph, &mut faults);
    faults.begin(None);
    pipes::name_bundles(&mut graph, &mut faults);
    bundles::flatten(&mut graph, &mut faults);
    let needs = needs_of_all(&graph, &mut faults);
    let order = order_of_all(&graph, &needs);
    let both = (!order.is_empty())
        .then(|| connect(graph.len(), needs.iter().chain(&order).copied().collect()));
    faults.begin(None);
    graph.edges = connect(graph.len(), needs);
    let all = both.as_ref().unwrap_or(&graph.edges);
    let cycles = check::cycles(all, &check::tangles(all));
    if both.is_some() {
        graph.order = connect(graph.len(), order);
    }
    for cycle in cycles {
        report_cycle(&graph, &cycle, &mut faults);
    }
    push_flags(&mut graph);
    let faults = faults.into_all();
    if faults.is_empty() { Ok(graph) } else { Err(faults) }
}

/// Numbers the definitions. Where two have the same name, the first one counts.
fn place(definitions: Vec<Definition>, faults: &mut Faults) -> Graph {
    let mut graph = Graph::default();
    let mut first = FirstOfName::new();
    let mut oneshots = Vec::new();
    for definition in definitions {
        let Definition { name, directory, kind, .. } = &definition;
        if let Some((first, kind)) = first.get(name) {
            let conflict = Conflict::Duplicate { first: first.clone(), kind };
            faults.report_at(name, directory.clone(), 0, &conflict);
            continue;
        }
        first.insert(name.clone(), (directory.clone(), kind.name()));
        match kind {
            Kind::Longrun(longrun) => match longrun.instances {
                Some(_) => place_instances(&mut graph, definition, &mut first, faults),
                None => graph.services.push(Some(definition)),
            },
            Kind::Oneshot(_) => oneshots.push(Some(definition)),
            Kind::Bundle(_) => {
                let (name, members) = (name.clone(), Vec::new());
                graph.bundles.push(Bundle { name, definition: Some(definition), members });
            }
        }
    }
    graph.services.append(&mut oneshots);
    let services = (0..).map(ServiceId).zip(graph.services.iter().flatten());
    let services = services.map(|(id, service)| (service.name.clone(), Referent::Service(id)));
    let bundles = graph.bundles.iter().enumerate();
    let bundles = bundles.map(|(at, bundle)| (bundle.name.clone(), Referent::Bundle(at)));
    graph.names = services.chain(bundles).collect();
    graph
}

/// Where the first definition of each name is, and what it is.
type FirstOfName = BTreeMap<String, (PathBuf, &'static str)>;

/// The instances of a longrun become services, and its name a bundle of them.
fn place_instances(
    graph: &mut Graph,
    template: Definition,
    first: &mut FirstOfName,
    faults: &mut Faults,
) {
    let Kind::Longrun(longrun) = &template.kind else { return };
    let Some(instances) = &longrun.instances else { return };
    let mut members = Vec::new();
    for number in 1..=instances.highest() {
        let name = format!("{}-{number}", template.name);
        if let Some((first, kind)) = first.get(&name).cloned() {
            let conflict = Conflict::InstanceName { name, first, kind };
            faults.report_at(&template.name, template.directory.join("instances"), 0, &conflict);
            continue;
        }
        first.insert(name.clone(), (template.directory.clone(), "longrun"));
        if number <= instances.count() {
            members.push(ServiceId(graph.services.len() as u32));
        }
        let instance = Some(Instance { of: template.name.clone(), number });
        let kind = Kind::Longrun(Longrun { instances: None, instance, ..longrun.clone() });
        let Definition { essential, recommended, .. } = template;
        let directory = template.directory.clone();
        let one = Definition::new(&name, kind);
        graph.services.push(Some(Definition { directory, essential, recommended, ..one }));
    }
    let name = template.name.clone();
    graph.bundles.push(Bundle { name, definition: Some(template), members });
}

/// All dependencies, as pairs.
fn needs_of_all(graph: &Graph, faults: &mut Faults) -> Vec<(ServiceId, ServiceId)> {
    let mut pairs = Vec::new();
    for id in graph.ids() {
        pairs.extend(needs(graph, id, faults).into_iter().map(|on| (id, on)));
    }
    pairs
}

/// The order of `after.d`, as pairs, without those that are dependencies as well. A name that does
/// not exist is ignored; a service that names a bundle of its own goes after the other members.
fn order_of_all(graph: &Graph, needs: &[(ServiceId, ServiceId)]) -> Vec<(ServiceId, ServiceId)> {
    let mut pairs = BTreeSet::new();
    for id in graph.ids() {
        for at in after(graph, id) {
            match graph.names.get(&at.name) {
                Some(Referent::Service(on)) => drop(pairs.insert((id, *on))),
                Some(Referent::Bundle(bundle)) => {
                    let members = graph.bundles.get(*bundle).into_iter().flat_map(|b| &b.members);
                    pairs.extend(members.filter(|on| **on != id).map(|on| (id, *on)));
                }
                None => {}
            }
        }
    }
    // They are in the order of the services, which each has its needs in order.
    pairs.retain(|pair| needs.binary_search(pair).is_err());
    pairs.into_iter().collect()
}

/// A graph with so many nodes, and these edges.
pub(super) fn connect(numbers: usize, mut pairs: Vec<(ServiceId, ServiceId)>) -> DiGraph<(), ()> {
    let mut edges = DiGraph::with_capacity(numbers, pairs.len());
    for _ in 0..numbers {
        edges.add_node(());
    }
    // petgraph gives the neighbours of a node from the last edge made to the first.
    pairs.sort_unstable();
    for (from, to) in pairs.into_iter().rev() {
        edges.add_edge(node(from), node(to), ());
    }
    edges
}

/// The direct dependencies of a service: its consumer, and those that it names.
fn needs(graph: &Graph, id: ServiceId, faults: &mut Faults) -> BTreeSet<ServiceId> {
    let mut all: BTreeSet<ServiceId> = graph.consumer(id).into_iter().collect();
    let definition = graph.definition(id);
    faults.begin(definition);
    let instance = definition.and_then(Definition::instance);
    let author = instance.map_or(graph.name(id), |instance| &instance.of);
    for at in named(graph, id) {
        match graph.names.get(&at.name) {
            Some(Referent::Service(on)) => drop(all.insert(*on)),
            Some(Referent::Bundle(bundle)) => {
                all.extend(graph.bundles.get(*bundle).iter().flat_map(|b| &b.members));
            }
            None => faults.undefined(graph, author, at, |meant| Conflict::UndefinedDependency {
                name: at.name.clone(),
                meant,
            }),
        }
    }
    all
}

fn report_cycle(graph: &Graph, cycle: &[NodeIndex], faults: &mut Faults) {
    let mut ids: Vec<ServiceId> = cycle.iter().copied().map(service).collect();
    let Some(&first) = ids.first() else { return };
    ids.push(first);
    let mut path = graph.name(first).to_owned();
    let steps = ids.iter().zip(ids.iter().skip(1));
    let mut begins_at = None;
    for (&from, &to) in steps {
        let Some(reason) = reason(graph, from, to) else { return };
        path += &format!(" → {}{reason}", graph.name(to));
        let (Reason::Named(at) | Reason::Within(at) | Reason::Pipe(at) | Reason::After(at)) =
            reason;
        begins_at.get_or_insert(at);
    }
    if let Some(at) = begins_at {
        faults.report(graph.name(first), at, &Conflict::Cycle(path));
    }
}

/// Why one service depends on another.
enum Reason<'g> {
    /// It names it here.
    Named(&'g Reference),
    /// It depends on this bundle, which contains the other.
    Within(&'g Reference),
    /// The other one is its consumer.
    Pipe(&'g Reference),
    /// It is only to start after it.
    After(&'g Reference),
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(_) => Ok(()),
            Self::Within(bundle) => write!(f, " (in bundle {})", bundle.name),
            Self::Pipe(_) => write!(f, " (its consumer)"),
            Self::After(_) => write!(f, " (after.d)"),
        }
    }
}

fn reason(graph: &Graph, from: ServiceId, to: ServiceId) -> Option<Reason<'_>> {
    let bundle = |at: &&Reference| graph.bundle(&at.name).is_some_and(|b| b.members.contains(&to));
    let all = named(graph, from);
    let direct = all.iter().find(|at| at.name == graph.name(to)).map(Reason::Named);
    let within = || all.iter().find(bundle).map(Reason::Within);
    let pipe = || match &graph.definition(from)?.kind {
        Kind::Longrun(longrun) => longrun.producer_for.as_ref().map(Reason::Pipe),
        Kind::Oneshot(_) | Kind::Bundle(_) => None,
    };
    let later = || {
        let is_it = |at: &&Reference| at.name == graph.name(to) || bundle(at);
        after(graph, from).iter().find(is_it).map(Reason::After)
    };
    direct.or_else(within).or_else(pipe).or_else(later)
}

/// The names in a service's `after.d`.
fn after(graph: &Graph, id: ServiceId) -> &[Reference] {
    let atomic = graph.definition(id).and_then(Definition::atomic);
    atomic.map_or(&[], |atomic| &atomic.after)
}

/// The names in a service's dependencies.
fn named(graph: &Graph, id: ServiceId) -> &[Reference] {
    let atomic = graph.definition(id).and_then(Definition::atomic);
    atomic.map_or(&[], |atomic| &atomic.dependencies)
}

/// Hands the flags of bundles down to their members.
fn push_flags(graph: &mut Graph) {
    for bundle in &graph.bundles {
        let Some(definition) = &bundle.definition else { continue };
        for id in &bundle.members {
            let place = graph.services.get_mut(id.0 as usize);
            let Some(service) = place.and_then(Option::as_mut) else { continue };
            service.essential |= definition.essential;
            service.recommended |= definition.recommended;
        }
    }
}
