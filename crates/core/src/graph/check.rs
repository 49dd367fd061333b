//! Finds cycles, with all their members.

use litemap::LiteMap;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::VecDeque;

/// The strongly connected components of a graph, each after those to which its edges lead. Without
/// cycles, each consists of a single node.
pub(super) fn tangles(graph: &DiGraph<(), ()>) -> Vec<Vec<NodeIndex>> {
    // Not by Tarjan's algorithm: petgraph's is recursive, and a chain of dependencies may be ten
    // thousand long.
    kosaraju_scc(graph)
}

/// One cycle of each component that has any, from its first node to the last one before that node
/// again.
pub(super) fn cycles(graph: &DiGraph<(), ()>, tangles: &[Vec<NodeIndex>]) -> Vec<Vec<NodeIndex>> {
    let mut cycles: Vec<_> = tangles.iter().filter_map(|tangle| cycle(graph, tangle)).collect();
    cycles.sort_unstable();
    cycles
}

/// The shortest cycle through the first node of a strongly connected component.
fn cycle(graph: &DiGraph<(), ()>, tangle: &[NodeIndex]) -> Option<Vec<NodeIndex>> {
    let mut members = tangle.to_vec();
    members.sort_unstable();
    let start = *members.first()?;
    let mut came_from = LiteMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        for next in graph.neighbors(at).filter(|next| members.binary_search(next).is_ok()) {
            if next == start {
                return Some(path_to(at, start, &came_from));
            }
            came_from.entry(next).or_insert_with(|| {
                queue.push_back(next);
                at
            });
        }
    }
    None
}

fn path_to(
    end: NodeIndex,
    start: NodeIndex,
    came_from: &LiteMap<NodeIndex, NodeIndex>,
) -> Vec<NodeIndex> {
    let mut path = vec![end];
    let mut at = end;
    while let Some(&before) = came_from.get(&at).filter(|_| at != start) {
        path.push(before);
        at = before;
    }
    path.reverse();
    path
}
