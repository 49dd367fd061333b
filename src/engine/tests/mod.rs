//! Short scripted scenarios: event in, commands out.

mod boot;
mod gone;

use super::*;
use crate::definition::{Atomic, Definition, Kind, Longrun as LongrunKind, Oneshot, Reference};
use std::path::PathBuf;

/// A oneshot.
pub(super) fn oneshot(name: &str, dependencies: &[&str]) -> Definition {
    let atomic = atomic(dependencies);
    definition(name, Kind::Oneshot(Oneshot { atomic, ..Oneshot::default() }))
}

/// A longrun.
pub(super) fn longrun(name: &str, dependencies: &[&str]) -> Definition {
    let atomic = atomic(dependencies);
    definition(name, Kind::Longrun(LongrunKind { atomic, ..LongrunKind::default() }))
}

fn atomic(dependencies: &[&str]) -> Atomic {
    let reference = |name: &&str| Reference { name: (*name).into(), file: PathBuf::new(), line: 0 };
    Atomic { dependencies: dependencies.iter().map(reference).collect(), ..Atomic::default() }
}

fn definition(name: &str, kind: Kind) -> Definition {
    Definition {
        name: name.into(),
        directory: PathBuf::new(),
        kind,
        essential: false,
        recommended: false,
    }
}

/// An engine with a clock, and short names for what it says.
pub(super) struct Scene {
    pub engine: Engine,
    now: u64,
}

impl Scene {
    pub fn new(definitions: Vec<Definition>) -> Self {
        let graph = Graph::new(definitions).expect("a sound tree");
        Self { engine: Engine::new(graph), now: 1000 }
    }

    pub fn id(&self, name: &str) -> ServiceId {
        self.engine.graph().service(name).expect("a known service")
    }

    /// Lets time go on.
    pub fn wait(&mut self, ms: u64) -> &mut Self {
        self.now += ms;
        self
    }

    /// Hands an event in, and returns what is to be done.
    pub fn on(&mut self, event: Event) -> Vec<Command> {
        self.engine.handle(Time(self.now), event);
        std::iter::from_fn(|| self.engine.poll()).collect()
    }

    /// How long it is to the deadline, in ms.
    pub fn deadline(&self) -> Option<u64> {
        self.engine.deadline().map(|at| at.0 - self.now)
    }

    /// Lets the deadline come.
    pub fn timeout(&mut self) -> Vec<Command> {
        self.now = self.engine.deadline().expect("a deadline").0;
        self.on(Event::Timeout)
    }
}
