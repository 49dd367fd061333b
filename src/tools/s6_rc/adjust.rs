//! What a switch from one database to another asks for: which services stop before it, and which
//! start after it. Reference: s6-rc-update's page.

use crate::graph::{Direction, Graph, ServiceId};
use litemap::LiteMap;
use std::collections::BTreeSet;

/// A line of a conversion file: `OLD [-> NEW] [restart]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conversion {
    /// The name in the new database (of a service, or of a bundle), where that is another.
    pub new: Option<String>,
    /// It must be restarted.
    pub restart: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Adjustment {
    /// Services of the old database that must be down before the switch.
    pub stop: Vec<String>,
    /// Services of the new database that are to be up after it.
    pub start: Vec<String>,
    /// Services that keep their state under another name: old and new.
    pub renamed: Vec<(String, String)>,
}

/// Why there is no way from one database to the other; the exit code, and the words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Impossible {
    /// Exit code 4.
    #[error("bad conversion file: new service {0} is undefined in the new database")]
    Undefined(String),
    /// Exit code 6.
    #[error(
        "unable to convert database: new service {new} is a target for more than one conversion, \
         including old service {old}"
    )]
    Twice {
        /// The new service.
        new: String,
        /// The last of the old ones.
        old: String,
    },
}

/// Works out what is to be done. `up` are the services of the old database that are up.
pub(super) fn adjust(
    old: &Graph,
    up: &BTreeSet<ServiceId>,
    conversions: &LiteMap<ServiceId, Conversion>,
    new: &Graph,
) -> Result<Adjustment, Impossible> {
    let images = Images::find(old, conversions, new)?;
    let asked = conversions.iter().filter(|(_, c)| c.restart).map(|(id, _)| *id);
    let mut restarted: BTreeSet<ServiceId> = asked.collect();
    restarted.extend(old.ids().filter(|id| images.changes_type(*id, old, new)));
    loop {
        // What restarts or disappears stops, and with it all that depends on it.
        let leaves = |id: &ServiceId| restarted.contains(id) || !images.remains(*id);
        let leaving: Vec<_> = up.iter().copied().filter(leaves).collect();
        let stop: BTreeSet<_> = old.closure(&leaving, Direction::Down).into_iter().collect();
        let stop: BTreeSet<_> = stop.intersection(up).copied().collect();
        let staying: BTreeSet<_> = up.difference(&stop).flat_map(|id| images.of(*id)).collect();
        let stopped = stop.iter().flat_map(|id| images.of(*id));

        // What needs a service that is not up any more, or not yet, must restart, too.
        let wanted: Vec<_> = staying.iter().copied().chain(stopped).collect();
        let needed = new.closure(&wanted, Direction::Up);
        let missing: Vec<_> = needed.into_iter().filter(|id| !staying.contains(id)).collect();
        let affected = new.closure(&missing, Direction::Down);
        let more: Vec<_> = affected.into_iter().filter(|id| staying.contains(id)).collect();
        if more.is_empty() {
            return Ok(images.adjustment(old, new, &stop));
        }
        restarted.extend(more.into_iter().filter_map(|id| images.origin.get(&id)));
    }
}

/// What each old service is in the new database.
struct Images {
    /// By old service; absent where it disappears.
    of: LiteMap<ServiceId, Vec<ServiceId>>,
    /// Old services that are one service in the new database, not several.
    single: BTreeSet<ServiceId>,
    /// By new service: the old one.
    origin: LiteMap<ServiceId, ServiceId>,
}

impl Images {
    fn find(
        old: &Graph,
        conversions: &LiteMap<ServiceId, Conversion>,
        new: &Graph,
    ) -> Result<Self, Impossible> {
        let mut images =
            Self { of: LiteMap::new(), single: BTreeSet::new(), origin: LiteMap::new() };
        for id in old.ids() {
            let converted = conversions.get(&id).and_then(|c| c.new.as_deref());
            let name = converted.unwrap_or(old.name(id));
            let Some(image) = new.find(name) else {
                match converted {
                    Some(name) => return Err(Impossible::Undefined(name.to_owned())),
                    None => continue,
                }
            };
            for service in &image {
                if images.origin.insert(*service, id).is_some() {
                    let new = new.name(*service).to_owned();
                    return Err(Impossible::Twice { new, old: old.name(id).to_owned() });
                }
            }
            images.single.extend(new.service(name).map(|_| id));
            images.of.insert(id, image);
        }
        Ok(images)
    }

    fn of(&self, id: ServiceId) -> impl Iterator<Item = ServiceId> {
        self.of.get(&id).into_iter().flatten().copied()
    }
    /// Whether an old service is one service in the new database.
    fn remains(&self, id: ServiceId) -> bool {
        self.single.contains(&id)
    }
    fn changes_type(&self, id: ServiceId, old: &Graph, new: &Graph) -> bool {
        self.of(id).any(|image| new.is_longrun(image) != old.is_longrun(id))
    }

