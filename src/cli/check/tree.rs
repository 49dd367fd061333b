//! What a service's place in the tree has wrong.

use super::lint::Lint;
use super::root::Root;
use super::{Findings, builtin};
use crate::definition::{Definition, Off};
use crate::graph::{Direction, Graph, ServiceId};

/// Looks at the place of every service. Scripts of the image may start some.
/// What is off would have brought others along: that nothing starts these is no fault.
pub(super) fn lint(
    graph: &Graph,
    root: &Root,
    by_scripts: &[ServiceId],
    off: &[Off],
    found: &mut Findings,
) {
    let Some(top) = graph.find("top") else { return };
    let mut wanted = top;
    wanted.extend(graph.find(builtin::MANUAL).unwrap_or_default());
    let started = graph.closure(&wanted, Direction::Up);
    let left_out = graph.left_out(off.iter(), &started);
    let base = graph.find("base").unwrap_or_default();
    let prepares = graph.closure(&base, Direction::Up);
    let waits = waits_for(graph, &base);
    let can_be_early = root.prepares();
    for (id, definition) in users(graph) {
        if started.binary_search(&id).is_err() {
            if by_scripts.binary_search(&id).is_err() && !left_out.contains_key(&id) {
                found.report(definition, &Lint::Unreachable);
            }
        } else if can_be_early
            && prepares.binary_search(&id).is_err()
            && waits.binary_search(&id).is_err()
        {
            found.report(definition, &Lint::NotOnBase);
        }
    }
}

/// The services that come from files.
fn users(graph: &Graph) -> impl Iterator<Item = (ServiceId, &Definition)> {
    let all = graph.ids().filter_map(|id| Some((id, graph.definition(id)?)));
    all.filter(|(_, definition)| !builtin::is_builtin(definition) && !is_of_package(definition))
}

/// Whether the package ships it.
fn is_of_package(definition: &Definition) -> bool {
    definition.directory.parent().is_some_and(|source| source.ends_with("etc/s6-rc/sources"))
}

/// The services that start only when all of these are up.
fn waits_for(graph: &Graph, all: &[ServiceId]) -> Vec<ServiceId> {
    let mut waiting: Vec<ServiceId> = graph.ids().collect();
    for &one in all {
        let after = graph.closure(&[one], Direction::Down);
        let goes_after = |id: ServiceId| graph.first(id, Direction::Up).any(|first| first == one);
        waiting.retain(|id| after.binary_search(id).is_ok() || goes_after(*id));
    }
    waiting
}
