//! What somebody finds who looks at services, and what must come of it, kept apart from the engine.

use crate::choices::Choices;
use crate::kernel::Kernel;
use crate::rules::{Breach, Rule, hold};
use sixtree_core::definition::EndAction;
use sixtree_core::definition::health::{HealthRules, Reaction};
use sixtree_core::engine::*;
use sixtree_core::graph::ServiceId;
use std::collections::BTreeMap;

/// What is known of a process that is looked at.
#[derive(Clone, Copy, Debug)]
struct Judged {
    rules: HealthRules,
    since: Time,
    passed: bool,
    failed: u32,
    unwell: bool,
    fat: bool,
    paused: bool,
    /// It was told to end, by more than a mere signal.
    stopped: bool,
}

/// All that is looked at.
#[derive(Debug, Default)]
pub(crate) struct Ward {
    judged: BTreeMap<ServiceId, Judged>,
    looked: BTreeMap<ServiceId, Look>,
    /// What must be reported because of the event of now.
    due: Option<(ServiceId, Checked, Reaction)>,
    /// The event of now asks for the down signal, and for nothing else.
    is_mere_signal: bool,
}

/// By what a process is judged, if at all.
pub(crate) fn rules(awaits_ready: bool, choices: &mut dyn Choices) -> Option<HealthRules> {
    let reactions = [Reaction::Restart, Reaction::Restart, Reaction::Ignore, Reaction::Stop];
    (choices.pick(3) == 1).then(|| HealthRules {
        awaits_ready,
        failures: 1 + choices.pick(2) as u32,
        start_ms: [0, 0, 800][choices.pick(3)],
        on_unhealthy: reactions[choices.pick(4)],
        on_memory: reactions[choices.pick(3)],
    })
}

impl Kernel {
    /// Somebody has looked at a service, which may be gone by now.
    pub(crate) fn any_checked(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        let all: Vec<_> = self.directories.keys().copied().collect();
        let judged: Vec<_> = self.ward.judged.keys().copied().collect();
        let from = if judged.is_empty() || choices.pick(8) == 7 { all } else { judged };
        let id = *from.get(choices.pick(from.len().max(1)))?;
        if choices.pick(8) == 7 {
            return Some(Event::ExtendTimeout(id, [1, 400, 5_000][choices.pick(3)]));
        }
        let found = [
            Checked::Failed,
            Checked::Failed,
            Checked::Failed,
            Checked::Passed,
            Checked::TooMuchMemory,
            Checked::WatchdogMissed,
        ];
        Some(Event::Checked(id, found[choices.pick(found.len())]))
    }

    /// What an event means to those that are looked at.
    pub(crate) fn hear_health(&mut self, event: &Event) {
        self.ward.due = None;
        self.ward.is_mere_signal = matches!(event, Event::Control(_, Control::Restart));
        match event {
            Event::Spawned(process, Spawned { health: Some(rules), .. }) => {
                let judged = Judged {
                    rules: *rules,
                    since: self.now,
                    passed: false,
                    failed: 0,
                    unwell: false,
                    fat: false,
                    paused: false,
                    stopped: false,
                };
                self.ward.judged.insert(process.service, judged);
            }
            Event::Exited(process, _) if process.script == Script::Run => {
                self.ward.judged.remove(&process.service);
            }
            Event::Checked(id, what) => {
                let now = self.now;
                let judged = self.ward.judged.get_mut(id).filter(|j| !j.paused && !j.stopped);
                let due = judged.and_then(|judged| Some((*id, *what, judged.hear(*what, now)?)));
                self.ward.due = due.filter(|_| self.killed.is_none() && !self.exited);
            }
            _ => {}
        }
    }

    /// What it is told about those that are looked at.
    pub(crate) fn obey_health(&mut self, command: &Command) -> Result<(), Breach> {
        match command {
            Command::Look(id, look) => {
                self.ward.looked.insert(*id, *look);
                Ok(())
            }
            Command::Unwell(id, what, then) => self.unwell(*id, *what, *then),
            _ => Ok(()),
        }
    }

