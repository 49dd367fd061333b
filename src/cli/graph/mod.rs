//! `sixtree graph`: the services of a tree, and what needs what.

mod layout;
mod notation;
mod svg;
mod text;

use super::arguments::{
    Argument, CommandSyntax, ENV, GivenArguments, LAYER, PROFILE, ValueKind, variables,
};
use super::check::report::Format;
use super::check::{self, CheckRequest};
use super::known::ServiceState;
use super::{CommandFailure, live, terminal};
use crate::graph::{Direction, Graph, ServiceId};
use crate::sys::fd;
use litemap::LiteMap;
use std::path::Path;

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("graph", "Draw the services of a tree, and what needs what")
        .notes(
            "Without --root, --source and --env it is the tree that runs here, with its states, \
             or else the one that would boot here. The svg leaves out what follows from the rest. \
             Exits 0 when it is drawn, 1 if the tree cannot be used, 2 if it cannot be looked at, \
             3 if a name is unknown.",
        )
        .takes(&[&[
            live::names_argument(
                "Only these services and bundles, and what they need [default: all]",
            ),
            Argument::option("format", "FORMAT", "How to draw it")
                .kind(ValueKind::OneOf(&["text", "mermaid", "dot", "svg", "json"]))
                .default("text"),
            Argument::flag("up", "What the services need").without("down"),
            Argument::flag("down", "What needs the services"),
            LAYER,
            Argument::path("root", "ROOT", "The tree of this image"),
            Argument::path(
                "source",
                "DIR",
                "The tree in this directory; may be given more than once",
            )
            .many(),
            PROFILE,
            ENV,
        ]])
        .runs(run);

/// What is to be drawn.
struct Picture<'g> {
    graph: &'g Graph,
    /// The services, in order.
    services: Vec<ServiceId>,
    /// Those that were asked for; empty: all.
    asked: Vec<ServiceId>,
    /// `Up`: what a service needs comes after it. `Down`: what needs it does.
    direction: Direction,
    /// What the services are doing, if an init runs.
    states: LiteMap<ServiceId, ServiceState>,
    /// What does not take part, and why.
    off: OffNames,
}

/// Names, each with the reason why it does not take part.
type OffNames = Vec<(String, String)>;

/// One service needs another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    dependent: ServiceId,
    dependency: ServiceId,
    /// It writes to the other.
    is_pipe: bool,
}

/// Draws; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let request = CheckRequest {
        directories: arguments.paths("source").map(Path::to_owned).collect(),
        root: arguments.path("root").map(Path::to_owned),
        profile: arguments.text("profile").map(str::to_owned),
        layer: arguments.get_flag("layer"),
        env: variables(arguments),
        user: None,
    };
    let is_here = request == CheckRequest::default();
    let running = if is_here { live::tree() } else { None };
    let is_running = running.is_some();
    let (graph, off) = match running {
        Some(graph) => (graph, live_off()),
        None => match check::resolve(&request)? {
            Ok((graph, off)) => (graph, off.into_iter().map(|off| (off.name, off.why)).collect()),
            Err(faults) => {
                fd::write_to_stderr(Format::Human.report(&faults).as_bytes());
                return Ok(1);
            }
        },
    };
    let mut picture = Picture::new(&graph, arguments, off)?;
    if is_running {
        picture.colour();
    }
    let drawn = match arguments.text("format").unwrap_or_default() {
        "mermaid" => notation::mermaid(&picture),
        "dot" => notation::dot(&picture),
        "json" => notation::json(&picture),
        "svg" => svg::draw(&picture),
        _ => text::draw(&picture, is_running && terminal::has_colours()),
    };
    Ok(super::print(&drawn))
}

/// What does not take part in the tree that runs, and why.
fn live_off() -> OffNames {
    let all = live::all().unwrap_or_default().into_iter();
    let off = all.filter(|known| known.state() == ServiceState::Off);
    off.map(|known| (known.name.clone(), known.why())).collect()
}

impl<'g> Picture<'g> {
    fn new(
        graph: &'g Graph,
        arguments: &GivenArguments,
        mut off: OffNames,
    ) -> Result<Self, CommandFailure> {
        // What the boot only left out is in the tree.
        off.retain(|(name, _)| graph.find(name).is_none());
        let direction = if arguments.get_flag("down") { Direction::Down } else { Direction::Up };
        let mut asked = Vec::new();
        for name in arguments.texts("service") {
            let unknown = || match off.iter().find(|(known, _)| known == name) {
                Some((_, why)) => CommandFailure { code: 3, text: format!("{name} is off: {why}") },
                None => CommandFailure::unknown(name, graph.names()),
            };
            asked.extend(graph.find(name).ok_or_else(unknown)?);
        }
        let all = !arguments.get_flag("service");
        let services = if all { graph.ids().collect() } else { graph.closure(&asked, direction) };
        Ok(Self { graph, services, asked, direction, states: LiteMap::new(), off })
    }

