//! Which definitions take part in a tree: `if-env`, `SIXTREE_DISABLE` and `SIXTREE_ENABLE`.
//!
//! It is decided once, before the graph is made. What is off is not in the graph, nor in the
//! database of the tree: nothing can start it by mistake. A service that depends on something that
//! is off is off as well. A bundle loses the members that are off, which does not affect the
//! services that depend on the bundle. In a pipeline, a producer whose consumer is off writes to
//! the same place as a service without a consumer; a consumer whose producers are all off has
//! nothing to read, and is off, too.

use super::condition::Lookup;
use super::{Definition, Fault, FaultPlace, Kind, Problem, Reference, similar};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What decides.
pub struct PresenceSwitches<'a> {
    lookup: Lookup<'a>,
    /// `SIXTREE_DISABLE`
    disabled: Vec<String>,
    /// `SIXTREE_ENABLE`
    enabled: Vec<String>,
}

/// The variables that override `if-env`.
const DISABLE: &str = "SIXTREE_DISABLE";
const ENABLE: &str = "SIXTREE_ENABLE";

impl<'a> PresenceSwitches<'a> {
    /// What the container's variables say.
    pub fn of(lookup: Lookup<'a>) -> Self {
        let list = |variable| {
            let text = lookup(variable).unwrap_or_default();
            let words = text.split(|b| b.is_ascii_whitespace() || *b == b',');
            let words = words.filter(|word| !word.is_empty());
            words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
        };
        Self { lookup, disabled: list(DISABLE), enabled: list(ENABLE) }
    }

    /// Why a definition is off by itself.
    fn failure(&self, definition: &Definition) -> Option<String> {
        let name = &definition.name;
        if self.disabled.contains(name) {
            return Some(DISABLE.to_owned());
        }
        if definition.if_env.is_empty() || self.enabled.contains(name) {
            return None;
        }
        let failure = definition.if_env.iter().find_map(|c| c.failure(self.lookup))?;
        Some(format!("{failure} (if-env)"))
    }

    /// A warning for each name that nothing has.
    fn unknown(&self, definitions: &[Definition]) -> Vec<Fault> {
        let lists = [(DISABLE, &self.disabled), (ENABLE, &self.enabled)];
        let names = || {
            let named = definitions.iter().map(|definition| definition.name.as_str());
            named.chain(definitions.iter().filter_map(pipeline_name))
        };
        let unknown = lists.into_iter().flat_map(|(variable, list)| {
            let unknown = list.iter().filter(|name| !names().any(|known| known == *name));
            unknown.map(move |name| (variable, name))
        });
        let fault = |(variable, name): (&str, &String)| {
            let meant = similar(name, names()).map(str::to_owned);
            let place = FaultPlace { service: None, file: PathBuf::from(variable), line: 0 };
            Fault::new(place, &UnknownName { name: name.clone(), meant })
        };
        unknown.map(fault).collect()
    }
}

/// A name in `SIXTREE_DISABLE` or `SIXTREE_ENABLE` that nothing has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no service or bundle is called {}", name.escape_debug())]
struct UnknownName {
    name: String,
    meant: Option<String>,
}

impl Problem for UnknownName {
    fn code(&self) -> &'static str {
        "W007"
    }
    fn remedy(&self) -> String {
        let meant = self.meant.as_ref().map(|meant| format!("did you mean {meant}?"));
        meant.unwrap_or_else(|| "remove it".to_owned())
    }
}

/// A service or bundle that does not take part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Off {
    /// Its name.
    pub name: String,
    /// `longrun`, `oneshot` or `bundle`.
    pub kind: &'static str,
    /// Why: `RUN_WORKER=0 (if-env)`.
    pub why: String,
    /// What it would have brought along: members of a bundle, dependencies of a service.
    pub mentions: Vec<String>,
}

/// What was decided about definitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// What does not take part.
    pub off: Vec<Off>,
    /// A warning for each name that was switched, and that nothing has.
    pub unknown: Vec<Fault>,
}

/// Takes what is off out of the definitions, with every mention of it.
pub fn decide(definitions: &mut Vec<Definition>, switches: &PresenceSwitches<'_>) -> Presence {
    let mut presence = Presence { off: Vec::new(), unknown: switches.unknown(definitions) };
    let has_conditions = definitions.iter().any(|definition| !definition.if_env.is_empty());
    if !has_conditions && switches.disabled.is_empty() {
        return presence;
    }
    let off = find(definitions, switches);
    if !off.is_empty() {
        replace_pipelines(definitions, &off);
        definitions.retain(|definition| match off.get(&definition.name) {
            Some(why) => {
                presence.off.push(Off::new(definition, why));
                false
            }
            None => true,
        });
        definitions.iter_mut().for_each(|definition| forget(definition, &off));
    }
    definitions.iter_mut().for_each(|definition| definition.if_env = Vec::new());
    presence
}

/// Names that are off, and why.
type Reasons = BTreeMap<String, String>;

