//! What is known of a service of the running tree, and what that means to people: a word for its
//! state, whether that is well, and why it is not up.

use super::end_words::{end, has_failed, reason, rest_in_words, with_reason};
use super::terminal::visible;
use super::usage::ServiceUsage;
use crate::format::request::{
    HealthState, HealthStatus, RestStatus, ScriptEnd, ServiceKind, ServiceStatus, StartFailure,
    SupervisorStatus, WhyDown,
};
use serde_json::{Value, json};

/// What PID 1 knows of a service.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Known {
    /// Its name.
    pub name: String,
    /// What it uses, if that was measured.
    pub usage: Option<ServiceUsage>,
    status: ServiceStatus,
}

/// A word for what a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServiceState {
    /// Up, and ready if it can tell.
    Up,
    /// On its way up, or up and not ready yet.
    Starting,
    /// On its way down.
    Stopping,
    /// It ended, and will start again.
    Restarting,
    /// It runs or is about to, and has ended by itself more than twice within a minute.
    Flapping,
    /// Told to pause.
    Paused,
    /// What it needs is not up yet.
    Waiting,
    /// It could not be started, or what it needs could not.
    Failed,
    /// Down, as it is to be.
    Down,
    /// Left out of the tree, or of the boot.
    Off,
}

impl From<ServiceStatus> for Known {
    fn from(status: ServiceStatus) -> Self {
        Self { name: status.name.clone(), usage: None, status }
    }
}

impl Known {
    /// Whether it is done once, rather than run.
    pub(super) fn is_oneshot(&self) -> bool {
        self.status.kind == ServiceKind::Oneshot
    }
    /// Its process, if it has one.
    pub(super) fn pid(&self) -> Option<i32> {
        self.status.pid
    }
    /// How often it was started again; `None` for a oneshot.
    pub(super) fn restarts(&self) -> Option<u64> {
        self.status.supervisor.map(|supervisor| supervisor.restarts)
    }
    /// When its process started or ended, in ms since 1970.
    pub(super) fn since_ms(&self) -> Option<u64> {
        self.status.since_ms
    }
    /// How its process, or its last script, ended.
    pub(super) fn last_exit(&self) -> Option<String> {
        self.status.last_exit.map(end)
    }
    /// The service of which it is an instance.
    pub(super) fn instance_of(&self) -> Option<&str> {
        self.status.instance_of.as_deref()
    }
    /// Whether it is up and what needs it can count on it.
    pub(super) fn is_healthy(&self) -> bool {
        self.is_ready() && self.health() != Some(HealthState::Unhealthy)
    }
    /// Whether it is up, and ready if it can tell.
    pub(super) fn is_ready(&self) -> bool {
        self.state() == ServiceState::Up
    }
    /// Whether it is a longrun that is up to s6-rc, and has no process.
    pub(super) fn is_idle(&self) -> bool {
        self.status.kind == ServiceKind::Longrun && self.is_up() && self.pid().is_none()
    }
    /// How well it is, if that is looked at.
    pub(super) fn health(&self) -> Option<HealthState> {
        self.status.health.as_ref()?.state
    }
    /// The pid of `run`; nothing else uses much.
    pub(super) fn run_pid(&self) -> Option<i32> {
        self.status.pid.filter(|_| self.status.running && !self.is_oneshot())
    }
    /// Whether it is to be up. To s6-rc, a longrun that was started stays up whatever its
    /// supervisor is told; but a disabled service often runs `s6-svc -O .` on itself.
    pub(super) fn is_wanted(&self) -> bool {
        let supervisor = self.supervisor();
        let is_asked_for =
            || !matches!(self.why_down(), Some(WhyDown::NotWanted | WhyDown::Off(_)));
        match self.status.kind {
            ServiceKind::Bundle => false,
            ServiceKind::Longrun if !self.is_up() => is_asked_for(),
            ServiceKind::Longrun | ServiceKind::Scanned => {
                let is_done = matches!(supervisor.rest, Some(RestStatus::Ended(_)));
                supervisor.wanted_up || (supervisor.rest.is_some() && !is_done)
            }
            ServiceKind::Oneshot => self.is_up() || is_asked_for(),
        }
    }

