//! What the init that runs here has: its tree, and the state of each service.

use super::CommandFailure;
use super::arguments::{Argument, GivenArguments};
use super::known::Known;
use crate::format::request::{Answer, BootTimes, CONTROL, JournalPage, Request};
use crate::graph::Graph;
use crate::tools::Environment;
use crate::tools::s6_rc::conversation;
use crate::tools::s6_rc::live::{self, Trouble};
use litemap::LiteMap;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use std::path::PathBuf;

impl From<Trouble> for CommandFailure {
    fn from(trouble: Trouble) -> Self {
        Self { code: trouble.code.into(), text: trouble.text }
    }
}

/// Where the init keeps what changes.
pub(super) fn run_directory() -> PathBuf {
    Environment::inherited().rundir()
}

/// The live directory of the services.
pub(super) fn directory() -> PathBuf {
    run_directory().join("s6-rc")
}

/// The tree that runs; `None`: there is no such init, or it has none.
pub(super) fn tree() -> Option<Graph> {
    open_tree().ok()
}

/// The tree that runs, or why there is none.
pub(super) fn open_tree() -> Result<Graph, CommandFailure> {
    must_run()?;
    Ok(live::open(&directory().join("compiled"))?)
}

/// Says so in plain words where no init keeps services, or not for this user; exit 111.
fn must_run() -> Result<(), CommandFailure> {
    let socket = run_directory().join(CONTROL);
    let shown = socket.display();
    let text = match access(&socket, AccessFlags::W_OK) {
        Ok(()) => return Ok(()),
        Err(Errno::ENOENT) => format!("no init runs here: there is no {shown}"),
        Err(Errno::EACCES) => {
            format!("unable to ask PID 1 at {shown}: only root and the user of /init may")
        }
        Err(e) => return Err(CommandFailure::system(format!("ask PID 1 at {shown}"), e)),
    };
    Err(CommandFailure { code: 111, text })
}

/// Asks the init for something that it answers at once.
fn ask(request: &Request) -> Result<Answer, CommandFailure> {
    must_run()?;
    Ok(conversation::ask(&directory(), request)?)
}

/// All that is known of every service.
pub(super) fn all() -> Result<Vec<Known>, CommandFailure> {
    let (mut all, mut next) = (Vec::new(), Some(0));
    while let Some(from) = next {
        let Answer::Status(page) = ask(&Request::Status(from))? else {
            return Err(conversation::unexpected().into());
        };
        next = page.next;
        all.extend(page.services.into_iter().map(Known::from));
    }
    Ok(all)
}

/// What took how long at boot.
pub(super) fn boot_times() -> Result<BootTimes, CommandFailure> {
    match ask(&Request::Timing)? {
        Answer::Timing(times) => Ok(times),
        _ => Err(conversation::unexpected().into()),
    }
}

/// What the init remembers of itself, from this entry on.
pub(super) fn journal(from: u64) -> Result<JournalPage, CommandFailure> {
    match ask(&Request::Journal(from))? {
        Answer::Journal(page) => Ok(page),
        _ => Err(conversation::unexpected().into()),
    }
}

/// The argument that names services and bundles.
pub(super) const fn names_argument(help: &'static str) -> Argument {
    Argument::word("service", "SERVICE", help).many()
}

/// The same, where there must be some.
pub(super) const fn some_names_argument(help: &'static str) -> Argument {
    names_argument(help).required()
}

/// The names that were given.
pub(super) fn names(arguments: &GivenArguments) -> Vec<String> {
    arguments.texts("service").map(str::to_owned).collect()
}

/// The services that the names stand for, bundles resolved; all of them if there is no name. A
/// name that nothing has exits 3.
pub(super) fn select(names: &[String]) -> Result<Vec<Known>, CommandFailure> {
    let mut all = all()?;
    if !names.is_empty() {
        // Without a database, names of services are known from PID 1, and only bundles are not.
        let chosen = resolve(names, &all, &tree().unwrap_or_default())?;
        all.retain(|known| chosen.contains_key(&known.name));
    }
    Ok(all)
}

/// The names of the services that names stand for.
pub(super) fn resolve(
    names: &[String],
    all: &[Known],
    graph: &Graph,
) -> Result<LiteMap<String, ()>, CommandFailure> {
    let mut chosen = LiteMap::new();
    for name in names {
        match graph.find(name) {
            Some(ids) => chosen.extend(ids.into_iter().map(|id| (graph.name(id).to_owned(), ()))),
            None if all.iter().any(|known| known.name == *name) => {
                chosen.insert(name.clone(), ());
            }
            None => {
                let others = all.iter().map(|known| known.name.as_str());
                return Err(CommandFailure::unknown(name, graph.names().chain(others)));
            }
        }
    }
    Ok(chosen)
}
