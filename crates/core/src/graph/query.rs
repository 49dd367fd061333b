//! Queries on a tree.

use super::{Bundle, Direction, Graph, Referent, ServiceId};
use crate::definition::{Definition, Kind};
use petgraph::graph::NodeIndex;
use petgraph::visit::{Dfs, Reversed};

impl Graph {
    /// The services, in order.
    pub fn ids(&self) -> impl Iterator<Item = ServiceId> + use<> {
        let numbered = (0..).map(ServiceId).zip(&self.services);
        let ids: Vec<_> = numbered.filter(|(_, s)| s.is_some()).map(|(id, _)| id).collect();
        ids.into_iter()
    }
    /// How many services there are.
    pub fn len(&self) -> usize {
        self.services.iter().flatten().count()
    }
    /// Whether there is no service at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The definition of a service; `None` if the id is not of this tree.
    ///
    /// Its flags include those of the bundles that it is in.
    pub fn definition(&self, id: ServiceId) -> Option<&Definition> {
        self.services.get(id.0 as usize)?.as_ref()
    }
    /// Every definition: the services in order, then the bundles that have one. Resolving these
    /// gives the same tree again.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        let bundles = self.bundles.iter().filter_map(|bundle| bundle.definition.as_ref());
        let services = self.services.iter().flatten();
        services.filter(|definition| definition.instance().is_none()).chain(bundles)
    }
    /// The name of a service; empty if the id is not of this tree.
    pub fn name(&self, id: ServiceId) -> &str {
        self.definition(id).map_or("", |definition| &definition.name)
    }
    /// Whether a service is a longrun.
    pub fn is_longrun(&self, id: ServiceId) -> bool {
        self.definition(id).is_some_and(|d| matches!(d.kind, Kind::Longrun(_)))
    }

    /// The service of exactly this name.
    pub fn service(&self, name: &str) -> Option<ServiceId> {
        match self.names.get(name)? {
            Referent::Service(id) => Some(*id),
            Referent::Bundle(_) => None,
        }
    }
    /// The bundle of exactly this name.
    pub fn bundle(&self, name: &str) -> Option<&Bundle> {
        match self.names.get(name)? {
            Referent::Service(_) => None,
            Referent::Bundle(at) => self.bundles.get(*at),
        }
    }
    /// The services that a name stands for: one, or those of a bundle.
    pub fn find(&self, name: &str) -> Option<Vec<ServiceId>> {
        let service = self.service(name).map(|id| vec![id]);
        service.or_else(|| self.bundle(name).map(|bundle| bundle.members.clone()))
    }
    /// What a name is: `longrun`, `oneshot` or `bundle`.
    pub fn kind(&self, name: &str) -> Option<&'static str> {
        match self.names.get(name)? {
            Referent::Service(id) => self.definition(*id).map(|definition| definition.kind.name()),
            Referent::Bundle(_) => Some("bundle"),
        }
    }
    /// Every bundle, those that pipelines make last.
    pub fn bundles(&self) -> &[Bundle] {
        &self.bundles
    }
    /// Every name of a service or bundle, in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// What a service needs directly, in order; a producer needs its consumer.
    pub fn dependencies(&self, id: ServiceId) -> impl Iterator<Item = ServiceId> {
        self.next(id, Direction::Up)
    }
    /// What needs a service directly, in order.
    pub fn dependents(&self, id: ServiceId) -> impl Iterator<Item = ServiceId> {
        self.next(id, Direction::Down)
    }
    /// What must be up (or down) before a service goes up (or down), in order.
    pub fn next(&self, id: ServiceId, direction: Direction) -> impl Iterator<Item = ServiceId> {
        let way = match direction {
            Direction::Up => petgraph::Direction::Outgoing,
            Direction::Down => petgraph::Direction::Incoming,
        };
        self.edges.neighbors_directed(node(id), way).map(service)
    }

    /// Whether any service has an `after.d`.
    pub fn has_order(&self) -> bool {
        self.order.node_count() > 0
    }
    /// The services that go up (or down) before this one by `after.d`, if they do, although it does
    /// not depend on them.
    pub fn first(&self, id: ServiceId, direction: Direction) -> impl Iterator<Item = ServiceId> {
        let way = match direction {
            Direction::Up => petgraph::Direction::Outgoing,
            Direction::Down => petgraph::Direction::Incoming,
        };
        self.order.neighbors_directed(node(id), way).map(service)
    }

    /// These services and all that they need (`Up`), or all that need them (`Down`), in order.
    pub fn closure(&self, ids: &[ServiceId], direction: Direction) -> Vec<ServiceId> {
        let mut all = Vec::new();
        let mut search = Dfs::empty(&self.edges);
        for &id in ids.iter().filter(|id| self.definition(**id).is_some()) {
            search.move_to(node(id));
            let mut step = || match direction {
                Direction::Up => search.next(&self.edges),
                Direction::Down => search.next(Reversed(&self.edges)),
            };
            while let Some(found) = step() {
                all.push(service(found));
            }
        }
        all.sort_unstable();
        all
    }

    /// The longrun that reads what this one writes to its stdout.
    pub fn consumer(&self, id: ServiceId) -> Option<ServiceId> {
        self.pipes.get(id.0 as usize)?.consumer
    }
    /// The longruns whose stdout this one reads, in the order of its `consumer-for`.
    pub fn producers(&self, id: ServiceId) -> &[ServiceId] {
        self.pipes.get(id.0 as usize).map_or(&[], |pipes| &pipes.producers)
    }
    /// The longruns that read what others write, though nothing may write now.
    pub fn consumers(&self) -> impl Iterator<Item = ServiceId> {
        self.ids().filter(|id| self.pipes.get(id.0 as usize).is_some_and(|pipes| pipes.reads))
    }
    /// Every pipe: producer and consumer, by the consumer's place.
    pub fn pipes(&self) -> impl Iterator<Item = (ServiceId, ServiceId)> {
        self.ids().flat_map(|id| self.producers(id).iter().map(move |&producer| (producer, id)))
    }
    /// The services of the pipeline that this one is in: each consumer before its producers.
    /// Empty if it is in none.
    pub fn pipeline(&self, id: ServiceId) -> Vec<ServiceId> {
        let mut last = id;
        // Acyclic, as pipes are dependencies.
        while let Some(consumer) = self.consumer(last) {
            last = consumer;
        }
        let mut all = vec![last];
        let mut at = 0;
        while let Some(&next) = all.get(at) {
            all.extend_from_slice(self.producers(next));
            at += 1;
        }
        if all.len() > 1 { all } else { Vec::new() }
    }
}

