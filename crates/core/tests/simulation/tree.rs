//! Made-up trees and containers.

use crate::choices::Choices;
use sixtree_core::definition::{
    Atomic, Definition, EndAction, EndPolicy, Kind, Longrun, Oneshot, Reference, RestartDelay,
    RestartLimit,
};
use sixtree_core::engine::{Container, EndDefaults};
use sixtree_core::graph::Graph;
use std::sync::Arc;

/// How big a world is, and how wild.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// The most services in the tree.
    pub services: usize,
    /// Whether all that can happen does: else only what matters most, for an exhaustive search.
    pub wild: bool,
}

/// A tree without cycles: each service depends on some of those before it, or on a bundle of them,
/// and may go after others of them.
pub(crate) fn tree(size: Size, choices: &mut dyn Choices) -> Vec<Definition> {
    let count = 1 + choices.pick(size.services);
    let mut definitions: Vec<Definition> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for at in 0..count {
        let dependencies = some(&names, choices);
        let after = if size.wild && choices.pick(2) == 1 { some(&names, choices) } else { vec![] };
        definitions.push(service(at, &dependencies, &after, size, choices));
        names.push(format!("s{at}"));
        if size.wild && choices.pick(6) == 1 {
            let members = some(&names, choices);
            definitions.push(bundle(&format!("b{at}"), &members));
            names.push(format!("b{at}"));
        }
    }
    let top = if size.wild { some(&names, choices) } else { names };
    definitions.push(bundle("top", &top));
    definitions
}

/// The same tree, without any dependency.
pub(crate) fn without_dependencies(definitions: &[Definition]) -> Vec<Definition> {
    let mut definitions = definitions.to_vec();
    for definition in &mut definitions {
        match &mut definition.kind {
            Kind::Oneshot(oneshot) => oneshot.atomic.dependencies.clear(),
            Kind::Longrun(longrun) => longrun.atomic.dependencies.clear(),
            Kind::Bundle(_) => {}
        }
    }
    definitions
}

/// The same tree, in which nothing only goes after anything.
pub(crate) fn without_order(definitions: &[Definition]) -> Vec<Definition> {
    let mut definitions = definitions.to_vec();
    for definition in &mut definitions {
        match &mut definition.kind {
            Kind::Oneshot(oneshot) => oneshot.atomic.after.clear(),
            Kind::Longrun(longrun) => longrun.atomic.after.clear(),
            Kind::Bundle(_) => {}
        }
    }
    definitions
}

/// The same tree, in which nothing limits how long a service may take.
pub(crate) fn without_limits(definitions: &[Definition]) -> Vec<Definition> {
    let mut definitions = definitions.to_vec();
    for definition in &mut definitions {
        let atomic = match &mut definition.kind {
            Kind::Oneshot(oneshot) => &mut oneshot.atomic,
            Kind::Longrun(longrun) => &mut longrun.atomic,
            Kind::Bundle(_) => continue,
        };
        (atomic.timeout_up_ms, atomic.timeout_down_ms) = (0, 0);
    }
    definitions
}

/// The same tree, in which no file says what an end means.
pub(crate) fn without_policies(mut definitions: Vec<Definition>) -> Vec<Definition> {
    each_policy(&mut definitions, |ends| *ends = None);
    definitions
}

/// The same tree, with other delays.
pub(crate) fn with_delays(
    mut definitions: Vec<Definition>,
    other: fn(u32) -> u32,
) -> Vec<Definition> {
    each_policy(&mut definitions, |ends| {
        for delay in ends.iter_mut().flat_map(|ends| &mut Arc::make_mut(ends).restart_delay) {
            (delay.min_ms, delay.max_ms) = (other(delay.min_ms), other(delay.max_ms));
        }
    });
    definitions
}

fn each_policy(definitions: &mut [Definition], change: impl Fn(&mut Option<Arc<EndPolicy>>)) {
    for definition in definitions {
        if let Kind::Longrun(longrun) = &mut definition.kind {
            change(&mut longrun.ends);
        }
    }
}

