//! What PID 1 tells of its services and of their boot, for `sixtree status` and `sixtree timing`.

use super::Runtime;
use super::service::Service;
use super::timing::{Span, Timing};
use crate::definition::Kind;
use crate::engine::{Exit, Failure, Why};
use crate::format::request::Answer;
use crate::graph::{Direction, ServiceId};
use nix::unistd::Pid;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// How many services are told in one answer: PID 1 has other things to do in between.
const AT_A_TIME: usize = 1000;

impl Runtime {
    /// Answers with one thing, under its name.
    pub(super) fn tell(&mut self, id: u32, what: &str, told: Value) {
        self.reply(id, &Answer::Told(Map::from_iter([(what.to_owned(), told)])));
    }

    /// All that is known of the services from this one on, as many as are told at a time.
    pub(super) fn status(&self, from: ServiceId) -> Value {
        let graph = self.engine.graph();
        let top = graph.closure(&graph.find("top").unwrap_or_default(), Direction::Up);
        let enabled: BTreeSet<_> = top.into_iter().collect();
        let known = |(id, service): (&ServiceId, &Service)| {
            let mut known = self.known(*id, service);
            if self.engine.graph().definition(*id).is_some() {
                known.insert("enabled".to_owned(), json!(enabled.contains(id)));
            }
            Value::Object(known)
        };
        let mut rest = self.services.iter().skip_while(|(id, _)| **id < from);
        let services: Vec<_> = rest.by_ref().take(AT_A_TIME).map(known).collect();
        json!({"services": services, "next": rest.next().map(|(id, _)| id.0)})
    }

    /// What took how long at boot, in µs since /init began.
    pub(super) fn timing(&self) -> Value {
        let Timing { spans, over_us, .. } = &self.timing;
        let span = |(id, span): (&ServiceId, &Span)| {
            let name = &self.services.get(id)?.name;
            Some(json!([name, span.begun_us?, span.ended_us, span.failed]))
        };
        json!({
            "steps": self.settings.steps,
            "services": spans.iter().filter_map(span).collect::<Vec<_>>(),
            "over_us": over_us,
            "now_us": self.since_begun_us(),
        })
    }

    fn known(&self, id: ServiceId, service: &Service) -> Map<String, Value> {
        let definition = self.engine.graph().definition(id);
        let kind = match definition.map(|d| &d.kind) {
            Some(Kind::Oneshot(_)) => "oneshot",
            Some(Kind::Longrun(_) | Kind::Bundle(_)) => "longrun",
            None => "scanned",
        };
        let processes = service.processes;
        let pid = processes.run.or(processes.finish).or(processes.oneshot);
        let since = service.status.stamp.to_utc().map(|t| t.since_epoch.as_millis() as u64);
        let mut known = Map::new();
        let mut tell = |key: &str, value: Value| drop(known.insert(key.to_owned(), value));
        tell("name", json!(service.name));
        tell("type", json!(kind));
        tell("pid", json!(pid.map(Pid::as_raw)));
        tell("since_ms", json!(since));
        if definition.is_some() {
            tell("up", json!(self.engine.is_up(id)));
            tell("wanted", json!(self.engine.wanted_up(id)));
            tell("why", self.engine.why_not_up(id).map_or(Value::Null, |why| self.why(why)));
        }
        if let Some(longrun) = self.engine.longrun(id) {
            tell("supervised", json!(service.supervision.is_some()));
            tell("running", json!(processes.run.is_some()));
            tell("ready", json!(longrun.serves()));
            tell("finishing", json!(processes.run.is_none() && processes.finish.is_some()));
            tell("stopping", json!(longrun.is_stopping()));
            tell("paused", json!(longrun.paused()));
            tell("wanted_up", json!(longrun.wanted()));
            tell("gave_up", json!(longrun.gave_up()));
            tell("restarts", json!(longrun.restarts()));
            tell("last_exit", exit(longrun.exit()));
        } else {
            tell("running", json!(processes.oneshot.is_some()));
            tell("ready", json!(self.engine.is_up(id)));
            tell("last_exit", exit(service.last_script));
        }
        known
    }

    /// Why a service is not up: a word, and what belongs to it.
    fn why(&self, why: Why) -> Value {
        let name = |id| self.engine.graph().name(id);
        match why {
            Why::NotWanted => json!({"word": "not-wanted"}),
            Why::Starting => json!({"word": "starting"}),
            Why::WaitsFor(id) => json!({"word": "waits-for", "service": name(id)}),
            Why::Failed(why) => json!({"word": "failed", "failure": failure(why)}),
            Why::Needs(id, why) => {
                json!({"word": "needs", "service": name(id), "failure": failure(why)})
            }
            Why::GivenUp => json!({"word": "given-up"}),
        }
    }
}

fn exit(exit: Option<Exit>) -> Value {
    match exit {
        Some(Exit::Code(code)) => json!({"code": code}),
        Some(Exit::Signal(signal)) => json!({"signal": signal}),
        None => Value::Null,
    }
}

fn failure(failure: Failure) -> Value {
    match failure {
        Failure::Exited(code) => exit(Some(Exit::Code(code))),
        Failure::Crashed(signal) => exit(Some(Exit::Signal(signal))),
        Failure::TimedOut => json!("timed out"),
        Failure::Permanent => json!("failed for good"),
        Failure::NotSpawned => json!("its script could not be started"),
        Failure::Aborted => json!("the change was aborted"),
    }
}
