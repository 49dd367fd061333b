//! What the boot left out on purpose, and why: for `sixtree status`, and for whoever asks to start
//! it.

use crate::definition::Off;
use crate::format::request::{ServiceKind, ServiceStatus, TreeStatus, WhyDown};
use crate::graph::Graph;
use std::collections::BTreeMap;

/// Services and bundles that do not take part in the tree, and services in it that the boot did not
/// start.
#[derive(Debug, Default)]
pub(crate) struct Absences {
    /// What is not in the tree.
    pub(crate) off: Vec<Off>,
    /// What is in it and was left out, by its name.
    pub(crate) left_out: BTreeMap<String, String>,
}

impl Absences {
    /// Why a name is not in this tree; `None`: it is, or nothing has ever had it. Another tree may
    /// have taken the place of the one that was booted.
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