    /// What it is doing.
    pub(super) fn state(&self) -> ServiceState {
        let supervisor = self.supervisor();
        match (self.status.kind, self.status.running) {
            (ServiceKind::Oneshot, true) if self.is_up() => ServiceState::Stopping,
            (ServiceKind::Oneshot, true) => ServiceState::Starting,
            (ServiceKind::Oneshot, false) if self.is_up() => ServiceState::Up,
            (ServiceKind::Oneshot, false) => self.why_state(),
            (_, true) if supervisor.stopping => ServiceState::Stopping,
            (_, true) if supervisor.paused => ServiceState::Paused,
            (_, true) if supervisor.flapping => ServiceState::Flapping,
            (_, true) if self.status.ready => ServiceState::Up,
            (_, true) => ServiceState::Starting,
            (_, false) if supervisor.finishing && !supervisor.wanted_up => ServiceState::Stopping,
            (_, false) if supervisor.wanted_up && supervisor.flapping => ServiceState::Flapping,
            (_, false) if supervisor.wanted_up => ServiceState::Restarting,
            (_, false) if has_failed(supervisor.rest) => ServiceState::Failed,
            (_, false) => self.why_state(),
        }
    }

    /// The state of what has no process.
    fn why_state(&self) -> ServiceState {
        match self.why_down() {
            Some(WhyDown::Failed(_) | WhyDown::Needs(..) | WhyDown::GivenUp) => {
                ServiceState::Failed
            }
            Some(WhyDown::WaitsFor(_)) => ServiceState::Waiting,
            Some(WhyDown::Starting) => ServiceState::Starting,
            Some(WhyDown::Off(_)) => ServiceState::Off,
            Some(WhyDown::NotWanted) | None => ServiceState::Down,
        }
    }

    /// Why it is not up, in words; empty if it is.
    pub(super) fn why(&self) -> String {
        let is_enabled = self.status.tree.as_ref().is_some_and(|tree| tree.enabled);
        match self.why_down() {
            Some(WhyDown::Failed(failure)) => match (failure, self.supervisor().rest) {
                (StartFailure::Permanent, Some(rest)) => format!("failed: {}", rest_in_words(rest)),
                _ => format!("failed: {}", reason(*failure)),
            },
            Some(WhyDown::Needs(other, failure)) => {
                format!("needs {other}, which failed: {}", reason(*failure))
            }
            Some(WhyDown::WaitsFor(other)) => format!("waiting for {other}"),
            Some(WhyDown::GivenUp) => "its turn did not come before the change ended".to_owned(),
            Some(WhyDown::Off(why)) => why.clone(),
            Some(WhyDown::NotWanted) if !is_enabled => "disabled".to_owned(),
            Some(WhyDown::NotWanted) => "stopped".to_owned(),
            Some(WhyDown::Starting) | None => self.why_not_running(),
        }
    }

    /// Why a longrun that ought to be up is not: its supervisor, or someone who told it, knows.
    fn why_not_running(&self) -> String {
        let seen = self.what_is_seen();
        if !seen.is_empty() {
            return seen;
        }
        if let (ServiceState::Restarting, Some(refused)) = (self.state(), &self.status.refused) {
            return format!("it could not be started: {refused}; it is tried again each minute");
        }
        match self.supervisor().rest {
            Some(rest) if self.status.pid.is_none() => {
                with_reason(rest_in_words(rest), self.status.refused.as_deref())
            }
            Some(_) | None => self.what_its_supervisor_does().to_owned(),
        }
    }

    /// Why it is not ready or not well, as somebody sees who looks at it, and what it says itself.
    fn what_is_seen(&self) -> String {
        let Some(HealthStatus { why, words, .. }) = &self.status.health else {
            return String::new();
        };
        let why = match (self.state(), why) {
            (ServiceState::Starting, Some(why)) => format!("not ready yet: {why}"),
            (ServiceState::Restarting, Some(why)) => format!("it is started again: {why}"),
            (_, why) => why.clone().unwrap_or_default(),
        };
        match words {
            Some(words) if why.is_empty() => words.clone(),
            Some(words) => format!("{why} ({words})"),
            None => why,
        }
    }

