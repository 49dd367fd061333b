//! What events make of the states of services and of the container, to be compared with the tables
//! in the engine's documentation.

use crate::faults::Subject;
use crate::kernel::Kernel;
use crate::rules::Line;
use sixtree_core::engine::*;
use sixtree_core::graph::ServiceId;
use std::collections::{BTreeMap, BTreeSet};

/// A change of state.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Move {
    /// A longrun, or the container.
    pub of: &'static str,
    pub from: String,
    pub by: &'static str,
    pub to: String,
}

/// The states at one moment.
pub(crate) struct States {
    longruns: BTreeMap<ServiceId, Phase>,
    stage: Stage,
}

impl States {
    pub(crate) fn of(subject: &Subject, kernel: &Kernel) -> Self {
        let phase = |id| subject.longrun(id).map_or(Phase::Unsupervised, SupervisedLongrun::phase);
        let longruns = kernel.directories.keys().map(|&id| (id, phase(id))).collect();
        Self { longruns, stage: subject.stage() }
    }

    /// What changed until `later` because of an event, or of another tree; `done` are the commands.
    pub(crate) fn changes(
        &self,
        later: &Self,
        event: Option<&Event>,
        done: &[Line],
    ) -> BTreeSet<Move> {
        let killed = done.contains(&Line::Out(Command::KillAll));
        let dismissed = done.contains(&Line::Out(Command::TermAll));
        let mut moves = BTreeSet::new();
        for (id, to) in &later.longruns {
            let from = self.longruns.get(id).unwrap_or(&Phase::Unsupervised);
            if from != to && !killed {
                // The time that is over may be that of the last change of all.
                let order = |cause: &&str| !(dismissed && *cause == "Timeout");
                let cause = event.and_then(|event| own(event, *id)).filter(order);
                let cause = cause.unwrap_or("Order");
                let (from, to) = (format!("{from:?}"), format!("{to:?}"));
                moves.insert(Move { of: "longrun", from, by: cause, to });
            }
        }
        if self.stage != later.stage {
            let cause = event.map_or("Order", of_container);
            let (from, to) = (format!("{:?}", self.stage), format!("{:?}", later.stage));
            moves.insert(Move { of: "container", from, by: cause, to });
        }
        moves
    }
}

/// What an event is to a service, if it is about it.
fn own(event: &Event, id: ServiceId) -> Option<&'static str> {
    let (about, name) = match event {
        Event::Spawned(process, _) => (process.service, "Spawned"),
        Event::NotSpawned(process, _) => (process.service, "NotSpawned"),
        Event::Exited(process, _) => (process.service, "Exited"),
        Event::Control(service, _) => (*service, "Control"),
        Event::Supervised(service, _) => (*service, "Supervised"),
        Event::NotSupervised(service) => (*service, "NotSupervised"),
        Event::Appeared(service, _) => (*service, "Appeared"),
        Event::Timeout => (id, "Timeout"),
        Event::Boot(_) => (id, "Boot"),
        _ => return None,
    };
    (about == id).then_some(name)
}

/// What an event is to the container.
fn of_container(event: &Event) -> &'static str {
    match event {
        Event::Boot(_) => "Boot",
        Event::Stop | Event::Leave { .. } | Event::Signal { .. } => "Stop",
        Event::CmdExited(_) => "CmdExited",
        Event::CmdDelayed => "CmdDelayed",
        Event::Alone => "Alone",
        Event::Timeout => "Timeout",
        _ => "Service",
    }
}