    fn adjustment(&self, old: &Graph, new: &Graph, stop: &BTreeSet<ServiceId>) -> Adjustment {
        let start: BTreeSet<_> = stop.iter().flat_map(|id| self.of(*id)).collect();
        let pair = |id: ServiceId| {
            let image = self.of(id).next().filter(|_| self.remains(id))?;
            (old.name(id) != new.name(image))
                .then(|| (old.name(id).to_owned(), new.name(image).to_owned()))
        };
        Adjustment {
            stop: stop.iter().map(|id| old.name(*id).to_owned()).collect(),
            start: start.into_iter().map(|id| new.name(id).to_owned()).collect(),
            renamed: old.ids().filter_map(pair).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Atomic, Definition, Kind, Longrun, Oneshot, Reference};

    fn atomic(needs: &str) -> Atomic {
        let dependencies = needs.split_whitespace().map(Reference::to).collect();
        Atomic { dependencies, ..Atomic::default() }
    }
    fn oneshot(name: &str, needs: &str) -> Definition {
        let oneshot = Oneshot { atomic: atomic(needs), ..Oneshot::default() };
        Definition::new(name, Kind::Oneshot(oneshot))
    }
    fn longrun(name: &str, needs: &str) -> Definition {
        let longrun = Longrun { atomic: atomic(needs), ..Longrun::default() };
        Definition::new(name, Kind::Longrun(longrun))
    }
    fn bundle(name: &str, members: &str) -> Definition {
        let members = members.split_whitespace().map(Reference::to).collect();
        Definition::new(name, Kind::Bundle(members))
    }

    /// The adjustment as text: what stops, and what starts.
    fn adjusted(
        old: Vec<Definition>,
        up: &str,
        conversions: &[(&str, Option<&str>, bool)],
        new: Vec<Definition>,
    ) -> String {
        let (old, new) = (Graph::new(old).unwrap(), Graph::new(new).unwrap());
        let up = up.split_whitespace().map(|name| old.service(name).unwrap()).collect();
        let convert = |(name, new, restart): &(&str, Option<&str>, bool)| {
            let new = new.map(str::to_owned);
            (old.service(name).unwrap(), Conversion { new, restart: *restart })
        };
        match adjust(&old, &up, &conversions.iter().map(convert).collect(), &new) {
            Ok(a) => {
                let renamed: Vec<_> = a.renamed.iter().map(|(o, n)| format!("{o}>{n}")).collect();
                [a.stop.join(" "), a.start.join(" "), renamed.join(" ")].join("|")
            }
            Err(e) => e.to_string(),
        }
    }

    fn tree() -> Vec<Definition> {
        vec![longrun("db", ""), longrun("web", "db migrate"), oneshot("migrate", "db")]
    }

    #[test]
    fn what_did_not_change_goes_on() {
        assert_eq!(adjusted(tree(), "db web migrate", &[], tree()), "||");
    }

    #[test]
    fn what_disappears_stops_with_its_dependents() {
        let new = vec![longrun("db", ""), longrun("web", "db")];
        assert_eq!(adjusted(tree(), "db web migrate", &[], new), "web migrate|web|");
        assert_eq!(adjusted(tree(), "db", &[], vec![longrun("db", "")]), "||");
    }

    #[test]
    fn another_type_or_the_word_restart_restarts() {
        let new = vec![longrun("db", ""), longrun("web", "db migrate"), longrun("migrate", "db")];
        assert_eq!(adjusted(tree(), "db web migrate", &[], new), "web migrate|web migrate|");
        let all = "db web migrate|db web migrate|";
        assert_eq!(adjusted(tree(), "db web migrate", &[("db", None, true)], tree()), all);
        assert_eq!(adjusted(tree(), "", &[("db", None, true)], tree()), "||");
    }

    #[test]
    fn a_new_dependency_restarts_what_needs_it() {
        let new = [tree(), vec![oneshot("schema", "")]].concat();
        let mut needs = new.clone();
        needs[2] = oneshot("migrate", "db schema");
        assert_eq!(adjusted(tree(), "db web migrate", &[], new), "||");
        assert_eq!(adjusted(tree(), "db web migrate", &[], needs), "web migrate|web migrate|");
    }

    #[test]
    fn a_new_name_keeps_the_state_and_a_bundle_takes_it_over() {
        let new =
            vec![longrun("sql", ""), longrun("web", "sql migrate"), oneshot("migrate", "sql")];
        let db = [("db", Some("sql"), false)];
        assert_eq!(adjusted(tree(), "db web migrate", &db, new), "||db>sql");
        let new = vec![longrun("a", ""), longrun("b", ""), bundle("both", "a b")];
        let conversion = [("db", Some("both"), false)];
        assert_eq!(adjusted(vec![longrun("db", "")], "db", &conversion, new), "db|a b|");
    }

    #[test]
    fn conversions_that_make_no_sense_are_refused() {
        let nothing = [("db", Some("zz"), false)];
        assert!(adjusted(tree(), "", &nothing, tree()).contains("new service zz is undefined"));
        let twice = [("db", Some("migrate"), false)];
        assert!(adjusted(tree(), "", &twice, tree()).contains("more than one conversion"));
    }
}
