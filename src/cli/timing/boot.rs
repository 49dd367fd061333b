//! The times of a boot as PID 1 reports them, and the critical path: the chain of services that
//! determined its length.

use crate::format::request::{BootTimes, ServiceTimes, StepTime};
use crate::graph::Graph;
use litemap::LiteMap;
use serde_json::{Value, json};

/// The times of a boot, in µs since /init began.
#[derive(Debug, Default)]
pub(super) struct ShownBoot {
    /// What /init did before the services.
    pub steps: Vec<Bar>,
    /// The services, in the order in which their turns came.
    pub services: Vec<Bar>,
    /// When it was over, or what time it is.
    pub end_us: u64,
    pub is_over: bool,
    /// The names of the services that it waited for, the first one first.
    pub critical_path: Vec<String>,
}

/// A step or a service, and its time.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub name: String,
    pub begun_us: u64,
    /// `None`: not yet.
    pub ended_us: Option<u64>,
    pub failed: bool,
}

impl Bar {
    /// How long it took; `None`: it is not over.
    pub(super) fn took_us(&self) -> Option<u64> {
        Some(self.ended_us?.saturating_sub(self.begun_us))
    }
}

impl ShownBoot {
    /// What PID 1 knows, in the order of time.
    pub(super) fn of(times: BootTimes) -> Self {
        let mut begun_us = 0;
        let step = |StepTime { name, ended_us }| {
            let bar = Bar { name, begun_us, ended_us: Some(ended_us), failed: false };
            begun_us = ended_us;
            bar
        };
        let steps = times.steps.into_iter().map(step).collect();
        let mut services: Vec<Bar> = times.services.into_iter().map(Bar::from).collect();
        services.sort_by_key(|bar| (bar.begun_us, bar.ended_us));
        Self {
            steps,
            services,
            end_us: times.over_us.unwrap_or(times.now_us),
            is_over: times.over_us.is_some(),
            critical_path: Vec::new(),
        }
    }

    /// When the services' turn came.
    pub(super) fn services_begin_us(&self) -> u64 {
        self.steps.iter().filter_map(|step| step.ended_us).next_back().unwrap_or(0)
    }

    /// Whether a service is on the critical path.
    pub(super) fn is_critical(&self, bar: &Bar) -> bool {
        self.critical_path.contains(&bar.name)
    }

    /// Finds the service that was ready last, the one that it waited for last, and so on.
    pub(super) fn find_critical_path(&mut self, graph: &Graph) {
        let ends = self.services.iter().filter_map(|bar| Some((bar.name.as_str(), bar.ended_us?)));
        let ends: LiteMap<&str, u64> = ends.collect();
        let mut path = Vec::new();
        let mut last = ends.iter().max_by_key(|(_, ended)| **ended).map(|(name, _)| *name);
        while let Some(name) = last {
            path.push(name.to_owned());
            let needs = graph.service(name).into_iter().flat_map(|id| graph.dependencies(id));
            let names = needs.map(|id| graph.name(id));
            let ended = names.filter_map(|name| Some((*ends.get(name)?, name)));
            last = ended.max().map(|(_, name)| name);
        }
        path.reverse();
        self.critical_path = path;
    }

    /// The services of the critical path.
    pub(super) fn critical(&self) -> impl Iterator<Item = &Bar> {
        let find = |name: &String| self.services.iter().find(move |bar| bar.name == *name);
        self.critical_path.iter().filter_map(find)
    }

    /// For programs: names and meanings of the fields stay as they are.
    pub(super) fn to_json(&self) -> Value {
        let bar = |bar: &Bar| {
            json!({
                "name": bar.name,
                "start_us": bar.begun_us,
                "end_us": bar.ended_us,
                "failed": bar.failed,
            })
        };
        json!({
            "over": self.is_over,
            "end_us": self.end_us,
            "steps": self.steps.iter().map(bar).collect::<Vec<_>>(),
            "services": self.services.iter().map(bar).collect::<Vec<_>>(),
            "critical_path": self.critical_path,
        })
    }
}

impl From<ServiceTimes> for Bar {
    fn from(times: ServiceTimes) -> Self {
        let ServiceTimes { name, begun_us, ended_us, failed } = times;
        Self { name, begun_us, ended_us, failed }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::canned;
    use super::*;

    #[test]
    fn the_critical_path_is_what_the_last_one_waited_for() {
        let boot = canned();
        assert_eq!(boot.critical_path, ["slow", "web"]);
        assert_eq!(boot.services_begin_us(), 62_500);
        assert_eq!(boot.steps[1].took_us(), Some(59_000));
        let names: Vec<_> = boot.services.iter().map(|bar| bar.name.as_str()).collect();
        assert_eq!(names, ["quick", "broken", "slow", "web"]);
    }

    #[test]
    fn a_service_that_is_not_up_yet_has_no_end() {
        let services = vec![ServiceTimes { name: "a".into(), begun_us: 1, ..Default::default() }];
        let boot = ShownBoot::of(BootTimes { services, now_us: 7, ..Default::default() });
        assert_eq!((boot.end_us, boot.is_over), (7, false));
        assert_eq!(boot.to_json()["services"][0]["end_us"], Value::Null);
    }
}
