//! The faults of a tree, as they are found.

use super::{Conflict, Graph};
use crate::definition::{Fault, FaultPlace, Reference, similar};
use litemap::LiteMap;
use std::path::PathBuf;

/// What was found so far.
pub(super) struct Faults<'a> {
    all: Vec<Fault>,
    /// Names that are known to be wrong, or absent for a known reason: no more is said of them.
    broken: &'a LiteMap<String, ()>,
    /// For how many more undefined names a similar one is looked for. It takes a look at all.
    suggestions: u32,
}

impl<'a> Faults<'a> {
    /// None yet.
    pub(super) fn new(broken: &'a LiteMap<String, ()>) -> Self {
        Self { all: Vec::new(), broken, suggestions: 50 }
    }

    /// `service` is wrong in what it says in this place.
    pub(super) fn report(&mut self, service: &str, at: &Reference, conflict: &Conflict) {
        self.report_at(service, at.place(), at.line, conflict);
    }

    /// The same, of a place where no name is mentioned.
    pub(super) fn report_at(
        &mut self,
        service: &str,
        file: PathBuf,
        line: u32,
        conflict: &Conflict,
    ) {
        let place = FaultPlace { service: Some(service.to_owned()), file, line };
        self.all.push(Fault::new(place, conflict));
    }

    /// The same, unless the name there is known to be wrong by itself.
    pub(super) fn report_of(&mut self, service: &str, at: &Reference, conflict: &Conflict) {
        if !self.broken.contains_key(&at.name) {
            self.report(service, at, conflict);
        }
    }

    /// `service` mentions a name that nothing has: `conflict` of what was meant, perhaps.
    pub(super) fn undefined(
        &mut self,
        graph: &Graph,
        service: &str,
        at: &Reference,
        conflict: impl FnOnce(Option<String>) -> Conflict,
    ) {
        if !self.broken.contains_key(&at.name) {
            let meant = self.meant(graph, &at.name);
            self.report(service, at, &conflict(meant));
        }
    }

    /// All of them, in the order in which they were found.
    pub(super) fn into_all(self) -> Vec<Fault> {
        self.all
    }

    /// The name most like this one, if there is one that could have been meant: whether what has
    /// it is as it should be is another matter.
    fn meant(&mut self, graph: &Graph, name: &str) -> Option<String> {
        self.suggestions = self.suggestions.checked_sub(1)?;
        let broken = self.broken.keys().map(String::as_str);
        similar(name, graph.names().chain(broken)).map(str::to_owned)
    }
}
