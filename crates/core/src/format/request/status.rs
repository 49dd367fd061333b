//! What PID 1 reports about its services, their boot, and itself.

use crate::format::wire::{ListItem, wire_enum, wire_struct};

/// Some services, and where to go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusPage {
    /// What is known of each.
    pub services: Vec<ServiceStatus>,
    /// The number of the next service; none is left without it.
    pub next: Option<u32>,
}
wire_struct!(StatusPage, all: services, next);

/// All that is known of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: ServiceKind,
    /// The service of which it is an instance.
    pub instance_of: Option<String>,
    /// Its process: `run`, or else `finish`, or a oneshot's script.
    pub pid: Option<i32>,
    /// When its process started or ended, in ms since 1970.
    pub since_ms: Option<u64>,
    /// `run` runs, or a oneshot's script.
    pub running: bool,
    /// Its process is ready, so that services that need it can count on it.
    pub ready: bool,
    /// How its process, or its last script, ended.
    pub last_exit: Option<ScriptEnd>,
    /// Why it could not be supervised or started when that was tried last.
    pub refused: Option<String>,
    /// What s6-rc knows of it, where it is in the tree.
    pub tree: Option<TreeStatus>,
    /// What its supervisor knows of it, where it has one.
    pub supervisor: Option<SupervisorStatus>,
    /// What is known by looking at it, where somebody does.
    pub health: Option<HealthStatus>,
}
wire_struct!(
    ServiceStatus, all:
    name, kind, instance_of, pid, since_ms, running, ready, last_exit, refused, tree,
    supervisor, health
);
impl ListItem for ServiceStatus {}

/// What is known of a service by looking at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HealthStatus {
    /// How well it is, where it has health checks or a watchdog, and runs.
    pub state: Option<HealthState>,
    /// Why it is not ready, or not well, or was ended.
    pub why: Option<String>,
    /// What it says that it does.
    pub words: Option<String>,
}
wire_struct!(HealthStatus, all: state, why, words);

/// How well a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealthState {
    /// No check has passed yet.
    #[default]
    Starting,
    /// The last checks have passed, or too few have failed to matter.
    Healthy,
    /// Too many have failed.
    Unhealthy,
}
wire_enum!(HealthState {
    "starting": Starting {}
    "healthy": Healthy {}
    "unhealthy": Unhealthy {}
});

impl HealthState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What a service is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceKind {
    /// A oneshot.
    Oneshot,
    /// It runs.
    #[default]
    Longrun,
    /// A supervised process of the scan directory, which is not in the tree.
    Scanned,
    /// A name for several services. Only a bundle that is off is reported.
    Bundle,
}
wire_enum!(ServiceKind {
    "oneshot": Oneshot {}
    "longrun": Longrun {}
    "scanned": Scanned {}
    "bundle": Bundle {}
});

impl ServiceKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Oneshot => "oneshot",
            Self::Longrun => "longrun",
            Self::Scanned => "scanned",
            Self::Bundle => "bundle",
        }
    }
}

/// A service of the tree, as s6-rc sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreeStatus {
    /// It is up.
    pub up: bool,
    /// It is in the bundle that the boot brings up.
    pub enabled: bool,
    /// Why it is not up.
    pub why: Option<WhyDown>,
}
wire_struct!(TreeStatus, all: up, enabled, why);

/// A longrun, as s6-supervise sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SupervisorStatus {
    /// It is to be up.
    pub wanted_up: bool,
    /// It is on its way down.
    pub stopping: bool,
    /// Only `finish` runs.
    pub finishing: bool,
    /// It is paused.
    pub paused: bool,
    /// It ended by itself more than twice in the last minute.
    pub flapping: bool,
    /// Why it is not started again, although nobody has stopped it.
    pub rest: Option<RestStatus>,
    /// How often it was started again.
    pub restarts: u64,
}
wire_struct!(
    SupervisorStatus, all:
    wanted_up, stopping, finishing, paused, flapping, rest, restarts
);

