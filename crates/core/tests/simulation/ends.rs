//! What the end of each longrun is to bring about, kept apart from the engine: by its policy, its
//! life and the signals that were sent to it.

use crate::kernel::Kernel;
use crate::rules::{Breach, Rule, hold};
use sixtree_core::definition::{EndAction, EndPolicy, Kind, RestartDelay};
use sixtree_core::engine::*;
use sixtree_core::graph::ServiceId;
use std::sync::Arc;

/// The life of a longrun, as far as its end is concerned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Life {
    /// What files of a scanned directory say.
    pub scanned: Option<Arc<EndPolicy>>,
    since: Time,
    ready_at: Option<Time>,
    /// Its `stop` script was run.
    pub(crate) stop_has_run: bool,
    /// The signals that its process got.
    sent: Vec<Signal>,
    /// The end for which `finish` is to run.
    exit: Option<Exit>,
    by_itself: bool,
    lived_ms: u64,
    /// Since somebody started it: its ends, and the last delay.
    ends: Vec<Time>,
    delay_ms: Option<u32>,
    /// Failures, one after the other.
    failures: u32,
    /// It was stopped because it was unwell, to be started again.
    pub unwell: bool,
    /// When `run` is to start again, at the latest.
    pub latest: Option<Time>,
}

/// The service that is to stop the container, and with which code.
pub(crate) type DueStop = Option<(ServiceId, u8)>;

impl Kernel {
    /// What an event means for the ends of longruns.
    pub(crate) fn hear_end(&mut self, event: &Event) {
        if self.killed.is_some() || self.exited {
            return;
        }
        let now = self.now;
        match event {
            Event::Supervised(id, supervised) => {
                let scanned = supervised.ends.clone();
                self.lives.insert(*id, Life { scanned, ..Life::default() });
            }
            Event::Control(id, Control::Up { .. } | Control::Once) => self.hear_start(*id),
            Event::Ready(id) => {
                self.lives.entry(*id).or_default().ready_at.get_or_insert(now);
            }
            Event::Spawned(p, _) if p.script == Script::Run => {
                let life = self.lives.entry(p.service).or_default();
                (life.since, life.ready_at, life.latest) = (now, None, None);
                life.unwell = false;
                life.sent.clear();
                life.stop_has_run = false;
            }
            Event::NotSpawned(p, why) if p.script == Script::Run => self.refuse(p.service, *why),
            Event::Exited(p, exit) if p.script == Script::Run => {
                let life = self.lives.entry(p.service).or_default();
                life.exit = Some(*exit);
                life.lived_ms = now.0 - life.since.0;
                life.by_itself = !explained(&life.sent, *exit);
            }
            Event::NotSpawned(p, why) if p.script == Script::Finish => {
                let delayed = *why == NotSpawned::Delayed && self.is_delayed(p.service);
                if !delayed {
                    self.judge(p.service, None);
                }
            }
            Event::Exited(p, exit) if p.script == Script::Finish => {
                self.judge(p.service, Some(*exit));
            }
            _ => {}
        }
    }

    /// Somebody starts a service: what was before does not count.
    pub(crate) fn hear_start(&mut self, id: ServiceId) {
        let life = self.lives.entry(id).or_default();
        life.ends.clear();
        (life.delay_ms, life.latest, life.failures) = (None, None, 0);
    }

    pub(crate) fn life(&mut self, id: ServiceId) -> &mut Life {
        self.lives.entry(id).or_default()
    }

    /// A signal is sent to `run`.
    pub(crate) fn hear_signal(&mut self, process: Process, signal: Signal) {
        if process.script == Script::Run {
            self.lives.entry(process.service).or_default().sent.push(signal);
        }
    }

    /// A service stops the container.
    pub(crate) fn stop_for(&mut self, id: ServiceId, rest: Rest) -> Result<(), Breach> {
        let due = self.due_stop.take() == Some((id, rest.exit_code()));
        self.stopped_for_service = true;
        hold(due, Rule::Policy, || format!("{id:?} stops the container: {rest:?}"))
    }

    /// It is reported that a service has failed.
    pub(crate) fn report_failures(&mut self, id: ServiceId, row: FailureRow) -> Result<(), Breach> {
        let failures = self.lives.get(&id).map_or(0, |life| life.failures);
        self.due_report.take_if(|due| *due == id);
        hold(failures == row.failures, Rule::Policy, || format!("{failures}: {id:?} {row:?}"))
    }

    /// It is reported that a service is given up.
    pub(crate) fn report_rest(&mut self, id: ServiceId, rest: Rest) -> Result<(), Breach> {
        let wanted = self.wishes.get(&id).is_some_and(|wish| wish.wanted);
        hold(!wanted, Rule::Policy, || format!("{id:?} is given up, and wanted: {rest:?}"))
    }