/// Finds what is off: by itself, and because of others.
fn find(definitions: &[Definition], switches: &PresenceSwitches<'_>) -> Reasons {
    let mut off = Reasons::new();
    for definition in definitions {
        if let Some(why) = switches.failure(definition) {
            off.insert(definition.name.clone(), why);
        }
        // The name of a pipeline stands for all its services.
        let pipeline = pipeline_name(definition).filter(|name| switches.disables(name));
        if let Some(pipeline) = pipeline {
            let members = pipeline_members(definitions, definition);
            let members = members.into_iter().chain([pipeline, &definition.name]);
            off.extend(members.map(|name| (name.to_owned(), DISABLE.to_owned())));
        }
    }
    let mut mentioning: BTreeMap<&str, Vec<&Definition>> = BTreeMap::new();
    for definition in definitions {
        for at in dependencies(definition).iter().chain(producers(definition)) {
            mentioning.entry(&at.name).or_default().push(definition);
        }
    }
    let mut news: Vec<String> = off.keys().cloned().collect();
    while let Some(name) = news.pop() {
        for other in mentioning.get(name.as_str()).into_iter().flatten() {
            let needs = dependencies(other).iter().any(|at| at.name == name);
            let starves = || producers(other).iter().all(|at| off.contains_key(&at.name));
            let verb = match needs {
                true => "needs",
                false if starves() => "reads",
                false => continue,
            };
            if !off.contains_key(&other.name) {
                off.insert(other.name.clone(), format!("{verb} {name}, which is off"));
                news.push(other.name.clone());
            }
        }
    }
    off
}

impl PresenceSwitches<'_> {
    fn disables(&self, name: &str) -> bool {
        self.disabled.iter().any(|disabled| disabled == name)
    }
}

/// Where the last consumer of a pipeline is off, and the pipeline's name is not, that still stands
/// for the services that are left.
fn replace_pipelines(definitions: &mut Vec<Definition>, off: &Reasons) {
    let is_left = |name: &&str| !off.contains_key(*name);
    let replaced = definitions.iter().filter(|definition| off.contains_key(&definition.name));
    let bundles = replaced.filter_map(|last| {
        let name = pipeline_name(last).filter(is_left)?;
        let members = pipeline_members(definitions, last).into_iter().filter(is_left);
        Some(Definition::new(name, Kind::Bundle(members.map(Reference::to).collect())))
    });
    let bundles: Vec<_> = bundles.collect();
    definitions.extend(bundles);
}

/// The names of the services whose output comes to a consumer in the end.
fn pipeline_members<'d>(definitions: &'d [Definition], last: &'d Definition) -> Vec<&'d str> {
    let mut all: BTreeSet<&str> = BTreeSet::new();
    let mut next = vec![last];
    while let Some(consumer) = next.pop() {
        for at in producers(consumer) {
            if all.insert(&at.name) {
                next.extend(definitions.iter().find(|definition| definition.name == at.name));
            }
        }
    }
    all.into_iter().collect()
}

impl Off {
    /// A definition that does not take part, for this reason.
    pub fn new(definition: &Definition, why: &str) -> Self {
        let mentions = match &definition.kind {
            Kind::Bundle(contents) => contents,
            Kind::Oneshot(_) | Kind::Longrun(_) => dependencies(definition),
        };
        Self {
            name: definition.name.clone(),
            kind: definition.kind.name(),
            why: why.to_owned(),
            mentions: mentions.iter().map(|at| at.name.clone()).collect(),
        }
    }
}

/// Removes every mention of what is off. None of them can be a dependency: what depends on
/// something that is off is off itself.
fn forget(definition: &mut Definition, off: &Reasons) {
    let stays = |at: &Reference| !off.contains_key(&at.name);
    match &mut definition.kind {
        Kind::Bundle(contents) => contents.retain(stays),
        Kind::Oneshot(_) => {}
        Kind::Longrun(longrun) => {
            longrun.producer_for.take_if(|at| !stays(at));
            longrun.consumer_for.retain(stays);
        }
    }
}

fn dependencies(definition: &Definition) -> &[Reference] {
    definition.atomic().map_or(&[], |atomic| &atomic.dependencies)
}

fn producers(definition: &Definition) -> &[Reference] {
    match &definition.kind {
        Kind::Longrun(longrun) => &longrun.consumer_for,
        Kind::Oneshot(_) | Kind::Bundle(_) => &[],
    }
}

