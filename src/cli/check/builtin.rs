//! The definitions that every image has: those of the package, and the bundles that users fill.

use crate::cli::layout;
use crate::definition::{Atomic, Definition, Fault, Kind, Oneshot, Reference};
use litemap::LiteMap;

/// Whether a definition is one of these.
pub(super) fn is_builtin(definition: &Definition) -> bool {
    definition.directory.as_os_str().is_empty()
}

/// The bundle of services that nothing but a person starts.
pub(in crate::cli) const MANUAL: &str = "manual";

/// Whether a service of an image cannot be called so: it is the name of one of these, or kept for
/// s6-rc or `manual`.
pub(in crate::cli) fn is_reserved(name: &str) -> bool {
    let is_kept = ["s6rc-", "s6-rc-", "."].iter().any(|prefix| name.starts_with(prefix));
    is_kept || name == MANUAL || files().contains_key(name)
}

/// Those that were not read, because the image is not complete yet.
pub(super) fn missing(read: &[Definition], faults: &[Fault]) -> Vec<Definition> {
    let mut there: Vec<&str> = read.iter().map(|read| read.name.as_str()).collect();
    there.extend(faults.iter().filter_map(|fault| fault.service.as_deref()));
    let all = files().into_iter().filter(|(name, _)| !there.contains(name));
    all.map(|(name, files)| definition(name, &files)).collect()
}

/// The files of each: name and text.
type Files = LiteMap<&'static str, &'static str>;

fn files() -> LiteMap<&'static str, Files> {
    let mut all: LiteMap<&str, Files> = LiteMap::new();
    for (path, text) in layout::FILES {
        let below = ["/s6-rc/sources/", "/user-bundles.d/"];
        let below = below.iter().find_map(|source| path.split_once(source));
        if let Some((name, file)) = below.and_then(|(_, below)| below.split_once('/')) {
            all.entry(name).or_default().insert(file, text);
        }
    }
    all
}

fn definition(name: &str, files: &Files) -> Definition {
    let list = |directory: &str| {
        let names = files.keys().filter_map(|file| file.strip_prefix(directory));
        names.filter(|name| !name.starts_with('.')).map(Reference::to).collect()
    };
    let kind = match files.get("type").map(|text| text.trim_end()) {
        Some("bundle") => Kind::Bundle(list("contents.d/")),
        _ => Kind::Oneshot(Oneshot {
            atomic: Atomic { dependencies: list("dependencies.d/"), ..Atomic::default() },
            ..Oneshot::default()
        }),
    };
    Definition::new(name, kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Graph;

    #[test]
    fn they_are_a_tree_by_themselves() {
        let graph = Graph::new(missing(&[], &[])).unwrap();
        let names: Vec<_> = graph.ids().map(|id| graph.name(id)).collect();
        assert_eq!(names, ["fix-attrs", "legacy-cont-init", "legacy-services"]);
        assert_eq!(graph.find("top").unwrap().len(), 3);
        assert_eq!(graph.find("user2"), Some(vec![]));
    }

    #[test]
    fn what_an_image_defines_is_not_built_in() {
        let read = [Definition::new("top", Kind::Bundle(Vec::new()))];
        assert!(missing(&read, &[]).iter().all(|definition| definition.name != "top"));
    }
}
