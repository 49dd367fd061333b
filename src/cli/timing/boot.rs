//! A boot as PID 1 tells of it, and the chain of services that made it as long as it was.

use crate::graph::Graph;
use litemap::LiteMap;
use serde_json::{Value, json};

/// The times of a boot, in µs since /init began.
#[derive(Debug, Default)]
pub(super) struct Boot {
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

/// Something that took its time.
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
    pub fn took_us(&self) -> Option<u64> {
        Some(self.ended_us?.saturating_sub(self.begun_us))
    }
}

impl Boot {
    /// Reads PID 1's answer; what cannot be understood is left out.
    pub fn read(answer: &Value) -> Self {
        let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
        let mut steps = Vec::new();
        let mut begun_us = 0;
        for step in list("steps") {
            let name = step[0].as_str().unwrap_or_default().to_owned();
            let ended_us = step[1].as_u64();
            steps.push(Bar { name, begun_us, ended_us, failed: false });
            begun_us = ended_us.unwrap_or(begun_us);
        }
        let mut services: Vec<Bar> = list("services").iter().filter_map(service).collect();
        services.sort_by_key(|bar| (bar.begun_us, bar.ended_us));
        let over_us = answer["over_us"].as_u64();
        Self {
            steps,
            services,
            end_us: over_us.or(answer["now_us"].as_u64()).unwrap_or(0),
            is_over: over_us.is_some(),
            critical_path: Vec::new(),
        }
    }

    /// When the services' turn came.
    pub fn services_begin_us(&self) -> u64 {
        self.steps.iter().filter_map(|step| step.ended_us).next_back().unwrap_or(0)
    }

    /// Whether a service is on the critical path.
    pub fn is_critical(&self, bar: &Bar) -> bool {
        self.critical_path.contains(&bar.name)
    }

    /// Finds out what the service that was last waited for, and so on.
    pub fn find_critical_path(&mut self, graph: &Graph) {
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
    pub fn critical(&self) -> impl Iterator<Item = &Bar> {
        let find = |name: &String| self.services.iter().find(move |bar| bar.name == *name);
        self.critical_path.iter().filter_map(find)
    }

    /// For programs: names and meanings of the fields stay as they are.
    pub fn to_json(&self) -> Value {
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

fn service(value: &Value) -> Option<Bar> {
    Some(Bar {
        name: value[0].as_str()?.to_owned(),
        begun_us: value[1].as_u64()?,
        ended_us: value[2].as_u64(),
        failed: value[3].as_bool()?,
    })
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
    fn nonsense_is_an_empty_boot() {
        let boot = Boot::read(&json!({"steps": 3, "services": [[1], {}, ["a", 1, null, false]]}));
        assert_eq!((boot.services.len(), boot.end_us, boot.is_over), (1, 0, false));
        assert_eq!(boot.to_json()["services"][0]["end_us"], Value::Null);
    }
}
