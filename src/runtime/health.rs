//! What is known of a service that is looked at: how, what was found last, and what it says of
//! itself.

use super::directory::ServiceDirectory;
use super::reporter::Reporter;
use crate::definition::health::{self, HealthPolicy};
use crate::engine::{Health, Look, Time};
use crate::format::look::{LookerOrder, LookerWatch, Sighting};
use crate::graph::ServiceId;
use crate::sys::{directory, errno, file};
use nix::errno::Errno;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The longest of its files that is read, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// A service that is looked at, as long as its process lives, and until the next one is there.
#[derive(Debug)]
pub(crate) struct ServiceHealth {
    /// How to look at it.
    pub(crate) policy: HealthPolicy,
    /// What to look at now, and since when.
    pub(crate) look: Look,
    since: Time,
    /// The number of the order, and that of the first order about this process.
    serial: u32,
    first: u32,
    /// The pid of `run`.
    pid: i32,
    /// Why it is not ready, or not well; empty if it is.
    why: String,
    /// That was said of a check, which may fail several times before it matters.
    counts: bool,
    /// Why it was said to be unwell.
    unwell: Option<String>,
    /// What it says that it does.
    pub(crate) words: String,
}

impl ServiceHealth {
    /// That of a process that has just started. Its pid is known later.
    pub(crate) fn new(policy: HealthPolicy) -> Self {
        Self {
            policy,
            look: Look::Nothing,
            since: Time(0),
            serial: 0,
            first: 0,
            pid: 0,
            why: String::new(),
            counts: false,
            unwell: None,
            words: String::new(),
        }
    }

    /// Something else is to be looked at from now on, by the order of this number.
    pub(crate) fn change(&mut self, look: Look, pid: i32, serial: u32, now: Time) {
        if self.first == 0 {
            self.first = serial;
        }
        (self.look, self.pid, self.serial, self.since) = (look, pid, serial, now);
    }

    /// Whether a finding is news: of this process, and, unless it says so itself, of what is looked
    /// at now.
    pub(crate) fn is_news(&self, serial: u32, what: &Sighting) -> bool {
        match what {
            Sighting::NotReady(_)
            | Sighting::Passed
            | Sighting::Failed(_)
            | Sighting::TooMuchMemory { .. }
            | Sighting::WatchdogMissed(_) => serial == self.serial,
            Sighting::Ready
            | Sighting::Status(_)
            | Sighting::Reloading
            | Sighting::Stopping
            | Sighting::Extend(_)
            | Sighting::Refused(_) => (self.first..=self.serial).contains(&serial),
        }
    }

    /// What the looker is to do about it.
    pub(crate) fn order(&self, id: ServiceId, directory: &Path, now: Time) -> LookerOrder {
        let HealthPolicy { ready, checks, memory, notifies, .. } = &self.policy;
        let (asks_ready, asks_health) = (self.look == Look::Readiness, self.look == Look::Health);
        let watch = LookerWatch {
            service: id.0,
            serial: self.serial,
            directory: directory.to_string_lossy().into_owned(),
            pid: self.pid,
            age_ms: now.0.saturating_sub(self.since.0),
            ready: ready.clone().filter(|_| asks_ready),
            ready_every_ms: self.policy.ready_every_ms,
            health: if asks_health { checks.clone() } else { Vec::new() },
            every_ms: self.policy.every_ms,
            timeout_ms: self.policy.timeout_ms,
            memory: memory.filter(|_| asks_ready || asks_health),
            notifies: *notifies && self.look != Look::Nothing,
            watchdog_ms: self.policy.watchdog_ms.filter(|_| *notifies && asks_health),
        };
        let asks = watch.ready.is_some() || !watch.health.is_empty();
        match asks || watch.memory.is_some() || watch.notifies {
            true => LookerOrder::Watch(Box::new(watch)),
            false => LookerOrder::Forget(id.0),
        }
    }

    /// Records why it is not ready, or not well; empty: it is.
    pub(crate) fn note(&mut self, why: String, counts: bool) {
        (self.why, self.counts) = (why, counts);
        if self.why.is_empty() {
            self.unwell = None;
        }
    }

    /// Records that it is unwell; why.
    pub(crate) fn note_unwell(&mut self, health: Option<Health>) -> String {
        let why = self.reason(health);
        self.unwell = Some(why.clone());
        why
    }