    /// A service is reported as unwell.
    fn unwell(&mut self, id: ServiceId, what: Checked, then: Reaction) -> Result<(), Breach> {
        let said = Some((id, what, then));
        hold(self.ward.due.take() == said, Rule::Health, || format!("{said:?} is not so"))?;
        self.lives.entry(id).or_default().unwell = then == Reaction::Restart;
        if then == Reaction::Stop {
            self.rest(id, EndAction::Stop, Rest::Unwell.exit_code());
            self.hear_stop_of(id);
        }
        if then != Reaction::Ignore {
            self.ward.due = Some((id, what, then));
        }
        Ok(())
    }

    /// A signal is sent to a process that may be looked at.
    pub(crate) fn signal_health(&mut self, process: Process, signal: Signal) {
        if process.script != Script::Run {
            return;
        }
        if let Some(judged) = self.ward.judged.get_mut(&process.service) {
            match signal {
                Signal::Pause(_) => judged.paused = true,
                Signal::Continue(_) => judged.paused = false,
                Signal::Down => judged.stopped |= !self.ward.is_mere_signal,
                _ => {}
            }
        }
        if signal == Signal::Down && self.ward.due.is_some_and(|(id, ..)| id == process.service) {
            self.ward.due = None;
        }
    }

    /// A `stop` script is run for a process that may be looked at.
    pub(crate) fn stop_health(&mut self, id: ServiceId) {
        if let Some(judged) = self.ward.judged.get_mut(&id) {
            judged.stopped = true;
        }
        self.ward.due = self.ward.due.filter(|(due, ..)| *due != id);
    }

    /// What must be so when all is done about an event.
    pub(crate) fn check_health(&mut self) -> Result<(), Breach> {
        if self.killed.is_some() || self.exited {
            return Ok(());
        }
        let due = self.ward.due.take();
        hold(due.is_none(), Rule::Health, || format!("nothing is done about {due:?}"))?;
        for (&id, look) in &self.ward.looked {
            let wanted = match self.ward.judged.get(&id) {
                None => Look::Nothing,
                Some(judged) if judged.paused || judged.stopped => Look::Words,
                Some(_) if self.is_unready(id) => Look::Readiness,
                Some(_) => Look::Health,
            };
            let what = || format!("{look:?} of {id:?} is looked at, and not {wanted:?}");
            hold(*look == wanted, Rule::Looks, what)?;
        }
        let unseen = self.ward.judged.keys().find(|id| !self.ward.looked.contains_key(id));
        hold(unseen.is_none(), Rule::Looks, || format!("nobody looks at {unseen:?}"))
    }

    fn is_unready(&self, id: ServiceId) -> bool {
        let run = Process { service: id, script: Script::Run };
        self.alive.get(&run).is_some_and(|living| living.notifies && !living.ready)
    }
}

impl Judged {
    fn hear(&mut self, what: Checked, now: Time) -> Option<Reaction> {
        match what {
            Checked::Passed => {
                (self.passed, self.failed, self.unwell) = (true, 0, false);
                None
            }
            Checked::Failed => {
                if !self.passed && now.0 < self.since.0 + u64::from(self.rules.start_ms) {
                    return None;
                }
                self.failed += 1;
                let turns = self.failed >= self.rules.failures && !self.unwell;
                self.unwell |= turns;
                turns.then_some(self.rules.on_unhealthy)
            }
            Checked::WatchdogMissed => {
                let turns = !std::mem::replace(&mut self.unwell, true);
                turns.then_some(self.rules.on_unhealthy)
            }
            Checked::TooMuchMemory => {
                let turns = !std::mem::replace(&mut self.fat, true);
                turns.then_some(self.rules.on_memory)
            }
        }
    }
}
