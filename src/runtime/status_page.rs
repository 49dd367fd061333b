//! Replies to `sixtree status` and `sixtree timing`: what is known of the services and of the boot.

use super::Runtime;
use super::boot_record::BootRecord;
use super::service::Service;
use crate::definition::{Definition, Kind};
use crate::engine::{Exit, Failure, Rest, Time, Why};
use crate::format::request::{
    BootTimes, RestStatus, ScriptEnd, ServiceKind, ServiceStatus, ServiceTimes, StartFailure,
    StatusPage, StepTime, SupervisorStatus, TreeStatus, WhyDown,
};
use crate::graph::{Direction, ServiceId};
use nix::unistd::Pid;
use std::collections::BTreeSet;

/// How many services there are in one answer: PID 1 has other things to do in between.
const AT_A_TIME: usize = 1000;

impl Runtime {
    /// All that is known of the services from this one on, as many as there are in one answer.
    pub(super) fn status_page(&self, from: ServiceId) -> StatusPage {
        let graph = self.engine.graph();
        let top = graph.closure(&graph.find("top").unwrap_or_default(), Direction::Up);
        let enabled: BTreeSet<_> = top.into_iter().collect();
        let status =
            |(id, service): (&ServiceId, &Service)| self.status(*id, service, enabled.contains(id));
        let mut rest = self.services.iter().skip_while(|(id, _)| **id < from);
        let mut services: Vec<_> = rest.by_ref().take(AT_A_TIME).map(status).collect();
        let next = rest.next().map(|(id, _)| id.0);
        if next.is_none() {
            services.extend(self.settings.absences.statuses(graph));
        }
        StatusPage { services, next }
    }

    /// What took how long at boot.
    pub(super) fn boot_times(&self) -> BootTimes {
        let BootRecord { spans, over_us, .. } = &self.boot;
        let step =
            |(name, ended_us): &(&str, u64)| StepTime { name: (*name).into(), ended_us: *ended_us };
        let services = spans.iter().filter_map(|(id, span)| {
            Some(ServiceTimes {
                name: self.services.get(id)?.name.clone(),
                begun_us: span.begun_us?,
                ended_us: span.ended_us,
                failed: span.failed,
            })
        });
        BootTimes {
            steps: self.settings.steps.iter().map(step).collect(),
            services: services.collect(),
            over_us: *over_us,
            now_us: self.since_begun_us(),
        }
    }

    fn status(&self, id: ServiceId, service: &Service, enabled: bool) -> ServiceStatus {
        let definition = self.engine.graph().definition(id);
        let kind = match definition.map(|d| &d.kind) {
            Some(Kind::Oneshot(_)) => ServiceKind::Oneshot,
            Some(Kind::Longrun(_) | Kind::Bundle(_)) => ServiceKind::Longrun,
            None => ServiceKind::Scanned,
        };
        let processes = service.processes;
        let a_minute_ago = Time(self.now().0.saturating_sub(60_000));
        let pid = processes.run.or(processes.finish).or(processes.oneshot);
        let longrun = self.engine.longrun(id);
        let (running, ready, exit) = match longrun {
            Some(longrun) => (processes.run.is_some(), longrun.serves(), longrun.exit()),
            None => (processes.oneshot.is_some(), self.engine.is_up(id), service.last_script),
        };
        ServiceStatus {
            name: service.name.clone(),
            kind,
            instance_of: definition.and_then(Definition::instance).map(|i| i.of.clone()),
            pid: pid.map(Pid::as_raw),
            since_ms: service.status.stamp.to_utc().map(|t| t.since_epoch.as_millis() as u64),
            running,
            ready,
            last_exit: exit.map(script_end),
            refused: service.refused.clone(),
            tree: definition.map(|_| TreeStatus {
                up: self.engine.is_up(id),
                enabled,
                why: self.engine.why_not_up(id).map(|why| self.why_down(why, &service.name)),
            }),
            supervisor: longrun.map(|longrun| SupervisorStatus {
                wanted_up: longrun.wanted(),
                stopping: longrun.is_stopping(),
                finishing: processes.run.is_none() && processes.finish.is_some(),
                paused: longrun.paused(),
                flapping: longrun.ends_since(a_minute_ago) > 2,
                rest: longrun.rest().map(rest_status),
                restarts: longrun.restarts().into(),
            }),
            health: self.health_status(id),
        }
    }

    fn why_down(&self, why: Why, service: &str) -> WhyDown {
        let name = |id| self.engine.graph().name(id).to_owned();
        match why {
            Why::NotWanted => match self.settings.absences.left_out.get(service) {
                Some(why) => WhyDown::Off(why.clone()),
                None => WhyDown::NotWanted,
            },
            Why::Starting => WhyDown::Starting,
            Why::WaitsFor(id) => WhyDown::WaitsFor(name(id)),
            Why::Failed(failure) => WhyDown::Failed(start_failure(failure)),
            Why::Needs(id, failure) => WhyDown::Needs(name(id), start_failure(failure)),
            Why::GivenUp => WhyDown::GivenUp,
        }
    }
}

fn rest_status(rest: Rest) -> RestStatus {
    match rest {
        Rest::Finish { exit, failures, during_ms } => {
            RestStatus::Finish(script_end(exit), failures, during_ms)
        }
        Rest::Ended { exit, failed: false } => RestStatus::Ended(script_end(exit)),
        Rest::Ended { exit, failed: true } => RestStatus::Failed(script_end(exit)),
        Rest::Refused => RestStatus::Refused,
        Rest::Unwell => RestStatus::Unwell,
        Rest::Limit { ends, seconds, .. } => RestStatus::Limit(ends, seconds),
    }
}

fn script_end(exit: Exit) -> ScriptEnd {
    match exit {
        Exit::Code(code) => ScriptEnd::Code(code),
        Exit::Signal(signal) => ScriptEnd::Signal(signal),
    }
}

fn start_failure(failure: Failure) -> StartFailure {
    match failure {
        Failure::Exited(code) => StartFailure::Ended(ScriptEnd::Code(code)),
        Failure::Crashed(signal) => StartFailure::Ended(ScriptEnd::Signal(signal)),
        Failure::TimedOut => StartFailure::TimedOut,
        Failure::Permanent => StartFailure::Permanent,
        Failure::NotSpawned => StartFailure::NotSpawned,
        Failure::Aborted => StartFailure::Aborted,
    }
}
