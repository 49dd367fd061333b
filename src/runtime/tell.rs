//! All that is known of every service, for `sixtree status`.

use super::Runtime;
use super::service::Service;
use crate::definition::Kind;
use crate::engine::Longrun;
use crate::format::request::Answer;
use crate::graph::ServiceId;
use nix::unistd::Pid;
use serde_json::{Map, Value, json};

impl Runtime {
    /// Answers `Request::Status`.
    pub(super) fn tell_status(&mut self, id: u32) {
        let all = self.services.iter().map(|(id, service)| self.known(*id, service)).collect();
        self.reply(id, &Answer::Status(all));
    }

    fn known(&self, id: ServiceId, service: &Service) -> Map<String, Value> {
        let definition = self.engine.graph().definition(id);
        let kind = match definition.map(|d| &d.kind) {
            Some(Kind::Oneshot(_)) => "oneshot",
            Some(Kind::Longrun(_) | Kind::Bundle(_)) => "longrun",
            None => "scanned",
        };
        let mut known = Map::new();
        let mut tell = |key: &str, value: Value| drop(known.insert(key.to_owned(), value));
        tell("name", json!(service.name));
        tell("type", json!(kind));
        if definition.is_some() {
            tell("up", json!(self.engine.is_up(id)));
            tell("wanted", json!(self.engine.wanted_up(id)));
        }
        if let Some(longrun) = self.engine.longrun(id) {
            tell("supervised", json!(service.supervision.is_some()));
            tell("running", json!(service.processes.run.is_some()));
            tell("ready", json!(longrun.ready() && !longrun.never_started()));
            tell("pid", json!(service.processes.run.map(Pid::as_raw)));
            tell("finishing", json!(service.processes.finish.is_some()));
            tell("paused", json!(longrun.paused()));
            tell("wanted_up", json!(longrun.wanted()));
            tell("last_exit", last_exit(longrun));
            let since = service.status.stamp.to_utc().map(|t| t.since_epoch.as_millis() as u64);
            tell("since_ms", json!(since));
        }
        known
    }
}

fn last_exit(longrun: &Longrun) -> Value {
    use crate::engine::Exit;
    match longrun.exit() {
        Some(Exit::Code(code)) => json!({"code": code}),
        Some(Exit::Signal(signal)) => json!({"signal": signal}),
        None => Value::Null,
    }
}