fn pipeline_name(definition: &Definition) -> Option<&str> {
    match &definition.kind {
        Kind::Longrun(longrun) => longrun.pipeline_name.as_ref().map(|at| at.name.as_str()),
        Kind::Oneshot(_) | Kind::Bundle(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Atomic, Longrun, Oneshot, parse};
    use crate::graph::Graph;

    fn references(names: &str) -> Vec<Reference> {
        names.split_whitespace().map(Reference::to).collect()
    }
    fn on_condition(lines: &str, definition: Definition) -> Definition {
        let if_env = lines.lines().map(|line| parse::condition(line.as_bytes()).unwrap());
        Definition { if_env: if_env.collect(), ..definition }
    }
    fn oneshot(name: &str, needs: &str) -> Definition {
        let atomic = Atomic { dependencies: references(needs), ..Atomic::default() };
        Definition::new(name, Kind::Oneshot(Oneshot { atomic, ..Oneshot::default() }))
    }
    fn longrun(name: &str, to: &str, from: &str) -> Definition {
        let longrun = Longrun {
            producer_for: references(to).pop(),
            consumer_for: references(from),
            pipeline_name: (to.is_empty() && !from.is_empty()).then(|| Reference::to("pipeline")),
            ..Longrun::default()
        };
        Definition::new(name, Kind::Longrun(longrun))
    }
    fn bundle(name: &str, members: &str) -> Definition {
        Definition::new(name, Kind::Bundle(references(members)))
    }
    /// What is off and why, a line each, and the names that are left.
    fn decided(mut all: Vec<Definition>, env: &[(&str, &str)]) -> (String, String) {
        let lookup = |name: &str| {
            env.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes().to_vec())
        };
        let presence = decide(&mut all, &PresenceSwitches::of(&lookup));
        let off = presence.off.iter().map(|off| format!("{}: {}", off.name, off.why));
        let told = off.chain(presence.unknown.iter().map(ToString::to_string));
        let told = told.collect::<Vec<_>>().join("\n");
        let graph = Graph::new(all).unwrap();
        (told, graph.names().collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_needs_it_is_off_and_a_bundle_does_without_it() {
        let all = || {
            vec![
                on_condition("RUN_WORKER\n!QUIET", oneshot("worker", "")),
                oneshot("report", "worker"),
                oneshot("mail", "report"),
                oneshot("web", "all"),
                bundle("all", "worker report"),
            ]
        };
        let (told, left) = decided(all(), &[("RUN_WORKER", "0")]);
        let expected = "worker: RUN_WORKER=0 (if-env)\nreport: needs worker, which is off\n\
                        mail: needs report, which is off";
        assert_eq!((told.as_str(), left.as_str()), (expected, "all web"));
        let (told, left) = decided(all(), &[("RUN_WORKER", "1")]);
        assert_eq!((told.as_str(), left.as_str()), ("", "all mail report web worker"));
        let (told, _) = decided(all(), &[("RUN_WORKER", "1"), ("QUIET", "1")]);
        assert!(told.starts_with("worker: QUIET is set (if-env)"), "{told}");
    }

    #[test]
    fn a_bundle_that_is_off_is_gone_from_others_and_its_members_stay() {
        let all = vec![
            on_condition("X", bundle("x", "a")),
            bundle("user", "x b"),
            oneshot("a", ""),
            oneshot("b", ""),
            oneshot("c", "x"),
        ];
        let (told, left) = decided(all, &[]);
        assert_eq!(told, "x: X is not set (if-env)\nc: needs x, which is off");
        assert_eq!(left, "a b user");
    }

    #[test]
    fn variables_override_conditions_and_an_unknown_name_is_reported() {
        let all = || vec![on_condition("A", oneshot("svc-a", "")), oneshot("svc-b", "")];
        let (told, left) = decided(all(), &[("SIXTREE_ENABLE", "svc-a,svc-c")]);
        let expected = "SIXTREE_ENABLE: no service or bundle is called svc-c; \
                        did you mean svc-a? [W007]";
        assert_eq!((told.as_str(), left.as_str()), (expected, "svc-a svc-b"));
        let both = [("SIXTREE_DISABLE", " svc-a\tsvc-b,"), ("SIXTREE_ENABLE", "svc-a")];
        let (told, left) = decided(all(), &both);
        assert_eq!(told, "svc-a: SIXTREE_DISABLE\nsvc-b: SIXTREE_DISABLE");
        assert_eq!(left, "");
    }

    #[test]
    fn a_pipeline_with_one_end_off_goes_on_where_that_makes_sense() {
        let all = || {
            vec![
                longrun("web", "log", ""),
                longrun("api", "log", ""),
                longrun("log", "", "web api"),
                bundle("user", "pipeline"),
            ]
        };
        let off = |names: &str| decided(all(), &[("SIXTREE_DISABLE", names)]);
        let (told, left) = off("log");
        assert_eq!(
            (told.as_str(), left.as_str()),
            ("log: SIXTREE_DISABLE", "api pipeline user web")
        );
        let (told, left) = off("web");
        assert_eq!(
            (told.as_str(), left.as_str()),
            ("web: SIXTREE_DISABLE", "api log pipeline user")
        );
        let (told, left) = off("web api");
        assert!(told.ends_with("log: reads web, which is off"), "{told}");
        assert_eq!(left, "pipeline user");
        let (told, left) = off("pipeline");
        assert_eq!(told.lines().count(), 3);
        assert_eq!(left, "user");
    }

    #[test]
    fn a_tree_without_conditions_stays_as_it_is() {
        let all = vec![oneshot("a", "b"), oneshot("b", "")];
        let mut decided = all.clone();
        let presence = decide(&mut decided, &PresenceSwitches::of(&|_| None));
        assert_eq!((presence, decided), (Presence::default(), all));
    }
}