pub(super) fn node(id: ServiceId) -> NodeIndex {
    NodeIndex::new(id.0 as usize)
}

pub(super) fn service(node: NodeIndex) -> ServiceId {
    ServiceId(node.index() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Atomic, Instances, Longrun, Oneshot, Reference};

    fn references(names: &[&str]) -> Vec<Reference> {
        names.iter().map(|name| Reference::to(name)).collect()
    }
    fn atomic(needs: &[&str]) -> Atomic {
        Atomic { dependencies: references(needs), ..Atomic::default() }
    }
    fn oneshot(name: &str, needs: &[&str]) -> Definition {
        let oneshot = Oneshot { atomic: atomic(needs), ..Oneshot::default() };
        Definition::new(name, Kind::Oneshot(oneshot))
    }
    fn longrun(name: &str, needs: &[&str], to: Option<&str>, from: &[&str]) -> Definition {
        let longrun = Longrun {
            atomic: atomic(needs),
            producer_for: to.map(Reference::to),
            consumer_for: references(from),
            pipeline_name: (to.is_none() && !from.is_empty()).then(|| Reference::to("pipeline")),
            ..Longrun::default()
        };
        Definition::new(name, Kind::Longrun(longrun))
    }
    fn bundle(name: &str, members: &[&str]) -> Definition {
        Definition::new(name, Kind::Bundle(references(members)))
    }
    fn names(graph: &Graph, ids: impl IntoIterator<Item = ServiceId>) -> String {
        ids.into_iter().map(|id| graph.name(id)).collect::<Vec<_>>().join(" ")
    }

    fn web() -> Graph {
        Graph::new(vec![
            oneshot("migrate", &["db"]),
            longrun("db", &[], None, &[]),
            longrun("web", &["migrate", "all-db"], Some("web-log"), &[]),
            longrun("web-log", &["log-dir"], None, &["web"]),
            oneshot("log-dir", &[]),
            Definition { essential: true, ..bundle("all-db", &["db", "none"]) },
            bundle("none", &[]),
            bundle("user", &["pipeline", "all-db"]),
        ])
        .unwrap()
    }

    #[test]
    fn longruns_come_first_and_bundles_expand() {
        let graph = web();
        assert_eq!(names(&graph, graph.ids()), "db web web-log migrate log-dir");
        assert_eq!(names(&graph, graph.find("user").unwrap()), "db web web-log");
        assert_eq!(graph.find("none"), Some(vec![]));
        assert_eq!(graph.find("nothing"), None);
        assert!(graph.bundle("pipeline").is_some() && graph.bundle("db").is_none());
        assert!(graph.definition(ServiceId(0)).unwrap().essential);
        assert_eq!(graph.name(ServiceId(9)), "");
    }

    #[test]
    fn a_producer_needs_its_consumer() {
        let graph = web();
        let [db, web, log] = [0, 1, 2].map(ServiceId);
        assert_eq!(names(&graph, graph.dependencies(web)), "db web-log migrate");
        assert_eq!(names(&graph, graph.dependents(db)), "web migrate");
        assert_eq!((graph.consumer(web), graph.producers(log)), (Some(log), &[web][..]));
        assert_eq!(graph.pipes().collect::<Vec<_>>(), [(web, log)]);
        assert_eq!((graph.pipeline(web), graph.pipeline(db)), (vec![log, web], vec![]));
    }

    #[test]
    fn closures_hold_all_that_must_move() {
        let graph = web();
        let [db, web, log, _, dir] = [0, 1, 2, 3, 4].map(ServiceId);
        assert_eq!(graph.closure(&[web], Direction::Up), graph.ids().collect::<Vec<_>>());
        assert_eq!(graph.closure(&[log, log], Direction::Up), [log, dir]);
        assert_eq!(names(&graph, graph.closure(&[db], Direction::Down)), "db web migrate");
        assert_eq!(graph.closure(&[ServiceId(9)], Direction::Up), []);
    }

    #[test]
    fn what_only_goes_first_is_no_dependency_and_need_not_exist() {
        let after = |name: &str, needs: &[&str], after: &[&str]| {
            let atomic = Atomic { after: references(after), ..atomic(needs) };
            Definition::new(name, Kind::Oneshot(Oneshot { atomic, ..Oneshot::default() }))
        };
        let graph = Graph::new(vec![
            after("a", &[], &["nothing"]),
            after("b", &["a"], &["a", "both"]),
            after("c", &[], &["both"]),
            bundle("both", &["a", "b"]),
        ]);
        let graph = graph.unwrap();
        let [a, b, c] = [0, 1, 2].map(ServiceId);
        assert!(graph.has_order() && !web().has_order());
        assert_eq!(names(&graph, graph.first(c, Direction::Up)), "a b");
        assert_eq!(names(&graph, graph.first(b, Direction::Up)), "", "it needs a anyway");
        assert_eq!(names(&graph, graph.first(b, Direction::Down)), "c");
        assert_eq!(graph.closure(&[c], Direction::Up), [c]);
        let renumbered = graph.clone().numbered_after(&web(), &[]);
        let [a_now, c_now] = ["a", "c"].map(|name| renumbered.service(name).unwrap());
        assert_ne!((a, c), (a_now, c_now));
        assert_eq!(names(&renumbered, renumbered.first(c_now, Direction::Up)), "a b");

        let cyclic = vec![after("a", &["b"], &[]), after("b", &[], &["a"])];
        let faults = Graph::new(cyclic).unwrap_err();
        assert_eq!(faults[0].code, "E105");
        assert_eq!(faults[0].what, "cyclic service dependency: a → b → a (after.d)");
    }

    #[test]
    fn instances_are_services_and_their_name_a_bundle() {
        let template = |instances| {
            let Definition { kind: Kind::Longrun(longrun), .. } =
                longrun("w", &["db"], Some("log"), &[])
            else {
                unreachable!()
            };
            let longrun = Longrun { instances: Some(instances), ..longrun };
            Definition::new("w", Kind::Longrun(longrun))
        };
        let tree = |instances| {
            vec![
                template(instances),
                longrun("db", &[], None, &[]),
                longrun("log", &[], None, &["w"]),
                oneshot("web", &["w"]),
                bundle("user", &["w", "web"]),
            ]
        };
        let graph = Graph::new(tree(Instances::Count(2))).unwrap();
        assert_eq!(names(&graph, graph.ids()), "w-1 w-2 db log web");
        assert_eq!(names(&graph, graph.find("w").unwrap()), "w-1 w-2");
        assert_eq!(names(&graph, graph.find("user").unwrap()), "w-1 w-2 web");
        assert_eq!(names(&graph, graph.find("pipeline").unwrap()), "w-1 w-2 log");
        let [log, web] = ["log", "web"].map(|name| graph.service(name).unwrap());
        assert_eq!(names(&graph, graph.dependencies(web)), "w-1 w-2");
        assert_eq!(names(&graph, graph.dependencies(ServiceId(1))), "db log");
        assert_eq!(names(&graph, graph.producers(log).iter().copied()), "w-1 w-2");
        assert_eq!(graph.kind("w"), Some("bundle"));
        let again = Graph::new(graph.definitions().cloned().collect()).unwrap();
        assert_eq!(again.names().collect::<Vec<_>>(), graph.names().collect::<Vec<_>>());

        let shrinking = Instances::Shrinking { count: 1, before: 2 };
        let fewer = Graph::new(tree(shrinking)).unwrap().numbered_after(&graph, &[]);
        assert_eq!(names(&fewer, fewer.ids()), "w-1 w-2 db log web");
        assert_eq!(names(&fewer, fewer.dependencies(web)), "w-1", "nothing needs the second");
        assert_eq!(names(&fewer, fewer.find("user").unwrap()), "w-1 web");
        assert_eq!(fewer.consumer(ServiceId(1)), Some(log), "it still writes there");

        let none = Graph::new(tree(Instances::Count(0))).unwrap();
        assert_eq!(names(&none, none.ids()), "db log web");
        assert_eq!(names(&none, none.consumers()), "log");
        assert_eq!(none.find("w"), Some(vec![]));
    }

    #[test]
    fn what_is_wrong_with_instances_is_told_once() {
        let instances = Some(Instances::Count(3));
        let longrun = Longrun { atomic: atomic(&["nothing"]), instances, ..Longrun::default() };
        let all = vec![Definition::new("w", Kind::Longrun(longrun)), oneshot("w-2", &[])];
        let faults = Graph::new(all).unwrap_err();
        let told: Vec<_> = faults.iter().map(|f| (f.code, f.service.as_deref())).collect();
        assert_eq!(told, [("E101", Some("w-2")), ("E103", Some("w"))]);
        let all = vec![oneshot("w-2", &[]), {
            let longrun = Longrun { instances: Some(Instances::Count(3)), ..Longrun::default() };
            Definition::new("w", Kind::Longrun(longrun))
        }];
        let faults = Graph::new(all).unwrap_err();
        assert_eq!((faults.len(), faults[0].code), (1, "E110"));
    }

    #[test]
    fn what_is_resolved_needs_no_mention() {
        let mut graph = web();
        let answers = |graph: &Graph| {
            let needs = graph.ids().map(|id| names(graph, graph.dependencies(id)));
            (needs.collect::<Vec<_>>(), graph.find("user"), graph.pipes().collect::<Vec<_>>())
        };
        let before = answers(&graph);
        graph.forget_mentions();
        assert_eq!(answers(&graph), before);
        let mentions = graph.definitions().filter_map(Definition::atomic);
        assert_eq!(mentions.map(|atomic| atomic.dependencies.len()).sum::<usize>(), 0);
    }

    #[test]
    fn a_cycle_is_named_whole() {
        let faults = Graph::new(vec![
            oneshot("a", &["b"]),
            oneshot("b", &["g"]),
            bundle("g", &["c"]),
            longrun("c", &["a"], None, &["d"]),
            longrun("d", &[], Some("c"), &[]),
            oneshot("self", &["self"]),
            bundle("x", &["y"]),
            bundle("y", &["x"]),
        ]);
        let what: Vec<_> = faults.unwrap_err().into_iter().map(|fault| fault.what).collect();
        assert_eq!(
            what,
            [
                "cyclic bundle definition: x → y → x",
                "cyclic service dependency: c → a → b → c (in bundle g)",
                "cyclic service dependency: self → self",
            ]
        );
    }
}
