//! The ends of one longrun by itself: what its files have to be done about each, how long to wait
//! before the next start, and when it is given up.
//!
//! What somebody brings about who stops it, restarts it or sends it a signal is no end by itself.
//! It is decided when `finish` has ended: `Supervisor` asks `EndRecord::judge`.

use crate::definition::{EndAction, EndPolicy, RestartDelay};
use crate::engine::{EndDefaults, Exit, FailureRow, Rest, Signal, Time};
use std::collections::VecDeque;
use std::sync::Arc;

/// How long `run` must have been up for the next delay to be the first one again, in ms: at least.
const STEADY_MS: u64 = 1_000;

/// How many ends are remembered at least.
const REMEMBERED: usize = 3;

/// The longest time that a row of failures goes on unreported, in ms. A process that was up for as
/// long ends the row.
const UNREPORTED_MS: u64 = 60_000;

/// What an end means, by the files of the service and the container's defaults.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Policy {
    own: Option<Arc<EndPolicy>>,
    defaults: EndDefaults,
    /// It has a `stop` script.
    pub(super) has_stop: bool,
}

/// The end of a `run`.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunEnd {
    pub exit: Exit,
    /// Nobody brought it about.
    pub by_itself: bool,
    /// It was stopped to be started again, because it was unwell: a failure, whatever its exit.
    pub unwell: bool,
    /// How long it was up.
    pub lived_ms: u64,
    /// When it was ready: the delay counts from there.
    pub ready_at: Option<Time>,
}

/// What is to be done after an end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verdict {
    /// Start it again, so many ms later.
    Restart(u32),
    /// Let it rest, and perhaps stop the container.
    Rest(Rest, EndAction),
}

/// The ends of a longrun since somebody started it.
#[derive(Clone, Debug, Default)]
pub(super) struct EndRecord {
    /// When the last ones were: as many as its policy wants to know of.
    recent: VecDeque<Time>,
    /// The last delay, in ms.
    delay_ms: Option<u32>,
    /// The failures, one after the other, that have not been followed by a long life.
    row: Option<Row>,
}

/// Failures, one after the other, and what was reported of them.
#[derive(Clone, Copy, Debug)]
struct Row {
    failures: u32,
    first: Time,
    reported: Time,
    /// How many came since, and how many make another report.
    since: u32,
    next: u32,
}

/// The signals that were sent to a process, as far as its end may come of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SentSignals {
    /// One by which processes are told to end.
    end: bool,
    /// A bit for each number of the others.
    others: u64,
}

impl Policy {
    /// The policy of a service with these files, or none.
    pub(in crate::engine) fn new(
        own: Option<Arc<EndPolicy>>,
        defaults: EndDefaults,
        has_stop: bool,
    ) -> Self {
        Self { own, defaults, has_stop }
    }

    /// How long it is from one start to the next.
    pub(super) fn delay(&self) -> RestartDelay {
        let own = self.own.as_ref().and_then(|own| own.restart_delay);
        own.unwrap_or(RestartDelay::DEFAULT)
    }

    /// What is done after a success.
    fn on_success(&self) -> EndAction {
        self.own.as_ref().and_then(|own| own.on_success).unwrap_or(EndAction::Restart)
    }

    fn is_success(&self, exit: Exit) -> bool {
        match exit {
            Exit::Code(code) => self.own.as_ref().map_or(code == 0, |own| own.is_success(code)),
            Exit::Signal(_) => false,
        }
    }

    /// What is done after a failure.
    pub(super) fn on_failure(&self) -> EndAction {
        let own = self.own.as_ref().and_then(|own| own.on_failure);
        own.unwrap_or(self.defaults.on_failure)
    }

    /// What is done when it is given up.
    pub(super) fn on_give_up(&self) -> EndAction {
        let own = self.own.as_ref().and_then(|own| own.on_give_up);
        own.unwrap_or(self.defaults.on_give_up)
    }
}

impl EndRecord {
    /// How many ends by itself there were since then, as far as they are remembered.
    pub(super) fn since(&self, time: Time) -> usize {
        self.recent.iter().filter(|at| **at >= time).count()
    }