/// What the files of a longrun say of its end; most have none.
pub(crate) fn policy(choices: &mut dyn Choices) -> Option<Arc<EndPolicy>> {
    if choices.pick(3) != 1 {
        return None;
    }
    let action = |choices: &mut dyn Choices| {
        [None, None, None, Some(EndAction::Restart), Some(EndAction::Down), Some(EndAction::Stop)]
            [choices.pick(6)]
    };
    let delay = |min_ms, max_ms, factor_milli, jitter_percent| {
        Some(RestartDelay { min_ms, max_ms, factor_milli, jitter_percent })
    };
    let delays =
        [None, delay(100, 400, 2_000, 0), delay(300, 300, 1_000, 20), delay(0, 900, 3_000, 50)];
    let limits = [None, Some((0, 60)), Some((1, 1)), Some((2, 60))];
    Some(Arc::new(EndPolicy {
        on_success: action(choices),
        on_failure: action(choices),
        on_give_up: [None, Some(EndAction::Down), Some(EndAction::Stop)][choices.pick(3)],
        success_codes: [None, Some(vec![0, 1])][choices.pick(2)].clone(),
        restart_delay: delays[choices.pick(4)],
        restart_limit: limits[choices.pick(4)]
            .map(|(ends, seconds)| RestartLimit { ends, seconds }),
    }))
}

/// How the container is run.
pub(crate) fn container(graph: &Graph, size: Size, choices: &mut dyn Choices) -> Container {
    let top = graph.find("top").unwrap_or_default();
    if !size.wild {
        return Container { top, has_cmd: true, kill_grace_ms: 3000, ..Container::default() };
    }
    Container {
        top,
        boot_timeout_ms: [0, 0, 2_500][choices.pick(3)],
        if_boot_fails: choices.pick(3) as u8,
        has_cmd: choices.pick(2) == 1,
        cmd_receives_signals: choices.pick(2) == 1,
        kill_grace_ms: [3_000, 0][choices.pick(2)],
        shutdown_timeout_ms: [0, 0, 4_000][choices.pick(3)],
        ends: EndDefaults {
            on_failure: [EndAction::Restart, EndAction::Stop][usize::from(choices.pick(16) == 1)],
            on_give_up: EndAction::LAST[choices.pick(2)],
        },
    }
}

fn some(names: &[String], choices: &mut dyn Choices) -> Vec<String> {
    names.iter().filter(|_| choices.pick(2) == 1).cloned().collect()
}

fn service(
    at: usize,
    needs: &[String],
    after: &[String],
    size: Size,
    choices: &mut dyn Choices,
) -> Definition {
    let mut atomic = Atomic {
        dependencies: needs.iter().map(|name| Reference::to(name)).collect(),
        after: after.iter().map(|name| Reference::to(name)).collect(),
        ..Atomic::default()
    };
    if size.wild {
        atomic.timeout_up_ms = [0, 0, 700][choices.pick(3)];
        atomic.timeout_down_ms = [0, 0, 900][choices.pick(3)];
    }
    let kind = if choices.pick(2) == 1 {
        Kind::Oneshot(Oneshot { atomic, ..Oneshot::default() })
    } else {
        let ends = size.wild.then(|| policy(choices)).flatten();
        let handed_on = if size.wild && choices.pick(3) == 1 { vec!["stop"] } else { vec![] };
        Kind::Longrun(Longrun { atomic, ends, handed_on, ..Longrun::default() })
    };
    let essential = size.wild && choices.pick(8) == 1;
    Definition { essential, ..Definition::new(&format!("s{at}"), kind) }
}

fn bundle(name: &str, members: &[String]) -> Definition {
    let members = members.iter().map(|name| Reference::to(name)).collect();
    Definition::new(name, Kind::Bundle(members))
}
