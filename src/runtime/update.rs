//! Switches to another database once the services that have to stop have stopped: the part of
//! s6-rc-update that PID 1 does. Reference: its page.

use super::Runtime;
use super::live::{LiveTree, make_down};
use super::servicedir::{LiveError, at, refresh};
use crate::definition::{Definition, Fault, Kind, Longrun, MOST_INSTANCES, database};
use crate::engine::NotReplaced;
use crate::format::request::{Answer, Outcome, Update};
use crate::graph::{Graph, ServiceId};
use crate::sys::remove;
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Why the switch was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotUpdated {
    #[error("invalid service database in {}: {why}", .database.display())]
    Invalid { database: PathBuf, why: String },
    #[error("a change is under way")]
    Busy,
    #[error("service {0} is not in the new database, and not down")]
    Up(String),
    #[error("{0} has no instances: it is no longrun with a file of that name")]
    NoInstances(String),
    #[error("{0} instances are more than the {MOST_INSTANCES} that there may be")]
    TooMany(u32),
    #[error("the tree was changed, but unable to write {}: {why}", .file.display())]
    Unwritten { file: PathBuf, why: String },
    #[error(transparent)]
    Live(#[from] LiveError),
}

/// A longrun's directory on its way from one tree to the other.
struct Move {
    id: ServiceId,
    /// Its name in the old tree, if it was there.
    from: Option<String>,
    /// Its name in the new tree, if it is there.
    to: Option<String>,
}

impl Move {
    /// Whether the directory is under another name, or not at all, in the new tree.
    fn moves(&self) -> bool {
        self.from != self.to
    }
}

impl Runtime {
    pub(super) fn ask_update(&mut self, id: u32, update: &Update) {
        let updated = self.update(update);
        self.reply_to_update(id, updated);
    }

    pub(super) fn reply_to_update(&mut self, id: u32, updated: Result<(), NotUpdated>) {
        match updated {
            Ok(()) => self.reply(id, &Answer::Done(Outcome::Done)),
            Err(NotUpdated::Busy) => self.reply(id, &Answer::Done(Outcome::Busy)),
            Err(e @ NotUpdated::Invalid { .. }) => self.refuse(id, 4, &e.to_string()),
            Err(e @ (NotUpdated::NoInstances(_) | NotUpdated::TooMany(_))) => {
                self.refuse(id, 1, &e.to_string());
            }
            Err(e @ (NotUpdated::Up(_) | NotUpdated::Live(_) | NotUpdated::Unwritten { .. })) => {
                self.refuse(id, 111, &e.to_string());
            }
        }
    }

    fn update(&mut self, update: &Update) -> Result<(), NotUpdated> {
        let database = PathBuf::from(&update.database);
        let definitions = database::read(&database.join(database::FILE))
            .map_err(|e| NotUpdated::Invalid { database: database.clone(), why: e.to_string() })?;
        let graph = graph_of(&database, definitions, self.engine.graph(), &update.renamed)?;
        self.engine.can_replace(&graph).map_err(|e| self.not_updated(e))?;
        let live = LiveTree {
            root: self.settings.run_directory.join("s6-rc"),
            scan_directory: self.settings.scan_directory.clone(),
            database,
        };
        self.switch(&live, graph, true)?;
        Ok(live.make_current()?)
    }

    /// Goes on with another tree, for which there is room. `refreshes`: what stays gets new files.
    pub(super) fn switch(
        &mut self,
        live: &LiveTree,
        graph: Graph,
        refreshes: bool,
    ) -> Result<(), NotUpdated> {
        let moves = moves(self.engine.graph(), &graph);
        let mut left_out = Vec::new();
        let mut warn = |text: &str| left_out.push(text.to_owned());
        if refreshes {
            refresh_common(live, self.engine.graph(), &graph, &mut warn)?;
        }
        prepare(live, &moves, &graph, &mut warn)?;
        self.put_away(live, &moves)?;
        self.put_in_place(live, &moves, refreshes.then_some(&graph), &mut warn)?;
        for text in left_out {
            self.reporter.warn(&format!("s6-rc-update: warning: {text}"));
        }
        self.take_on(live, graph)?;
        for gone in moves.iter().filter(|m| m.to.is_none()) {
            // What is left there has no name that anything reads.
            let _ = remove::hierarchy(&parked(live, gone.id));
        }
        Ok(())
    }

    pub(super) fn not_updated(&self, e: NotReplaced) -> NotUpdated {
        match e {
            NotReplaced::Busy => NotUpdated::Busy,
            NotReplaced::Up(id) => NotUpdated::Up(self.engine.graph().name(id).to_owned()),
        }
    }

    /// Moves directories away from their names, which others may get.
    fn put_away(&mut self, live: &LiveTree, moves: &[Move]) -> Result<(), LiveError> {
        for moving in moves.iter().filter(|m| m.moves()) {
            let Some(name) = &moving.from else { continue };
            let link = live.scan_directory.join(name);
            remove::hierarchy(&link).map_err(std::io::Error::from).map_err(at(&link))?;
            self.rename(moving.id, &live.service_directory(name), parked(live, moving.id))?;
        }
        Ok(())
    }

    /// Moves directories to their names in the new tree, and renews the files of those that stay.
    fn put_in_place(
        &mut self,
        live: &LiveTree,
        moves: &[Move],
        fresh: Option<&Graph>,
        warn: &mut dyn FnMut(&str),
    ) -> Result<(), LiveError> {
        for moving in moves {
            let Some(name) = &moving.to else { continue };
            let directory = live.service_directory(name);
            if moving.moves() {
                self.rename(moving.id, &parked(live, moving.id), directory.clone())?;
                live.supervise(name)?;
            }
            if moving.from.is_some()
                && let Some((definition, longrun)) = fresh.and_then(|new| longrun(new, moving.id))
            {
                refresh(&source(live, definition), &directory, longrun, warn)?;
                if let Some(service) = self.services.get_mut(&moving.id) {
                    service.made_of = None;
                }
            }
        }
        Ok(())
    }

    /// Renames a live directory; its service, if there is one yet, goes along.
    fn rename(&mut self, id: ServiceId, from: &Path, to: PathBuf) -> Result<(), LiveError> {
        fs::rename(from, &to).map_err(at(&to))?;
        if let Some(service) = self.services.get_mut(&id) {
            service.directory = to;
        }
        Ok(())
    }

    /// Goes on with the new tree.
    fn take_on(&mut self, live: &LiveTree, graph: Graph) -> Result<(), NotUpdated> {
        self.services.working.forget();
        let former: BTreeSet<ServiceId> = self.engine.graph().ids().collect();
        for id in graph.ids() {
            let Some(definition) = graph.definition(id) else { continue };
            let fresh = || live.service(definition);
            let service = self.services.get_or_insert_with(id, fresh);
            service.name.clone_from(&definition.name);
            service.instance = definition.instance().map(|instance| instance.number);
        }
        let pairs: Vec<_> = graph.pipes().collect();
        let of_tree = |id| former.contains(&id) || graph.definition(id).is_some();
        self.pipelines.rewire(&pairs, &graph.consumers().collect::<Vec<_>>(), of_tree);
        let oneshots: Vec<_> =
            former.into_iter().filter(|id| graph.definition(*id).is_none()).collect();
        let now = self.now();
        self.engine.replace(now, graph).map_err(|e| self.not_updated(e))?;
        let mut events = VecDeque::new();
        self.obey(&mut events);
        self.feed_all(events);
        // Longruns that have gone were dropped already.
        oneshots.into_iter().for_each(|id| self.services.remove(id));
        Ok(())
    }
}

impl LiveTree {
    /// Makes `compiled` lead to the database.
    fn make_current(&self) -> Result<(), LiveError> {
        let (link, new) = (self.root.join("compiled"), self.root.join("compiled.new"));
        // Usually there is none.
        let _ = fs::remove_file(&new);
        symlink(&self.database, &new).map_err(at(&new))?;
        fs::rename(&new, &link).map_err(at(&link))
    }
}

/// The tree of a database, numbered after another one.
pub(super) fn graph_of(
    database: &Path,
    definitions: Vec<Definition>,
    old: &Graph,
    renamed: &[(String, String)],
) -> Result<Graph, NotUpdated> {
    let invalid = |faults: Vec<Fault>| NotUpdated::Invalid {
        database: database.to_owned(),
        why: faults.first().map(ToString::to_string).unwrap_or_default(),
    };
    Ok(Graph::new(definitions).map_err(invalid)?.numbered_after(old, renamed))
}

/// Replaces what instances have in common, where both trees have them, and removes it where only
/// the old one has: the name may be another service's.
fn refresh_common(
    live: &LiveTree,
    old: &Graph,
    new: &Graph,
    warn: &mut dyn FnMut(&str),
) -> Result<(), LiveError> {
    for template in old.definitions().filter(|definition| definition.instances().is_some()) {
        let common = live.service_directory(&template.name);
        let mut again = new.definitions().filter(|new| new.instances().is_some());
        match again.find(|new| new.name == template.name).map(|new| (new, &new.kind)) {
            Some((new, Kind::Longrun(longrun))) if common.is_dir() => {
                refresh(&source(live, new), &common, longrun, warn)?;
            }
            Some(_) => {}
            None => {
                remove::hierarchy(&common).map_err(std::io::Error::from).map_err(at(&common))?
            }
        }
    }
    Ok(())
}

/// The moves of the longruns of both trees.
fn moves(old: &Graph, new: &Graph) -> Vec<Move> {
    let ids: BTreeSet<ServiceId> = old.ids().chain(new.ids()).collect();
    let name = |graph: &Graph, id| longrun(graph, id).map(|(d, _)| d.name.clone());
    let one = |id| Move { id, from: name(old, id), to: name(new, id) };
    ids.into_iter().map(one).filter(|m| m.from.is_some() || m.to.is_some()).collect()
}

fn longrun(graph: &Graph, id: ServiceId) -> Option<(&Definition, &Longrun)> {
    let definition = graph.definition(id)?;
    match &definition.kind {
        Kind::Longrun(longrun) => Some((definition, longrun)),
        Kind::Oneshot(_) | Kind::Bundle(_) => None,
    }
}

/// Makes the directories of new longruns under other names, so that a failure changes nothing.
fn prepare(
    live: &LiveTree,
    moves: &[Move],
    graph: &Graph,
    warn: &mut dyn FnMut(&str),
) -> Result<(), LiveError> {
    let fresh = moves.iter().filter(|m| m.from.is_none()).map(|m| m.id);
    let make = |id| {
        let Some((definition, longrun)) = longrun(graph, id) else { return Ok(()) };
        make_down(&source(live, definition), &parked(live, id), longrun, warn)
    };
    let made = fresh.clone().try_for_each(make);
    if made.is_err() {
        for id in fresh {
            // As above: the error that led here is the one to report.
            let _ = remove::hierarchy(&parked(live, id));
        }
    }
    made
}

/// Where a longrun's files come from: the database's copy of them, if it has one.
fn source(live: &LiveTree, definition: &Definition) -> PathBuf {
    let name = definition.instance().map_or(&definition.name, |instance| &instance.of);
    let copy = live.database.join("servicedirs").join(name);
    if copy.is_dir() { copy } else { definition.directory.clone() }
}

/// Where a live directory is while it has no name.
fn parked(live: &LiveTree, id: ServiceId) -> PathBuf {
    live.service_directory(&format!(".s6-rc-update:{}", id.0))
}
