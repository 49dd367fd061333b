//! The course of the boot: when each service began to start and was up, what it waits for, and what
//! failed.

use super::ends::in_words;
use super::{Runtime, failed_boot, report};
use crate::engine::{BOOT, Failure, Outcome, Report, RequestId, SupervisedLongrun, Time};
use crate::graph::{Direction, ServiceId};
use litemap::LiteMap;

/// When the boot first names the services that it waits for, and how often after that, in ms: as a
/// stop does.
const NAMING_MS: u64 = 2_000;
const NAMING_AGAIN_MS: u64 = 10_000;

/// What is known of the boot. Times are in µs since /init began.
#[derive(Debug, Default)]
pub(super) struct BootRecord {
    /// The services that were to start.
    pub spans: LiteMap<ServiceId, Span>,
    /// When the boot was over.
    pub over_us: Option<u64>,
    /// When to report the services that it waits for.
    name_at: Option<Time>,
    /// What failed.
    failures: Vec<(ServiceId, Failure)>,
    /// Whether the container ends because of it.
    is_fatal: bool,
}

impl BootRecord {
    /// The boot begins.
    pub(super) fn begin(&mut self, now: Time) {
        self.name_at = Some(Time(now.0 + NAMING_MS));
    }

    /// When there is something to report.
    pub(super) fn due(&self) -> Option<Time> {
        self.name_at
    }

    /// The services that are starting.
    fn starting(&self) -> Vec<ServiceId> {
        let spans = self.spans.iter();
        let starting = spans.filter(|(_, s)| s.begun_us.is_some() && s.ended_us.is_none());
        starting.map(|(id, _)| *id).collect()
    }
}

/// The start of one service.
#[derive(Debug, Default)]
pub(super) struct Span {
    /// Its turn came.
    pub begun_us: Option<u64>,
    /// It was up and ready, or had failed.
    pub ended_us: Option<u64>,
    /// It failed.
    pub failed: bool,
}

/// What the boot waits for.
impl Runtime {
    /// Names the services that the boot waits for, if it is time to.
    pub(super) fn name_boot_waits(&mut self) {
        let now = self.now();
        if self.boot.name_at.is_none_or(|at| at > now) {
            return;
        }
        self.boot.name_at = Some(Time(now.0 + NAMING_AGAIN_MS));
        let starting = self.boot.starting();
        let graph = self.engine.graph();
        let names: Vec<&str> = starting.iter().map(|&id| graph.name(id)).collect();
        if !names.is_empty() {
            let text = report::still_waiting(&names, "start");
            self.reporter.warn(&format!("s6-rc: warning: {text}"));
        }
    }

    /// The boot is over: reports what failed in it, and what did not come up in time.
    pub(super) fn report_boot(&mut self, outcome: Outcome) {
        self.boot.name_at = None;
        if outcome == Outcome::TimedOut {
            self.report_timed_out();
        }
        if matches!(outcome, Outcome::Failed | Outcome::TimedOut) {
            let failures = std::mem::take(&mut self.boot.failures);
            let engine = &self.engine;
            let known = |id| {
                let refused = self.services.get(&id).and_then(|service| service.refused.clone());
                let rest = engine.longrun(id).and_then(SupervisedLongrun::rest);
                rest.map(|rest| in_words(rest, refused.as_deref())).or(refused)
            };
            let is_up = |id| engine.is_up(id);
            let path = self.settings.env.iter().find_map(|entry| entry.strip_prefix(b"PATH="));
            let path = path.unwrap_or_default();
            let lines = failed_boot::summary(engine.graph(), &failures, is_up, known, path);
            for line in lines {
                self.reporter.warn(&format!("sixtree: warning: {line}"));
            }
        }
    }

    fn report_timed_out(&mut self) {
        let starting = self.boot.starting();
        let graph = self.engine.graph();
        let names: Vec<&str> = starting.iter().map(|&id| graph.name(id)).collect();
        let others = graph.closure(&starting, Direction::Down).into_iter();
        let others: Vec<&str> = others
            .filter(|id| !starting.contains(id) && !self.engine.is_up(*id))
            .map(|id| graph.name(id))
            .collect();
        let mut text = format!(
            "S6_CMD_WAIT_FOR_SERVICES_MAXTIME is over, and these are not up yet: {}",
            names.join(", ")
        );
        if !others.is_empty() {
            text += &format!("; not started because of them: {}", others.join(", "));
        }
        self.reporter.warn("s6-rc: fatal: timed out");
        self.reporter.warn(&format!("sixtree: warning: {text}"));
    }

    /// Reports the end of the catch-all log, if the output of the failed services went only there
    /// and the log goes with the container. By now the logger has read everything.
    pub(super) fn report_last_lines(&mut self) {
        let log = self.settings.hidden_log.take().filter(|_| self.boot.is_fatal);
        let lines = log.as_deref().map(failed_boot::last_lines).unwrap_or_default();
        for line in lines {
            self.reporter.warn(&format!("sixtree: warning: logged at last: {line}"));
        }
    }
}

impl Runtime {
    /// Records failures, and when a service began and finished starting at boot. The time is that
    /// of the event, because the services that it releases are started before it is reported.
    pub(super) fn record_boot(&mut self, request: RequestId, report: Report) {
        if request != BOOT {
            return;
        }
        self.boot.is_fatal |= report == Report::BootFatal;
        if let Report::NotStarted(id, failure) = report {
            self.boot.failures.push((id, failure));
        }
        let (now_us, heard_us) = (self.since_begun_us(), self.heard_us);
        let spans = &mut self.boot.spans;
        let (id, failed) = match report {
            Report::Starting(id) => {
                // Services start from the last to the first, and a sorted vector would be shifted
                // for each of them.
                if spans.is_empty() {
                    let all = self.engine.graph().ids();
                    spans.extend(all.map(|id| (id, Span::default())));
                }
                spans.insert(id, Span { begun_us: Some(now_us), ended_us: None, failed: false });
                return;
            }
            Report::Started(id) => (id, false),
            Report::NotStarted(id, _) => (id, true),
            _ => return,
        };
        if let Some(span) = spans.get_mut(&id) {
            (span.ended_us, span.failed) = (Some(heard_us), failed);
        }
    }

    /// What has passed since /init began, in µs.
    pub(super) fn since_begun_us(&self) -> u64 {
        u64::try_from(self.settings.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
