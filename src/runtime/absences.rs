//! The services that the boot left out on purpose, and why: for `sixtree status`, and for requests
//! to start them.

use crate::definition::{Definition, Off};
use crate::format::request::{ServiceKind, ServiceStatus, TreeStatus, WhyDown};
use crate::graph::Graph;
use std::collections::BTreeMap;

/// Services and bundles that do not take part in the tree, and services in it that the boot did not
/// start.
#[derive(Debug, Default)]
pub(crate) struct Absences {
    /// Services and bundles that are not in the tree.
    pub(crate) off: Vec<Off>,
    /// Services that are in it, but that the boot did not start: by name, with the reason.
    pub(crate) left_out: BTreeMap<String, String>,
}

impl Absences {
    /// Why a name is not in this tree. `None`: it is, or it never existed. The tree may be another
    /// one than that of the boot.
    pub(super) fn why_off(&self, name: &str, graph: &Graph) -> Option<&str> {
        let off = self.off.iter().find(|off| off.name == name)?;
        graph.kind(name).is_none().then_some(off.why.as_str())
    }

    /// A line of `sixtree status` for each that is not in this tree, and for each service of which
    /// there are no instances.
    pub(super) fn statuses(&self, graph: &Graph) -> Vec<ServiceStatus> {
        let off = self.off.iter().filter(|off| graph.kind(&off.name).is_none());
        let off = off.map(|off| (off.name.as_str(), off.kind, off.why.as_str()));
        let bundles = graph.bundles().iter().filter_map(|bundle| bundle.definition.as_ref());
        let is_empty = |d: &&Definition| d.instances().is_some_and(|i| i.highest() == 0);
        let empty = bundles.filter(is_empty).map(|d| (d.name.as_str(), "longrun", "0 instances"));
        let status = |(name, kind, why): (&str, &str, &str)| ServiceStatus {
            name: name.to_owned(),
            kind: match kind {
                "oneshot" => ServiceKind::Oneshot,
                "bundle" => ServiceKind::Bundle,
                _ => ServiceKind::Longrun,
            },
            tree: Some(TreeStatus {
                up: false,
                enabled: false,
                why: Some(WhyDown::Off(why.to_owned())),
            }),
            ..ServiceStatus::default()
        };
        off.chain(empty).map(status).collect()
    }
}
