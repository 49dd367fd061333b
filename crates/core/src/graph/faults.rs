//! Collects the faults of a tree while it is resolved.

use super::{Conflict, Graph};
use crate::definition::{Definition, Fault, FaultPlace, Reference, similar};
use litemap::LiteMap;
use std::path::PathBuf;

/// The faults that were found so far.
pub(super) struct Faults<'a> {
    all: Vec<Fault>,
    /// Names that are wrong, or missing, for a reason that has been reported: no fault is reported
    /// that only follows from it.
    broken: &'a LiteMap<String, ()>,
    /// For how many more undefined names a similar one is looked for: each time that means
    /// comparing all names.
    suggestions: u32,
    /// What is said now was said before, of another instance.
    is_repeated: bool,
}

impl<'a> Faults<'a> {
    /// No faults yet.
    pub(super) fn new(broken: &'a LiteMap<String, ()>) -> Self {
        Self { all: Vec::new(), broken, suggestions: 50, is_repeated: false }
    }

    /// From now on it is about this service. What is wrong with instances is said of the first.
    pub(super) fn begin(&mut self, definition: Option<&Definition>) {
        let instance = definition.and_then(Definition::instance);
        self.is_repeated = instance.is_some_and(|instance| instance.number > 1);
    }

    /// Reports a fault of `service`, at this reference.
    pub(super) fn report(&mut self, service: &str, at: &Reference, conflict: &Conflict) {
        self.report_at(service, at.place(), at.line, conflict);
    }

    /// The same for a place that mentions no name.
    pub(super) fn report_at(
        &mut self,
        service: &str,
        file: PathBuf,
        line: u32,
        conflict: &Conflict,
    ) {
        if !self.is_repeated {
            let place = FaultPlace { service: Some(service.to_owned()), file, line };
            self.all.push(Fault::new(place, conflict));
        }
    }

    /// The same, unless a fault of the name that is mentioned has been reported.
    pub(super) fn report_of(&mut self, service: &str, at: &Reference, conflict: &Conflict) {
        if !self.broken.contains_key(&at.name) {
            self.report(service, at, conflict);
        }
    }

    /// Reports that `service` mentions a name that does not exist. `conflict` gets the name that
    /// was probably meant.
    pub(super) fn undefined(
        &mut self,
        graph: &Graph,
        service: &str,
        at: &Reference,
        conflict: impl FnOnce(Option<String>) -> Conflict,
    ) {
        if !self.is_repeated && !self.broken.contains_key(&at.name) {
            let meant = self.meant(graph, &at.name);
            self.report(service, at, &conflict(meant));
        }
    }

    /// All of them, in the order in which they were found.
    pub(super) fn into_all(self) -> Vec<Fault> {
        self.all
    }

    /// The most similar name, if one is similar enough. Names of definitions with faults count,
    /// too.
    fn meant(&mut self, graph: &Graph, name: &str) -> Option<String> {
        self.suggestions = self.suggestions.checked_sub(1)?;
        let broken = self.broken.keys().map(String::as_str);
        similar(name, graph.names().chain(broken)).map(str::to_owned)
    }
}