    fn what_its_supervisor_does(&self) -> &'static str {
        match self.state() {
            ServiceState::Up
            | ServiceState::Stopping
            | ServiceState::Failed
            | ServiceState::Off
            | ServiceState::Waiting => "",
            ServiceState::Starting => "not ready yet",
            ServiceState::Flapping => "it ended by itself more than twice within the last minute",
            ServiceState::Restarting => "it ended; it will be started again",
            ServiceState::Paused => "paused",
            ServiceState::Down => "told to stay down",
        }
    }

    /// For programs: names and meanings of the fields stay as they are.
    pub(super) fn to_json(&self) -> Value {
        let why = self.why();
        let mut object = json!({
            "name": self.name,
            "type": self.status.kind.word(),
            "state": self.state().word(),
            "ready": self.is_ready(),
            "health": self.health().map(HealthState::word),
            "wanted": self.is_wanted(),
            "enabled": self.status.tree.as_ref().map(|tree| tree.enabled),
            "since_ms": self.since_ms(),
            "pid": self.pid(),
            "restarts": self.restarts(),
            "last_exit": self.status.last_exit.map(end_in_json),
            "why": Some(why).filter(|why| !why.is_empty()),
            "memory_bytes": self.usage.map(|usage| usage.memory_bytes),
            "cpu_percent": self.usage.and_then(|usage| usage.cpu_percent),
        });
        if let (Some(of), Some(fields)) = (self.instance_of(), object.as_object_mut()) {
            fields.insert("instance_of".to_owned(), of.into());
        }
        object
    }

    /// Whether it is up to s6-rc.
    fn is_up(&self) -> bool {
        self.status.tree.as_ref().is_some_and(|tree| tree.up)
    }
    fn why_down(&self) -> Option<&WhyDown> {
        self.status.tree.as_ref()?.why.as_ref()
    }
    /// What its supervisor knows; nothing of what has none.
    fn supervisor(&self) -> SupervisorStatus {
        self.status.supervisor.unwrap_or_default()
    }
}

/// How a script ended, for programs.
fn end_in_json(end: ScriptEnd) -> Value {
    match end {
        ScriptEnd::Code(code) => json!({ "code": code }),
        ScriptEnd::Signal(signal) => json!({ "signal": signal }),
    }
}

impl ServiceState {
    /// How bad it is, to find the worst of some.
    pub(super) fn badness(self) -> u8 {
        match self {
            Self::Up => 0,
            Self::Off => 1,
            Self::Down => 2,
            Self::Paused => 3,
            Self::Waiting => 4,
            Self::Starting => 5,
            Self::Stopping => 6,
            Self::Flapping => 7,
            Self::Restarting => 8,
            Self::Failed => 9,
        }
    }
    /// The word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Starting => "starting",
            Self::Stopping => "stopping",
            Self::Restarting => "restarting",
            Self::Flapping => "flapping",
            Self::Paused => "paused",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Down => "down",
            Self::Off => "off",
        }
    }

    /// The colour of its word on a terminal.
    pub(super) fn colour(self) -> &'static str {
        match self {
            Self::Up => "32",
            Self::Starting | Self::Stopping | Self::Waiting | Self::Paused => "33",
            Self::Failed | Self::Restarting | Self::Flapping => "31",
            Self::Down | Self::Off => "2",
        }
    }
}

