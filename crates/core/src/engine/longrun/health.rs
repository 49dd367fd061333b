//! How well `run` is, as somebody finds who looks at it from outside, and what is done about it.
//!
//! | found | when | what is done |
//! |---|---|---|
//! | Passed | ever | it is healthy; failures are counted anew |
//! | Failed | within `health-start`, none has passed | nothing |
//! | Failed | `health-failures` in a row | unhealthy: `on-unhealthy` |
//! | WatchdogMissed | ever | unhealthy: `on-unhealthy` |
//! | TooMuchMemory | ever | `on-memory` |
//!
//! To restart is to stop it as `d` does, with `timeout-kill`, while it stays wanted. Of one that
//! was told to end, or is paused, nothing is judged. Such an end counts for `restart-limit`, as a
//! failure, and `on-failure` is not asked.

use super::stop::StopRequest;
use super::supervisor::{Activity, Readiness, Supervisor};
use super::{LongrunState, SupervisedLongrun};
use crate::definition::health::{HealthRules, Reaction};
use crate::engine::agenda::ServiceAgenda;
use crate::engine::{Checked, Look, Time};

/// How well a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// No check has passed yet, and not enough have failed.
    Starting,
    /// Its last checks have passed, but for so many.
    Healthy {
        /// How many have failed since.
        failed: u32,
    },
    /// Too many have failed, after one another.
    Unhealthy {
        /// How many.
        failed: u32,
    },
}

/// What is known of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunHealth {
    rules: HealthRules,
    /// When it was started.
    since: Time,
    /// A check has passed.
    passed: bool,
    /// How many have failed since.
    failed: u32,
    unhealthy: bool,
    /// It uses too much memory, which has been reported.
    fat: bool,
    /// It was stopped, to be started again.
    restarted: bool,
}

impl RunHealth {
    /// That of a process that starts now.
    pub(super) fn new(rules: HealthRules, now: Time) -> Self {
        Self {
            rules,
            since: now,
            passed: false,
            failed: 0,
            unhealthy: false,
            fat: false,
            restarted: false,
        }
    }

    /// Whether it was stopped, to be started again.
    pub(super) fn is_restarted(&self) -> bool {
        self.restarted
    }

    /// What is to be done about what was found; nothing twice.
    fn judge(&mut self, what: Checked, now: Time) -> Option<Reaction> {
        match what {
            Checked::Passed => {
                (self.passed, self.failed, self.unhealthy) = (true, 0, false);
                None
            }
            Checked::Failed => {
                let starts = now.0 < self.since.0.saturating_add(self.rules.start_ms.into());
                if starts && !self.passed {
                    return None;
                }
                self.failed = self.failed.saturating_add(1);
                let is_enough = self.failed >= self.rules.failures;
                (is_enough && !std::mem::replace(&mut self.unhealthy, true))
                    .then_some(self.rules.on_unhealthy)
            }
            Checked::WatchdogMissed => {
                let was = std::mem::replace(&mut self.unhealthy, true);
                (!was).then_some(self.rules.on_unhealthy)
            }
            Checked::TooMuchMemory => {
                let was = std::mem::replace(&mut self.fat, true);
                (!was).then_some(self.rules.on_memory)
            }
        }
    }

    fn state(&self) -> Health {
        match *self {
            Self { unhealthy: true, failed, .. } => Health::Unhealthy { failed },
            Self { passed: true, failed, .. } => Health::Healthy { failed },
            Self { .. } => Health::Starting,
        }
    }
}

impl SupervisedLongrun {
    /// How well its process is, if somebody looks.
    pub fn health(&self) -> Option<Health> {
        match self.activity() {
            Some(Activity::Up(run)) => run.health.as_ref().map(RunHealth::state),
            Some(
                Activity::Down { .. }
                | Activity::Starting { .. }
                | Activity::Lingering { .. }
                | Activity::Ending { .. }
                | Activity::Finishing { .. },
            )
            | None => None,
        }
    }

    /// Somebody has looked at it; what is done about that.
    pub(in crate::engine) fn checked(
        &mut self,
        what: Checked,
        agenda: &mut ServiceAgenda<'_>,
    ) -> Option<Reaction> {
        match &mut self.state {
            LongrunState::Supervised(supervisor) => supervisor.checked(what, agenda),
            LongrunState::Unsupervised { .. } | LongrunState::Supervising { .. } => None,
        }
    }

    /// It asks for more time to end.
    pub(in crate::engine) fn extend_timeout(&mut self, ms: u32, agenda: &mut ServiceAgenda<'_>) {
        if let Some(Activity::Up(run)) = self.activity()
            && run.stop == StopRequest::Sent
        {
            agenda.postpone_timer(agenda.after(ms.into()));
        }
    }
}

impl Supervisor {
    fn checked(&mut self, what: Checked, agenda: &mut ServiceAgenda<'_>) -> Option<Reaction> {
        let Activity::Up(run) = &mut self.activity else { return None };
        if run.stop != StopRequest::None || run.paused {
            return None;
        }
        let health = run.health.as_mut()?;
        let reaction = health.judge(what, agenda.now())?;
        health.restarted = reaction == Reaction::Restart;
        agenda.report_unwell(what, reaction);
        let wanted = self.wanted;
        match reaction {
            Reaction::Ignore => {}
            Reaction::Restart => {
                self.stop(agenda);
                self.wanted = wanted;
                self.announce(agenda);
            }
            Reaction::Stop => self.stop(agenda),
        }
        Some(reaction)
    }

    /// Has `run` looked at as it is now.
    pub(super) fn look(&self, agenda: &mut ServiceAgenda<'_>) {
        let Activity::Up(run) = &self.activity else { return };
        if run.health.is_some() {
            agenda.look(match run.readiness {
                _ if run.paused || run.stop != StopRequest::None => Look::Words,
                Readiness::Awaited => Look::Readiness,
                Readiness::Silent | Readiness::Ready { .. } => Look::Health,
            });
        }
    }
}
