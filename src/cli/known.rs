//! What is known of a service of the running tree, and what that means to people: a word for its
//! state, whether that is well, and why it is not up.

use crate::format::signal;
use serde_json::{Map, Value, json};
use std::fmt;

/// What PID 1 says of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its name.
    pub name: String,
    fields: Map<String, Value>,
}

/// A word for what a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Up, and ready if it can tell.
    Up,
    /// On its way up, or up and not ready yet.
    Starting,
    /// On its way down.
    Stopping,
    /// It ended, and will start again.
    Restarting,
    /// Told to pause.
    Paused,
    /// What it needs is not up yet.
    Waiting,
    /// It could not be started, or what it needs could not.
    Failed,
    /// Down, as it is to be.
    Down,
}

/// How a process ended, or why a start failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited.
    Code(u64),
    /// A signal killed it.
    Signal(u8),
    /// Anything else, in words.
    Words(String),
}

impl From<Map<String, Value>> for Known {
    fn from(fields: Map<String, Value>) -> Self {
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { name, fields }
    }
}

impl Known {
    /// `oneshot`, `longrun`, or `scanned` for what is in the scan directory only.
    pub fn kind(&self) -> &str {
        self.text("type").unwrap_or_default()
    }
    /// Its process; 0 is none.
    pub fn pid(&self) -> u64 {
        self.number("pid").unwrap_or(0)
    }
    /// How often it was started again; `None` for a oneshot.
    pub fn restarts(&self) -> Option<u64> {
        self.number("restarts")
    }
    /// When its process started or ended, in ms since 1970.
    pub fn since_ms(&self) -> Option<u64> {
        self.number("since_ms")
    }
    /// How its process, or its last script, ended.
    pub fn last_exit(&self) -> Option<End> {
        End::of(self.fields.get("last_exit")?)
    }
    /// Whether it is up and what needs it can count on it.
    pub fn is_healthy(&self) -> bool {
        self.state() == State::Up
    }
    /// Whether it is to be up. To s6-rc, a longrun that was started stays up whatever its
    /// supervisor is told; but what is switched off in an image often tells its own to let it be.
    pub fn is_wanted(&self) -> bool {
        match (self.kind(), self.flag("up")) {
            ("scanned", _) | ("longrun", true) => self.flag("wanted_up") || self.flag("gave_up"),
            _ => self.flag("up") || self.why_word() != Some("not-wanted"),
        }
    }

    /// What it is doing.
    pub fn state(&self) -> State {
        let is_oneshot = self.kind() == "oneshot";
        match (is_oneshot, self.flag("running")) {
            (true, true) if self.flag("up") => State::Stopping,
            (true, true) => State::Starting,
            (true, false) if self.flag("up") => State::Up,
            (true, false) => self.why_state(),
            (false, true) if self.flag("stopping") => State::Stopping,
            (false, true) if self.flag("paused") => State::Paused,
            (false, true) if self.flag("ready") => State::Up,
            (false, true) => State::Starting,
            (false, false) if self.flag("finishing") && !self.flag("wanted_up") => State::Stopping,
            (false, false) if self.flag("wanted_up") => State::Restarting,
            (false, false) => self.why_state(),
        }
    }

    /// The state of what has no process.
    fn why_state(&self) -> State {
        match self.why_word() {
            Some("failed" | "needs" | "given-up") => State::Failed,
            Some("waits-for") => State::Waiting,
            Some("starting") => State::Starting,
            _ => State::Down,
        }
    }

    /// Why it is not up, in words; empty if it is.
    pub fn why(&self) -> String {
        let other = self.why_field("service").and_then(Value::as_str).unwrap_or_default();
        let failure = self.why_field("failure").and_then(End::of);
        let failure = failure.map_or(String::new(), |end| format!(": {end}"));
        match self.why_word() {
            Some("failed") => format!("failed{failure}"),
            Some("needs") => format!("needs {other}, which failed{failure}"),
            Some("waits-for") => format!("waiting for {other}"),
            Some("given-up") => "its turn did not come before the change ended".to_owned(),
            Some("not-wanted") if !self.flag("enabled") => "disabled".to_owned(),
            Some("not-wanted") => "stopped".to_owned(),
            _ => self.why_not_running().to_owned(),
        }
    }

    /// Why a longrun that ought to be up is not: its supervisor, or someone who told it, knows.
    fn why_not_running(&self) -> &'static str {
        match self.state() {
            State::Up | State::Stopping | State::Failed | State::Waiting => "",
            State::Starting => "not ready yet",
            State::Restarting => "it ended; it will be started again",
            State::Paused => "paused",
            State::Down if self.flag("gave_up") => "gave up: its finish script exited 125",
            State::Down if self.fields.contains_key("running") => "told to stay down",
            State::Down => "",
        }
    }

    /// For programs: names and meanings of the fields stay as they are.
    pub fn to_json(&self) -> Value {
        let why = self.why();
        json!({
            "name": self.name,
            "type": self.kind(),
            "state": self.state().word(),
            "ready": self.is_healthy(),
            "wanted": self.is_wanted(),
            "enabled": self.fields.get("enabled"),
            "since_ms": self.since_ms(),
            "pid": Some(self.pid()).filter(|pid| *pid > 0),
            "restarts": self.restarts(),
            "last_exit": self.fields.get("last_exit"),
            "why": Some(why).filter(|why| !why.is_empty()),
        })
    }

    fn why_field(&self, name: &str) -> Option<&Value> {
        self.fields.get("why")?.get(name)
    }
    fn why_word(&self) -> Option<&str> {
        self.why_field("word")?.as_str()
    }
    fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.as_str()
    }
    fn number(&self, name: &str) -> Option<u64> {
        self.fields.get(name)?.as_u64()
    }
    fn flag(&self, name: &str) -> bool {
        self.fields.get(name).and_then(Value::as_bool).unwrap_or(false)
    }
}