    /// Why it rests where its `finish` says so.
    pub(super) fn finish(&self, exit: Exit, now: Time) -> Rest {
        let during_ms = self.row.map_or(0, |row| now.0.saturating_sub(row.first.0));
        Rest::Finish { exit, failures: self.row.map_or(0, |row| row.failures), during_ms }
    }

    /// Adds an end by itself to the row, if it is a failure; what is to be reported of it.
    pub(super) fn count(&mut self, end: &RunEnd, policy: &Policy, now: Time) -> Option<FailureRow> {
        if policy.is_success(end.exit) {
            return None;
        }
        let before = self.row.filter(|_| end.lived_ms < UNREPORTED_MS);
        let new = Row { failures: 0, first: now, reported: now, since: 0, next: 1 };
        let mut row = before.unwrap_or(new);
        row.failures = row.failures.saturating_add(1);
        row.since = row.since.saturating_add(1);
        let unreported_ms = now.0.saturating_sub(row.reported.0);
        let is_due = row.since >= row.next || unreported_ms >= UNREPORTED_MS;
        if is_due {
            (row.reported, row.since, row.next) = (now, 0, row.next.saturating_mul(10));
        }
        self.row = Some(row);
        is_due.then_some(FailureRow {
            exit: end.exit,
            lived_ms: end.lived_ms,
            failures: row.failures,
            during_ms: now.0.saturating_sub(row.first.0),
        })
    }

    /// Takes in an end by itself; what is to be done about it.
    pub(super) fn judge(&mut self, end: &RunEnd, policy: &Policy, now: Time) -> Verdict {
        self.remember(policy, now);
        let failed = !policy.is_success(end.exit);
        let action = match failed {
            _ if end.unwell => EndAction::Restart,
            true => policy.on_failure(),
            false => policy.on_success(),
        };
        match action {
            EndAction::Restart => {}
            last @ (EndAction::Down | EndAction::Stop) => {
                return Verdict::Rest(Rest::Ended { exit: end.exit, failed }, last);
            }
        }
        if let Some(limit) = policy.own.as_ref().and_then(|own| own.restart_limit) {
            let since = now.0.saturating_sub(u64::from(limit.seconds) * 1_000);
            let recent = self.recent.iter().filter(|at| at.0 >= since).count();
            let ends = u32::try_from(recent).unwrap_or(u32::MAX);
            if ends > limit.ends {
                let rest = Rest::Limit { ends, seconds: limit.seconds, exit: end.exit };
                return Verdict::Rest(rest, policy.on_give_up());
            }
        }
        let delay = policy.delay();
        let steady_ms = STEADY_MS.max(delay.max_ms.into());
        let before = self.delay_ms.filter(|_| end.lived_ms < steady_ms);
        let delay_ms = before.map_or(delay.min_ms, |ms| delay.after(ms));
        self.delay_ms = Some(delay_ms);
        Verdict::Restart(delay_ms)
    }

    fn remember(&mut self, policy: &Policy, now: Time) {
        let limit = policy.own.as_ref().and_then(|own| own.restart_limit);
        let kept = limit.map_or(0, |limit| limit.ends as usize + 1).max(REMEMBERED);
        while self.recent.len() >= kept {
            self.recent.pop_front();
        }
        self.recent.push_back(now);
    }
}

impl SentSignals {
    /// Records a signal that is sent.
    pub(super) fn record(&mut self, signal: Signal) {
        match signal {
            Signal::Term | Signal::KillGroup | Signal::Down | Signal::TimedOut => self.end = true,
            // INT, QUIT, ABRT, KILL, TERM
            Signal::Number(2 | 3 | 6 | 9 | 15) => self.end = true,
            Signal::Number(number) => self.others |= bit(number),
            // HUP, USR1, USR2: what a `reload-signal` can be.
            Signal::Reload => self.others |= bit(1) | bit(10) | bit(12),
            Signal::Pause(_) | Signal::Continue(_) => {}
        }
    }

    /// Whether an end comes of them.
    pub(super) fn explain(self, exit: Exit) -> bool {
        let killed = |number| self.others & bit(number) != 0;
        self.end || matches!(exit, Exit::Signal(number) if killed(number))
    }
}

fn bit(number: u8) -> u64 {
    1_u64.checked_shl(number.into()).unwrap_or(0)
}
