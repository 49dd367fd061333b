//! Pipelines: which longrun reads the output of which other. Both must say so.

use super::faults::Faults;
use super::{Bundle, Conflict, Graph, Referent, ServiceId, ServicePipes};
use crate::definition::{Definition, Kind, Longrun, Reference};
use std::collections::BTreeSet;

/// Joins producers and consumers: the pipes of each service, by its index.
pub(super) fn join(graph: &Graph, faults: &mut Faults) -> Vec<ServicePipes> {
    graph.ids().map(|id| pipes(graph, id, faults)).collect()
}

fn pipes(graph: &Graph, id: ServiceId, faults: &mut Faults) -> ServicePipes {
    let mut pipes = ServicePipes::default();
    let Some(longrun) = longrun(graph, id) else { return pipes };
    faults.begin(graph.definition(id));
    let name = longrun.instance.as_ref().map_or(graph.name(id), |instance| &instance.of);
    pipes.reads = !longrun.consumer_for.is_empty();
    if let Some(to) = &longrun.producer_for
        && let Some((consumer, other)) = end(graph, name, to, faults)
    {
        if !other.consumer_for.iter().any(|producer| producer.name == name) {
            faults.report_of(name, to, &Conflict::HalfProducer(to.name.clone()));
        }
        pipes.consumer = Some(consumer);
    }
    for from in &longrun.consumer_for {
        let instances = || {
            let template = graph.bundle(&from.name)?.definition.as_ref()?;
            Some((instances(graph, template)?, as_longrun(template)?))
        };
        let one = |faults: &mut Faults| {
            end(graph, name, from, faults).map(|(id, longrun)| (vec![id], longrun))
        };
        if let Some((producers, other)) = instances().or_else(|| one(faults)) {
            if other.producer_for.as_ref().is_none_or(|consumer| consumer.name != name) {
                faults.report_of(name, from, &Conflict::HalfConsumer(from.name.clone()));
            }
            pipes.producers.extend(producers);
        }
    }
    pipes
}

/// The instances of a definition, with those that are on their way out.
fn instances(graph: &Graph, template: &Definition) -> Option<Vec<ServiceId>> {
    let numbers = 1..=template.instances()?.highest();
    let names = numbers.map(|number| format!("{}-{number}", template.name));
    Some(names.filter_map(|name| graph.service(&name)).collect())
}

/// The longrun at the other end of a pipe.
fn end<'g>(
    graph: &'g Graph,
    name: &str,
    other: &Reference,
    faults: &mut Faults,
) -> Option<(ServiceId, &'g Longrun)> {
    let found = graph.service(&other.name).and_then(|id| Some((id, longrun(graph, id)?)));
    if found.is_none() {
        let name_of_other = other.name.clone();
        match graph.kind(&other.name) {
            Some(kind) => {
                let conflict = Conflict::NotLongrun { name: name_of_other, kind, meant: None };
                faults.report(name, other, &conflict);
            }
            None => faults.undefined(graph, name, other, |meant| Conflict::NotLongrun {
                name: name_of_other,
                kind: "unknown",
                meant,
            }),
        }
    }
    found
}

/// Makes the bundles that `pipeline-name` asks for.
pub(super) fn name_bundles(graph: &mut Graph, faults: &mut Faults) {
    for id in graph.ids() {
        let Some(named) = longrun(graph, id).and_then(|l| l.pipeline_name.clone()) else {
            continue;
        };
        if let Some(kind) = graph.kind(&named.name) {
            let conflict = Conflict::PipelineName { name: named.name.clone(), kind };
            faults.report(graph.name(id), &named, &conflict);
            continue;
        }
        let members = pipeline(graph, id);
        graph.names.insert(named.name.clone(), Referent::Bundle(graph.bundles.len()));
        graph.bundles.push(Bundle { name: named.name, definition: None, members });
    }
}

/// The last consumer of a pipeline and all producers before it, in order. At this point pipes may
/// still form a cycle.
fn pipeline(graph: &Graph, last: ServiceId) -> Vec<ServiceId> {
    let mut all = BTreeSet::new();
    let mut next = vec![last];
    while let Some(id) = next.pop() {
        if all.insert(id) {
            next.extend_from_slice(graph.producers(id));
        }
    }
    all.into_iter().collect()
}

fn longrun(graph: &Graph, id: ServiceId) -> Option<&Longrun> {
    graph.definition(id).and_then(as_longrun)
}

fn as_longrun(definition: &Definition) -> Option<&Longrun> {
    match &definition.kind {
        Kind::Longrun(longrun) => Some(longrun),
        Kind::Oneshot(_) | Kind::Bundle(_) => None,
    }
}