    /// Why it is not ready, or not well, with how often that was so; of one that has ended, why it
    /// was made to.
    pub(crate) fn reason(&self, health: Option<Health>) -> String {
        match health {
            Some(Health::Unhealthy { failed } | Health::Healthy { failed })
                if self.counts && failed > 0 =>
            {
                format!("{} ({failed} of {})", self.why, self.policy.rules.failures)
            }
            Some(Health::Unhealthy { .. } | Health::Healthy { .. } | Health::Starting) => {
                self.why.clone()
            }
            None => self.unwell.clone().unwrap_or_default(),
        }
    }
}

/// What was found, in words.
pub(crate) fn in_words(what: &Sighting) -> String {
    match what {
        Sighting::NotReady(why) | Sighting::Failed(why) => why.clone(),
        Sighting::TooMuchMemory { used, limit } => {
            format!("{}, more than its memory-limit ({})", mebibytes(*used), mebibytes(*limit))
        }
        Sighting::WatchdogMissed(Some(ms)) => {
            format!("no WATCHDOG=1 in {} s", f64::from(*ms) / 1000.0)
        }
        Sighting::WatchdogMissed(None) => {
            "WATCHDOG=trigger: it says itself that it is unwell".into()
        }
        Sighting::Reloading => "reloading".into(),
        Sighting::Stopping => "stopping".into(),
        Sighting::Status(text) | Sighting::Refused(text) => text.clone(),
        Sighting::Ready | Sighting::Passed | Sighting::Extend(_) => String::new(),
    }
}

fn mebibytes(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        whole => format!("{whole} MiB"),
    }
}

impl ServiceDirectory<'_> {
    /// Whether there is a file that says how to look at the service.
    pub(crate) fn has_health_files(&self) -> bool {
        let is_one = |name: &OsStr| health::FILES.iter().any(|file| *file == name);
        let entries = self.spare.lend(|e| *e, || directory::entries(Path::new(".")));
        entries.is_ok_and(|entries| entries.iter().any(|entry| is_one(&entry.name)))
    }

    /// How to look at the service. What is wrong is warned of, and counts as absent.
    pub(crate) fn health_policy(&self, reporter: &mut Reporter) -> HealthPolicy {
        let mut unreadable = Vec::new();
        let (policy, wrong) = health::read(|name| {
            match self.spare.lend(|e| *e, || file::head(name.as_bytes(), MAX_BYTES)) {
                Ok(text) => Some(text),
                Err(Errno::ENOENT) => None,
                Err(e) => {
                    unreadable.push(format!("unable to read {name}: {}", errno::text(e)));
                    None
                }
            }
        });
        unreadable.iter().for_each(|text| self.warn(reporter, text));
        for (name, line, mistake) in wrong {
            let place = if line > 0 { format!("{name}, line {line}") } else { name.to_owned() };
            self.warn(reporter, &format!("{place}: {mistake}"));
        }
        policy
    }
}

/// Where services send the messages of sd_notify(3), within a directory of ours.
pub(crate) fn notify_socket(directory: &Path) -> PathBuf {
    directory.join("notify")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_round() {
        let used = Sighting::TooMuchMemory { used: (312 << 20) + 5, limit: 250 << 20 };
        assert_eq!(in_words(&used), "312 MiB, more than its memory-limit (250 MiB)");
        assert_eq!(mebibytes(4096), "4 KiB");
        assert_eq!(in_words(&Sighting::WatchdogMissed(Some(2500))), "no WATCHDOG=1 in 2.5 s");
    }

    #[test]
    fn a_finding_is_news_of_what_is_looked_at() {
        let mut health = ServiceHealth::new(HealthPolicy::default());
        health.change(Look::Readiness, 7, 3, Time(0));
        health.change(Look::Health, 7, 4, Time(0));
        assert!(health.is_news(4, &Sighting::Passed) && !health.is_news(3, &Sighting::Passed));
        assert!(health.is_news(3, &Sighting::Stopping) && !health.is_news(2, &Sighting::Stopping));
        assert!(!health.is_news(5, &Sighting::Ready));
        let order = health.order(ServiceId(1), Path::new("/x"), Time(9));
        assert_eq!(order, LookerOrder::Forget(1));
    }
}