/// One line for each service that is to be up, and is not: `NAME: STATE: WHY`. Those that are
/// named are to be up.
pub(super) fn culprits(services: &[Known], named: bool) -> Vec<String> {
    let wrong = services.iter().filter(|k| (named || k.is_wanted()) && !k.is_healthy());
    let line = |known: &Known| {
        let why = known.why();
        let why = if why.is_empty() { why } else { format!(": {why}") };
        // Only one that is unwell is up, and named all the same.
        let word = if known.is_ready() { "unhealthy" } else { known.state().word() };
        visible(&format!("{}: {word}{why}", known.name)).into_owned()
    };
    wrong.map(line).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::format::request::TreeStatus;

    fn in_tree(up: bool, enabled: bool, why: Option<WhyDown>) -> Option<TreeStatus> {
        Some(TreeStatus { up, enabled, why })
    }

    /// What PID 1 could know of a small tree.
    pub(crate) fn canned() -> Vec<Known> {
        let failure = StartFailure::Ended(ScriptEnd::Code(3));
        let supervisor = Some(SupervisorStatus::default());
        let up = SupervisorStatus { wanted_up: true, restarts: 2, ..Default::default() };
        let of = |name: &str, kind| {
            let name = name.to_owned();
            ServiceStatus { name, kind, ..ServiceStatus::default() }
        };
        let all = [
            ServiceStatus {
                running: true,
                ready: true,
                pid: Some(41),
                since_ms: Some(1_000),
                last_exit: Some(ScriptEnd::Signal(9)),
                tree: in_tree(true, true, None),
                supervisor: Some(up),
                ..of("db", ServiceKind::Longrun)
            },
            ServiceStatus {
                since_ms: Some(2_000),
                last_exit: Some(ScriptEnd::Code(3)),
                tree: in_tree(false, true, Some(WhyDown::Failed(failure))),
                ..of("migrate", ServiceKind::Oneshot)
            },
            ServiceStatus {
                tree: in_tree(false, true, Some(WhyDown::Needs("migrate".into(), failure))),
                supervisor,
                ..of("web", ServiceKind::Longrun)
            },
            ServiceStatus {
                tree: in_tree(false, false, Some(WhyDown::NotWanted)),
                supervisor,
                ..of("debug", ServiceKind::Longrun)
            },
            ServiceStatus {
                since_ms: Some(500),
                ready: true,
                last_exit: Some(ScriptEnd::Code(0)),
                tree: in_tree(true, true, None),
                ..of("init", ServiceKind::Oneshot)
            },
        ];
        all.map(Known::from).into()
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
        let on = |running, supervisor| ServiceStatus {
            running,
            tree: in_tree(true, true, None),
            supervisor: Some(supervisor),
            ..ServiceStatus::default()
        };
        let shown = |status| {
            let known = Known::from(status);
            format!("{} {}", known.state().word(), known.why())
        };
        let wanted = SupervisorStatus { wanted_up: true, ..Default::default() };
        let unwanted = SupervisorStatus::default();
        assert_eq!(shown(ServiceStatus { ready: true, ..on(true, wanted) }), "up ");
        assert_eq!(shown(on(true, wanted)), "starting not ready yet");
        let paused = SupervisorStatus { paused: true, ..wanted };
        assert_eq!(shown(on(true, paused)), "paused paused");
        let stopping = SupervisorStatus { stopping: true, ..wanted };
        assert_eq!(shown(on(true, stopping)), "stopping ");
        let finishing = SupervisorStatus { finishing: true, ..unwanted };
        assert_eq!(shown(on(false, finishing)), "stopping ");
        assert_eq!(shown(on(false, wanted)), "restarting it ended; it will be started again");
        assert_eq!(shown(on(false, unwanted)), "down told to stay down");
        let gave_up = SupervisorStatus {
            rest: Some(RestStatus::Finish(ScriptEnd::Code(1), 1, 0)),
            ..unwanted
        };
        assert_eq!(shown(on(false, gave_up)), "down gave up: its finish script exited 125");
        let waits = in_tree(false, true, Some(WhyDown::WaitsFor("db".into())));
        let waits = ServiceStatus { tree: waits, ..on(false, unwanted) };
        assert_eq!(shown(waits), "waiting waiting for db");
    }

    #[test]
    fn json_has_every_field() {
        let all = canned();
        assert_eq!(
            all[0].to_json().to_string(),
            r#"{"cpu_percent":null,"enabled":true,"health":null,"last_exit":{"signal":9},"#
                .to_owned()
                + r#""memory_bytes":null,"name":"db","pid":41,"ready":true,"restarts":2,"#
                + r#""since_ms":1000,"state":"up","type":"longrun","wanted":true,"why":null}"#
        );
        assert_eq!(all[1].to_json()["why"], "failed: exit 3");
    }
}