/// Why a longrun that was wanted is not started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RestStatus {
    /// Its `finish` exited 125: after this end, and so many failures in so many ms.
    Finish(ScriptEnd, u32, u64),
    /// Its files have it stay down after a success.
    Ended(ScriptEnd),
    /// The same after a failure.
    Failed(ScriptEnd),
    /// Its `run` cannot be executed.
    #[default]
    Refused,
    /// It was unwell.
    Unwell,
    /// It ended so often, in so many seconds.
    Limit(u32, u32),
}
wire_enum!(RestStatus {
    "finish": Finish { 0: end: ScriptEnd, 1: failures: u32, 2: within_ms: u64 }
    "ended": Ended { 0: end: ScriptEnd }
    "failed": Failed { 0: end: ScriptEnd }
    "refused": Refused {}
    "unwell": Unwell {}
    "limit": Limit { 0: times: u32, 1: seconds: u32 }
});

/// Why a service of the tree is not up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WhyDown {
    /// No change has asked for it, or one has brought it down.
    #[default]
    NotWanted,
    /// It does not take part in the tree, or the boot left it out, for this reason.
    Off(String),
    /// It is on its way.
    Starting,
    /// It waits for this service, which it needs.
    WaitsFor(String),
    /// Its last start failed.
    Failed(StartFailure),
    /// It was not tried, since the start of this service failed, which it needs.
    Needs(String, StartFailure),
    /// It was not tried: the change ended before its turn came.
    GivenUp,
}
wire_enum!(WhyDown {
    "not_wanted": NotWanted {}
    "off": Off { 0: why: String }
    "starting": Starting {}
    "waits_for": WaitsFor { 0: service: String }
    "failed": Failed { 0: failure: StartFailure }
    "needs": Needs { 0: service: String, 1: failure: StartFailure }
    "given_up": GivenUp {}
});

/// Why a start failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartFailure {
    /// Its script ended like this.
    Ended(ScriptEnd),
    /// It took too long.
    TimedOut,
    /// Its `finish` exited 125, or its supervisor left.
    Permanent,
    /// Its script could not be started.
    #[default]
    NotSpawned,
    /// The change was given up.
    Aborted,
}
wire_enum!(StartFailure {
    "ended": Ended { 0: end: ScriptEnd }
    "timed_out": TimedOut {}
    "permanent": Permanent {}
    "not_spawned": NotSpawned {}
    "aborted": Aborted {}
});

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptEnd {
    /// It exited with this code.
    Code(u8),
    /// This signal killed it.
    Signal(u8),
}
wire_enum!(ScriptEnd {
    "code": Code { 0: code: u8 }
    "signal": Signal { 0: signal: u8 }
});

impl Default for ScriptEnd {
    fn default() -> Self {
        Self::Code(0)
    }
}

/// What took how long at boot, in µs since /init began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootTimes {
    /// What /init did before the services.
    pub steps: Vec<StepTime>,
    /// The services whose turn came.
    pub services: Vec<ServiceTimes>,
    /// When it was over.
    pub over_us: Option<u64>,
    /// The time now.
    pub now_us: u64,
}
wire_struct!(BootTimes, all: steps, services, over_us, now_us);

/// Something that /init did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepTime {
    /// What.
    pub name: String,
    /// When it was done; the next one began then.
    pub ended_us: u64,
}
wire_struct!(StepTime, all: name, ended_us);
impl ListItem for StepTime {}

/// The start of a service at boot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceTimes {
    /// Its name.
    pub name: String,
    /// When its turn came.
    pub begun_us: u64,
    /// When it was up and ready, or had failed.
    pub ended_us: Option<u64>,
    /// It failed.
    pub failed: bool,
}
wire_struct!(ServiceTimes, all: name, begun_us, ended_us, failed);
impl ListItem for ServiceTimes {}

/// Messages that PID 1 remembers, from some entry on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalPage {
    /// The entries, the oldest first.
    pub entries: Vec<JournalEntry>,
    /// The number of the entry to go on from.
    pub next: u64,
}
wire_struct!(JournalPage, all: entries, next);

/// A line that PID 1 remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalEntry {
    /// When, in µs since 1970.
    pub at_us: u64,
    /// It went to stderr too.
    pub said: bool,
    /// The line.
    pub text: String,
}
wire_struct!(JournalEntry, all: at_us, said, text);
impl ListItem for JournalEntry {}
