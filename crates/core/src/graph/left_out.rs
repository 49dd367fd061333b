//! The services that a boot leaves out because something else does not take part.

use super::{Direction, Graph, ServiceId};
use crate::definition::Off;
use std::collections::BTreeMap;

impl Graph {
    /// The services that are not among those that start, and that something that is off would have
    /// brought along, each with the reason. They are in the tree, and can be started by hand.
    pub fn left_out<'o>(
        &self,
        off: impl Iterator<Item = &'o Off>,
        started: &[ServiceId],
    ) -> BTreeMap<ServiceId, String> {
        let mut all = BTreeMap::new();
        for off in off {
            let verb = if off.kind == "bundle" { "in" } else { "needed by" };
            let named = off.mentions.iter().filter_map(|name| self.find(name)).flatten();
            let brought = self.closure(&named.collect::<Vec<_>>(), Direction::Up);
            for id in brought.into_iter().filter(|id| started.binary_search(id).is_err()) {
                all.entry(id).or_insert_with(|| format!("{verb} {}, which is off", off.name));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Definition, Kind, Oneshot, Reference};

    #[test]
    fn what_nothing_else_brings_along_is_left_out() {
        let oneshot = |name| Definition::new(name, Kind::Oneshot(Oneshot::default()));
        let top = Kind::Bundle(vec![Reference::to("a")]);
        let all = vec![oneshot("a"), oneshot("b"), oneshot("c"), Definition::new("top", top)];
        let graph = Graph::new(all).unwrap();
        let off = |name: &str, kind, mentions: &[&str]| Off {
            name: name.to_owned(),
            kind,
            why: String::new(),
            mentions: mentions.iter().map(|&name| name.to_owned()).collect(),
        };
        let off = [off("x", "bundle", &["a", "b", "gone"]), off("y", "oneshot", &["b", "c"])];
        let left_out = graph.left_out(off.iter(), &graph.find("top").unwrap());
        let told: Vec<_> = left_out.iter().map(|(id, why)| (graph.name(*id), &**why)).collect();
        assert_eq!(told, [("b", "in x, which is off"), ("c", "needed by y, which is off")]);
    }
}
