//! Checks a single layer of an image: names that it does not define are taken to be in another
//! layer.

use crate::definition::{Definition, Fault, Kind, Mistake, Oneshot, Problem, Reference};
use litemap::LiteMap;

/// Adds the definitions that are missing, and removes the faults about them.
pub(super) fn complete(definitions: &mut Vec<Definition>, faults: &mut Vec<Fault>) {
    let mut elsewhere: LiteMap<String, ()> = LiteMap::new();
    // A directory that only adds dependencies to a service of another layer has no type.
    faults.retain(|fault| {
        let is_addition = fault.code == Mistake::TypeMissing.code();
        elsewhere
            .extend(fault.service.iter().filter(|_| is_addition).map(|name| (name.clone(), ())));
        !is_addition
    });
    elsewhere.extend(definitions.iter().flat_map(references).map(|other| (other.name.clone(), ())));
    for definition in definitions.iter() {
        elsewhere.remove(&definition.name);
        pipeline_name(definition).map(|pipeline| elsewhere.remove(&pipeline.name));
    }
    let stub = |name: &String| Definition::new(name, Kind::Oneshot(Oneshot::default()));
    let broken = |name: &&String| faults.iter().any(|f| f.service.as_ref() == Some(name));
    definitions.extend(elsewhere.keys().filter(|name| !broken(name)).map(stub));
}

/// The members of a bundle, or what a service depends on.
fn references(definition: &Definition) -> &[Reference] {
    match &definition.kind {
        Kind::Bundle(members) => members,
        Kind::Oneshot(_) | Kind::Longrun(_) => {
            definition.atomic().map_or(&[], |atomic| &atomic.dependencies)
        }
    }
}

fn pipeline_name(definition: &Definition) -> Option<&Reference> {
    match &definition.kind {
        Kind::Longrun(longrun) => longrun.pipeline_name.as_ref(),
        Kind::Oneshot(_) | Kind::Bundle(_) => None,
    }
}