    /// The container stops where it is to, and the first failure of a row is reported.
    pub(crate) fn check_stop(&mut self) -> Result<(), Breach> {
        let unreported = self.due_report.take();
        hold(unreported.is_none(), Rule::Policy, || format!("{unreported:?} is not reported"))?;
        let due = self.due_stop.take();
        hold(due.is_none(), Rule::Policy, || format!("{due:?} should have stopped the container"))
    }

    /// `run` cannot be executed.
    fn refuse(&mut self, id: ServiceId, why: NotSpawned) {
        let last = self.on_failure(id);
        if why == NotSpawned::Refused && last != EndAction::Restart && self.starts_again(id) {
            self.rest(id, last, 127);
        } else {
            let latest = Time(self.now.0 + 60_000);
            self.lives.entry(id).or_default().latest = Some(latest);
        }
    }

    fn judge(&mut self, id: ServiceId, finish: Option<Exit>) {
        let now = self.now;
        let policy = self.policy(id);
        let again = self.starts_again(id);
        let gives_up = policy.on_give_up.unwrap_or(self.defaults.on_give_up);
        let on_failure = self.on_failure(id);
        let life = self.lives.entry(id).or_default();
        let Some(exit) = life.exit.take() else { return };
        let good = matches!(exit, Exit::Code(code) if policy.is_success(code));
        if again && life.by_itself && !good {
            life.failures = if life.lived_ms < 60_000 { life.failures + 1 } else { 1 };
            if life.failures == 1 && !self.stopped && !self.bare {
                self.due_report = Some(id);
            }
        }
        if finish == Some(Exit::Code(125)) {
            let last = if again { gives_up } else { EndAction::Down };
            return self.rest(id, last, exit.code());
        }
        let delay = policy.restart_delay.unwrap_or(RestartDelay::DEFAULT);
        let mut ms = delay.min_ms;
        if again && (life.by_itself || life.unwell) {
            life.ends.push(now);
            let on_success = policy.on_success.unwrap_or(EndAction::Restart);
            let action = if good { on_success } else { on_failure };
            if action != EndAction::Restart && !life.unwell {
                return self.rest(id, action, exit.code());
            }
            if let Some(limit) = policy.restart_limit {
                let from = now.0.saturating_sub(u64::from(limit.seconds) * 1000);
                if life.ends.iter().filter(|at| at.0 >= from).count() > limit.ends as usize {
                    return self.rest(id, gives_up, exit.code());
                }
            }
            let unsteady = life.lived_ms < u64::from(delay.max_ms).max(1000);
            if let Some(before) = life.delay_ms.filter(|_| unsteady) {
                ms = delay.after(before);
            }
            life.delay_ms = Some(ms);
        }
        let from = life.ready_at.unwrap_or(now).0;
        let off = u64::from(ms) * u64::from(delay.jitter_percent) / 100;
        life.latest = Some(Time((from + u64::from(ms) + off).max(now.0)));
        self.paced.insert(id, Time(from + u64::from(ms) - off));
    }

    pub(crate) fn rest(&mut self, id: ServiceId, last: EndAction, code: u8) {
        self.wishes.entry(id).or_default().wanted = false;
        self.lives.entry(id).or_default().latest = None;
        if last == EndAction::Stop && !self.stopped && !self.bare {
            self.due_stop = Some((id, code));
            self.due_report = None;
        }
    }

    fn starts_again(&self, id: ServiceId) -> bool {
        self.wishes.get(&id).is_some_and(|wish| wish.wanted && !wish.leave)
    }

    fn policy(&self, id: ServiceId) -> EndPolicy {
        let own = match self.graph.definition(id).map(|definition| &definition.kind) {
            Some(Kind::Longrun(longrun)) => longrun.ends.as_deref(),
            _ => self.lives.get(&id).and_then(|life| life.scanned.as_deref()),
        };
        own.cloned().unwrap_or_default()
    }

    fn on_failure(&self, id: ServiceId) -> EndAction {
        self.policy(id).on_failure.unwrap_or(self.defaults.on_failure)
    }
}

/// Whether these signals brought this end about.
fn explained(sent: &[Signal], exit: Exit) -> bool {
    let ends = |signal: &Signal| match signal {
        Signal::Term | Signal::KillGroup | Signal::Down | Signal::TimedOut => true,
        Signal::Number(number) => {
            [2, 3, 6, 9, 15].contains(number) || exit == Exit::Signal(*number)
        }
        Signal::Reload => matches!(exit, Exit::Signal(1 | 10 | 12)),
        Signal::Pause(_) | Signal::Continue(_) => false,
    };
    sent.iter().any(ends)
}