    /// Asks the running init for the states.
    fn colour(&mut self) {
        for known in live::all().unwrap_or_default() {
            self.states.extend(self.graph.service(&known.name).map(|id| (id, known.state())));
        }
    }

    /// Who needs whom, among the services of the picture.
    fn needs(&self) -> Vec<Need> {
        let of = |&dependent: &ServiceId| {
            let needs = self.graph.dependencies(dependent);
            let drawn = needs.filter(|id| self.services.binary_search(id).is_ok());
            drawn.map(move |dependency| Need {
                dependent,
                dependency,
                is_pipe: self.graph.consumer(dependent) == Some(dependency),
            })
        };
        self.services.iter().flat_map(of).collect()
    }

    /// Who goes after whom without needing it, among the services of the picture.
    fn orders(&self) -> Vec<(ServiceId, ServiceId)> {
        let of = |&later: &ServiceId| {
            let first = self.graph.first(later, Direction::Up);
            let drawn = first.filter(|id| self.services.binary_search(id).is_ok());
            drawn.map(move |first| (later, first))
        };
        self.services.iter().flat_map(of).collect()
    }

    /// `longrun` or `oneshot`.
    fn kind(&self, id: ServiceId) -> &'static str {
        if self.graph.is_longrun(id) { "longrun" } else { "oneshot" }
    }

    /// The word for the state of a service, if it is known.
    fn state(&self, id: ServiceId) -> Option<&'static str> {
        self.states.get(&id).map(|state| state.word())
    }
}

/// The colour that a service of this state is filled with.
fn fill(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Up => "#aceebb",
        ServiceState::Starting
        | ServiceState::Stopping
        | ServiceState::Waiting
        | ServiceState::Paused => "#fff8c5",
        ServiceState::Failed | ServiceState::Restarting | ServiceState::Flapping => "#ffcecb",
        ServiceState::Down | ServiceState::Off => "#eaeef2",
    }
}

#[cfg(test)]
mod tests {
    use super::super::arguments::parse;
    use super::*;
    use crate::definition::{Atomic, Definition, Kind, Longrun, Oneshot, Reference};

    /// Two longruns with a pipe between them, a third, and a oneshot before all.
    pub(super) fn web() -> Graph {
        let atomic = |needs: &[&str]| Atomic {
            dependencies: needs.iter().map(|name| Reference::to(name)).collect(),
            ..Atomic::default()
        };
        let longrun = |name, needs: &[&str], to: Option<&str>, from: &[&str]| {
            let longrun = Longrun {
                atomic: atomic(needs),
                producer_for: to.map(Reference::to),
                consumer_for: from.iter().map(|name| Reference::to(name)).collect(),
                ..Longrun::default()
            };
            Definition::new(name, Kind::Longrun(longrun))
        };
        Graph::new(vec![
            longrun("web", &["db", "init"], Some("web-log"), &[]),
            longrun("web-log", &["init"], None, &["web"]),
            longrun("a \"b\"<c>", &["init"], None, &[]),
            longrun("db", &["init"], None, &[]),
            Definition::new("init", Kind::Oneshot(Oneshot::default())),
        ])
        .unwrap()
    }

    pub(super) fn picture(graph: &Graph) -> Picture<'_> {
        let arguments = parse(&SYNTAX, Vec::new()).unwrap();
        Picture::new(graph, &arguments, Vec::new()).unwrap()
    }

    #[test]
    fn only_what_is_asked_for_is_drawn() {
        let graph = web();
        let draw = |words: &[&str]| {
            let arguments = parse(&SYNTAX, words.iter().map(Into::into).collect()).unwrap();
            Picture::new(&graph, &arguments, Vec::new()).map(|picture| picture.services.len())
        };
        assert_eq!(draw(&[]).unwrap(), 5);
        assert_eq!(draw(&["web-log"]).unwrap(), 2);
        assert_eq!(draw(&["--down", "web-log"]).unwrap(), 2);
        assert_eq!(draw(&["--down", "init"]).unwrap(), 5);
        assert!(draw(&["nothing"]).is_err());
    }
}
