//! Numbers the services of a tree that replaces another one.

use super::query::{node, service};
use super::resolve::connect;
use super::{Bundle, Graph, Referent, ServiceId, ServicePipes};
use litemap::LiteMap;
use petgraph::graph::Edge;

impl Graph {
    /// The same tree with other numbers. A service that `old` also has, with the same type, keeps
    /// its number; every other one gets a number that was never used. `renamed` holds old and new
    /// names.
    pub fn numbered_after(mut self, old: &Self, renamed: &[(String, String)]) -> Self {
        let mut numbers = Renumbering { of: Vec::new(), all: old.services.len() as u32 };
        let former: LiteMap<_, _> = renamed.iter().map(|(old, new)| (new, old)).collect();
        let lost: LiteMap<_, _> = renamed.iter().map(|(old, _)| (old, ())).collect();
        for definition in std::mem::take(&mut self.services) {
            let number = definition.as_ref().and_then(|definition| {
                let kept = (!lost.contains_key(&definition.name)).then_some(&definition.name);
                let name = former.get(&definition.name).copied().or(kept)?;
                (old.kind(name)? == definition.kind.name()).then(|| old.service(name))?
            });
            let number = numbers.give(number);
            let place = number.0 as usize;
            self.services.resize(self.services.len().max(place + 1), None);
            if let Some(free) = self.services.get_mut(place) {
                *free = definition;
            }
        }
        self.services.resize(numbers.all as usize, None);
        self.move_to(&numbers)
    }

    /// Moves everything but the definitions to the new numbers.
    fn move_to(mut self, numbers: &Renumbering) -> Self {
        let moved = |edge: &Edge<()>| {
            (numbers.now(service(edge.source())), numbers.now(service(edge.target())))
        };
        let pairs = self.edges.raw_edges().iter().map(moved).collect();
        self.edges = connect(numbers.all as usize, pairs);
        if self.has_order() {
            let pairs = self.order.raw_edges().iter().map(moved).collect();
            self.order = connect(numbers.all as usize, pairs);
        }
        for Bundle { members, .. } in &mut self.bundles {
            members.iter_mut().for_each(|id| *id = numbers.now(*id));
            members.sort_unstable();
        }
        for named in self.names.values_mut() {
            if let Referent::Service(id) = named {
                *id = numbers.now(*id);
            }
        }
        let mut pipes = vec![ServicePipes::default(); numbers.all as usize];
        for (former, ServicePipes { reads, consumer, producers }) in
            (0..).map(ServiceId).zip(self.pipes)
        {
            if let Some(place) = pipes.get_mut(node(numbers.now(former)).index()) {
                place.reads = reads;
                place.consumer = consumer.map(|id| numbers.now(id));
                place.producers = producers.into_iter().map(|id| numbers.now(id)).collect();
            }
        }
        self.pipes = pipes;
        self
    }
}

/// The new number of each service, by its former one.
struct Renumbering {
    of: Vec<ServiceId>,
    /// How many there are, used or not.
    all: u32,
}

impl Renumbering {
    /// Gives the next service this number, or a new one.
    fn give(&mut self, number: Option<ServiceId>) -> ServiceId {
        let number = number.unwrap_or_else(|| {
            self.all += 1;
            ServiceId(self.all - 1)
        });
        self.of.push(number);
        number
    }
    fn now(&self, former: ServiceId) -> ServiceId {
        self.of.get(former.0 as usize).copied().unwrap_or(former)
    }
}

#[cfg(test)]
mod tests {
    use crate::definition::{Atomic, Definition, Kind, Longrun, Oneshot, Reference};
    use crate::graph::{Direction, Graph, ServiceId};

    fn references(names: &str) -> Vec<Reference> {
        names.split_whitespace().map(Reference::to).collect()
    }
    fn oneshot(name: &str, needs: &str) -> Definition {
        let atomic = Atomic { dependencies: references(needs), ..Atomic::default() };
        Definition::new(name, Kind::Oneshot(Oneshot { atomic, ..Oneshot::default() }))
    }
    fn longrun(name: &str, to: &str, from: &str) -> Definition {
        let longrun = Longrun {
            producer_for: references(to).pop(),
            consumer_for: references(from),
            ..Longrun::default()
        };
        Definition::new(name, Kind::Longrun(longrun))
    }
    fn numbered(graph: &Graph) -> String {
        let one = |id: ServiceId| format!("{}{}", graph.name(id), id.0);
        graph.ids().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_remains_keeps_its_number_and_what_is_new_gets_a_fresh_one() {
        let old = Graph::new(vec![longrun("a", "", ""), longrun("b", "", ""), oneshot("c", "b")]);
        let old = old.unwrap();
        assert_eq!(numbered(&old), "a0 b1 c2");
        let new = vec![
            longrun("log", "", "b"),
            longrun("b", "log", ""),
            oneshot("a", ""),
            oneshot("d", "c b"),
            oneshot("c", "b"),
            Definition::new("both", Kind::Bundle(references("c log"))),
        ];
        let new = Graph::new(new).unwrap().numbered_after(&old, &[]);
        assert_eq!(numbered(&new), "b1 c2 log3 a4 d5");
        let [b, c, log, d] = [1, 2, 3, 5].map(ServiceId);
        assert_eq!((new.service("c"), new.find("both")), (Some(c), Some(vec![c, log])));
        assert_eq!(new.closure(&[d], Direction::Up), [b, c, log, d]);
        assert_eq!(new.closure(&[ServiceId(0)], Direction::Up), []);
        assert_eq!((new.consumer(b), new.producers(log)), (Some(log), &[b][..]));
        assert_eq!(new.len(), 5);

        let last = Graph::new(vec![longrun("c", "", ""), longrun("e", "", "")]).unwrap();
        let renamed = [("b".to_owned(), "c".to_owned())];
        assert_eq!(numbered(&last.numbered_after(&new, &renamed)), "c1 e6");
    }

    #[test]
    fn a_name_that_was_given_away_is_another_service() {
        let old = Graph::new(vec![longrun("a", "", "")]).unwrap();
        let new = Graph::new(vec![longrun("a", "", ""), longrun("b", "", "")]).unwrap();
        let renamed = [("a".to_owned(), "b".to_owned())];
        assert_eq!(numbered(&new.numbered_after(&old, &renamed)), "b0 a1");
    }
}