impl State {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Restarting => "restarting",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Down => "down",
        }
    }

    /// The colour of its word on a terminal.
    pub fn colour(self) -> &'static str {
        match self {
            Self::Up => "32",
            Self::Starting | Self::Stopping | Self::Waiting | Self::Paused => "33",
            Self::Failed | Self::Restarting => "31",
            Self::Down => "2",
        }
    }
}

impl End {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(words) => Some(Self::Words(words.clone())),
            Value::Object(fields) => match (fields.get("code"), fields.get("signal")) {
                (Some(code), _) => code.as_u64().map(Self::Code),
                (None, Some(signal)) => Some(Self::Signal(signal.as_u64()?.try_into().ok()?)),
                (None, None) => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(number) => {
                let name = signal::name(*number);
                let name = name.strip_prefix("SIG").unwrap_or(&name);
                write!(f, "signal {number} ({name})")
            }
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// One line for each service that is to be up, and is not: `NAME: STATE: WHY`. Those that are
/// named are to be up.
pub fn culprits(services: &[Known], named: bool) -> Vec<String> {
    let wrong = services.iter().filter(|k| (named || k.is_wanted()) && !k.is_healthy());
    let line = |known: &Known| {
        let why = known.why();
        let why = if why.is_empty() { why } else { format!(": {why}") };
        format!("{}: {}{why}", known.name, known.state().word())
    };
    wrong.map(line).collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// What PID 1 could have said of a small tree.
    pub fn canned() -> Vec<Known> {
        let all = json!([
            {"name": "db", "type": "longrun", "up": true, "running": true, "ready": true,
             "wanted_up": true, "pid": 41, "since_ms": 1_000, "restarts": 2, "enabled": true,
             "last_exit": {"signal": 9}, "why": null},
            {"name": "migrate", "type": "oneshot", "up": false, "running": false, "ready": false,
             "since_ms": 2_000, "enabled": true, "last_exit": {"code": 3},
             "why": {"word": "failed", "failure": {"code": 3}}},
            {"name": "web", "type": "longrun", "up": false, "running": false, "restarts": 0,
             "wanted_up": false, "enabled": true,
             "why": {"word": "needs", "service": "migrate", "failure": {"code": 3}}},
            {"name": "debug", "type": "longrun", "up": false, "running": false, "restarts": 0,
             "wanted_up": false, "enabled": false, "why": {"word": "not-wanted"}},
            {"name": "init", "type": "oneshot", "up": true, "running": false, "ready": true,
             "since_ms": 500, "enabled": true, "last_exit": {"code": 0}, "why": null},
        ]);
        let all = all.as_array().unwrap().iter();
        all.map(|one| Known::from(one.as_object().unwrap().clone())).collect()
    }

    fn one(value: Value) -> Known {
        Known::from(value.as_object().unwrap().clone())
    }

    #[test]
    fn culprits_are_those_that_should_be_up_and_are_not() {
        let wrong =
            ["migrate: failed: failed: exit 3", "web: failed: needs migrate, which failed: exit 3"];
        assert_eq!(culprits(&canned(), false), wrong);
        assert_eq!(culprits(&canned(), true).len(), 3);
        assert_eq!(culprits(&[], false), [""; 0]);
    }

    #[test]
    fn every_state_has_its_word() {
        let longrun = |more: Value| {
            let mut all = json!({"name": "a", "type": "longrun", "up": true, "wanted_up": true});
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let known = one(all);
            format!("{} {}", known.state().word(), known.why())
        };
        let on = |word: &str| json!({"running": true, word: true});
        assert_eq!(longrun(on("ready")), "up ");
        assert_eq!(longrun(on("zz")), "starting not ready yet");
        assert_eq!(longrun(on("paused")), "paused paused");
        assert_eq!(longrun(on("stopping")), "stopping ");
        let finishing = json!({"running": false, "finishing": true, "wanted_up": false});
        assert_eq!(longrun(finishing), "stopping ");
        let ended = json!({"running": false});
        assert_eq!(longrun(ended), "restarting it ended; it will be started again");
        let told = json!({"running": false, "wanted_up": false});
        assert_eq!(longrun(told), "down told to stay down");
        let gave_up = json!({"running": false, "wanted_up": false, "gave_up": true});
        assert_eq!(longrun(gave_up), "down gave up: its finish script exited 125");
        let waits = json!({"word": "waits-for", "service": "db"});
        let waits = json!({"running": false, "up": false, "wanted_up": false, "why": waits});
        assert_eq!(longrun(waits), "waiting waiting for db");
    }

    #[test]
    fn nonsense_is_a_service_that_is_down() {
        assert_eq!(one(json!({"pid": "x", "why": 3, "last_exit": {}})).state(), State::Down);
    }

    #[test]
    fn json_has_every_field() {
        let all = canned();
        assert_eq!(
            all[0].to_json().to_string(),
            r#"{"enabled":true,"last_exit":{"signal":9},"name":"db","pid":41,"ready":true,"#
                .to_owned()
                + r#""restarts":2,"since_ms":1000,"state":"up","type":"longrun","wanted":true,"#
                + r#""why":null}"#
        );
        assert_eq!(all[1].to_json()["why"], "failed: exit 3");
    }
}
