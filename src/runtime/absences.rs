//! The services that the boot left out on purpose, and why: for `sixtree status`, and for requests
//! to start them.

use crate::definition::Off;
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

    /// A line of `sixtree status` for each that is not in this tree.
    pub(super) fn statuses(&self, graph: &Graph) -> impl Iterator<Item = ServiceStatus> {
        let off = self.off.iter().filter(|off| graph.kind(&off.name).is_none());
        off.map(|off| ServiceStatus {
            name: off.name.clone(),
            kind: match off.kind {
                "oneshot" => ServiceKind::Oneshot,
                "bundle" => ServiceKind::Bundle,
                _ => ServiceKind::Longrun,
            },
            tree: Some(TreeStatus {
                up: false,
                enabled: false,
                why: Some(WhyDown::Off(off.why.clone())),
            }),
            ..ServiceStatus::default()
        })
    }
}
