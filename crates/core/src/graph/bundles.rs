//! Flattens bundles: the members of a bundle in a bundle are members of the outer one, too.

use super::faults::Faults;
use super::{Bundle, Conflict, Graph, Referent, ServiceId, check};
use crate::definition::{Kind, Reference};
use petgraph::graph::{DiGraph, NodeIndex};

/// Finds the members of every bundle that has a definition.
pub(super) fn flatten(graph: &mut Graph, faults: &mut Faults) {
    let contents: Vec<Vec<Referent>> =
        graph.bundles.iter().map(|bundle| found(graph, bundle, faults)).collect();
    let mut inside = DiGraph::new();
    for _ in &contents {
        inside.add_node(());
    }
    for (at, found) in contents.iter().enumerate() {
        for named in found {
            if let Referent::Bundle(other) = named {
                inside.add_edge(NodeIndex::new(at), NodeIndex::new(*other), ());
            }
        }
    }
    let tangles = check::tangles(&inside);
    tangles.iter().flatten().for_each(|at| fill(graph, at.index(), &contents));
    for cycle in check::cycles(&inside, &tangles) {
        report_cycle(graph, &cycle, faults);
    }
}

/// Resolves the names in a bundle.
fn found(graph: &Graph, bundle: &Bundle, faults: &mut Faults) -> Vec<Referent> {
    let look_up = |at: &Reference| {
        let found = graph.names.get(&at.name).copied();
        if found.is_none() {
            let name = at.name.clone();
            let conflict = |meant| Conflict::UndefinedMember { name, meant };
            faults.undefined(graph, &bundle.name, at, conflict);
        }
        found
    };
    contents(bundle).iter().filter_map(look_up).collect()
}

/// Collects the members of a bundle. The bundles in it have been filled before.
fn fill(graph: &mut Graph, at: usize, contents: &[Vec<Referent>]) {
    let mut members: Vec<ServiceId> = Vec::new();
    for named in contents.get(at).into_iter().flatten() {
        match named {
            Referent::Service(id) => members.push(*id),
            Referent::Bundle(other) => {
                members.extend(graph.bundles.get(*other).iter().flat_map(|b| &b.members));
            }
        }
    }
    members.sort_unstable();
    members.dedup();
    match graph.bundles.get_mut(at) {
        Some(bundle) if is_defined(bundle) => bundle.members = members,
        Some(_) | None => {}
    }
}

fn report_cycle(graph: &Graph, cycle: &[NodeIndex], faults: &mut Faults) {
    let bundles: Vec<&Bundle> =
        cycle.iter().filter_map(|at| graph.bundles.get(at.index())).collect();
    let mut names: Vec<&str> = bundles.iter().map(|bundle| bundle.name.as_str()).collect();
    let Some(first) = bundles.first() else { return };
    names.push(&first.name);
    let second = names.get(1);
    let Some(at) = contents(first).iter().find(|at| Some(&at.name.as_str()) == second) else {
        return;
    };
    faults.report(&first.name, at, &Conflict::BundleCycle(names.join(" → ")));
}

/// Whether its contents say what is in it.
fn is_defined(bundle: &Bundle) -> bool {
    bundle.definition.as_ref().is_some_and(|definition| definition.instances().is_none())
}

fn contents(bundle: &Bundle) -> &[Reference] {
    match bundle.definition.as_ref().map(|definition| &definition.kind) {
        Some(Kind::Bundle(contents)) => contents,
        Some(Kind::Oneshot(_) | Kind::Longrun(_)) | None => &[],
    }
}
