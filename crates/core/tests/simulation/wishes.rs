//! What each longrun has been told, kept apart from the engine: whether it is to run, whether its
//! process is to stop, and whether its supervisor is to leave.

use crate::kernel::{Answer, Kernel};
use crate::rules::{Breach, Rule, hold};
use sixtree_core::engine::*;
use sixtree_core::graph::ServiceId;

/// What one longrun has been told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    /// It is to run.
    pub wanted: bool,
    /// What a change wants of it once it has a supervisor.
    asked: Option<bool>,
    /// Its process of now is to stop.
    stopped: bool,
    /// Its supervisor is to leave.
    pub leave: bool,
    /// It cannot be started until somebody asks again.
    invalid: bool,
    /// When its supervisor may start again.
    again: Time,
}

impl Kernel {
    /// What an event means to longruns.
    pub(crate) fn hear(&mut self, event: &Event) {
        self.hear_health(event);
        match event {
            Event::Spawned(process, _) => self.note_answer(*process, None),
            Event::NotSpawned(process, why) => self.note_answer(*process, Some(*why)),
            _ => {}
        }
        self.hear_end(event);
        match event {
            Event::Supervised(id, supervised) => {
                let wish = self.wish(*id);
                wish.wanted = wish.asked.take().unwrap_or(!supervised.down);
            }
            Event::NotSupervised(id) => self.wish(*id).asked = None,
            Event::Control(id, control) => self.hear_control(*id, *control),
            Event::NotSpawned(process, why) if process.script == Script::Run => {
                let wish = self.wish(process.service);
                wish.stopped = false;
                wish.invalid = *why == NotSpawned::Invalid;
            }
            Event::Exited(process, _) if process.script == Script::Run => {
                self.wish(process.service).stopped = false;
            }
            Event::Appeared(id, _) => self.wish(*id).again = Time(0),
            Event::Prune { loggers } => {
                let all = self.termed || (self.bare && self.stopped);
                self.hear_leave(*loggers, all);
            }
            // Only the first one counts.
            Event::Leave { loggers, .. } if self.bare && !self.stopped => {
                self.hear_leave(*loggers, true);
            }
            Event::Stop if self.bare && !self.stopped => self.hear_leave(false, true),
            _ => {}
        }
    }

    /// What a report says that a change has told a longrun.
    pub(crate) fn hear_report(&mut self, report: Report) {
        match report {
            Report::Starting(id) => self.hear_change(id, true),
            Report::Stopping(id) | Report::NotStarted(id, _) => self.hear_change(id, false),
            _ => {}
        }
    }

    /// The supervisors are sent away: loggers only when told, the others are stopped too.
    pub(crate) fn hear_leave(&mut self, loggers: bool, all: bool) {
        let there = self.directories.iter().filter(|(_, d)| all || !d.there);
        let there: Vec<_> = there.map(|(&id, d)| (id, d.logger && !loggers)).collect();
        for (id, spared) in there {
            let running = self.is_running(id);
            let wish = self.wish(id);
            wish.leave = true;
            if running && !spared {
                (wish.wanted, wish.stopped) = (false, true);
            }
        }
    }

    /// A supervisor is asked for.
    pub(crate) fn hear_supervise(&mut self, id: ServiceId) -> Result<(), Breach> {
        let now = self.now;
        let wish = self.wish(id);
        let soon = now < wish.again;
        wish.again = Time(now.0 + 1000);
        hold(!soon, Rule::Pace, || format!("{id:?} is supervised again too soon"))
    }

    /// A supervisor leaves.
    pub(crate) fn hear_unsupervise(&mut self, id: ServiceId) -> Result<(), Breach> {
        let all = self.stopped;
        let gone = self.directories.get(&id).is_some_and(|d| !d.there);
        let wish = self.wish(id);
        wish.wanted = false;
        let may = std::mem::take(&mut wish.leave) || all || gone;
        hold(may, Rule::Supervision, || format!("nobody told the supervisor of {id:?} to leave"))
    }

    /// A process is asked for.
    pub(crate) fn hear_spawn(&mut self, id: ServiceId) {
        self.wish(id).invalid = false;
    }

    /// Whether the engine wants of a longrun what it has been told, and does something about it.
    pub(crate) fn check_wish(
        &self,
        id: ServiceId,
        longrun: &SupervisedLongrun,
        timer: Option<Time>,
    ) -> Result<(), Breach> {
        let wish = self.wishes.get(&id).copied().unwrap_or_default();
        let broken = |what: &str| format!("{id:?} {what}: {wish:?}");
        let same = longrun.wanted() == wish.wanted;
        hold(same, Rule::Obedience, || broken("is not wanted as it was told"))?;
        let run = Process { service: id, script: Script::Run };
        let living = self.alive.get(&run);
        let stopped = living.is_none_or(|living| living.asked || !wish.stopped);
        hold(stopped, Rule::Obedience, || broken("was not stopped"))?;
        let idle = longrun.phase() == Phase::Down && wish.wanted && !wish.invalid;
        hold(!idle || timer.is_some(), Rule::Obedience, || broken("is never started"))?;
        let latest = self.lives.get(&id).and_then(|life| life.latest).filter(|_| idle);
        let late = latest.zip(timer).is_some_and(|(latest, timer)| timer > latest);
        hold(!late, Rule::Pace, || broken("is started too late"))
    }

    /// It is unwell, and must not run any more.
    pub(crate) fn hear_stop_of(&mut self, id: ServiceId) {
        let wish = self.wish(id);
        (wish.wanted, wish.stopped) = (false, true);
    }

    fn wish(&mut self, id: ServiceId) -> &mut Wish {
        self.wishes.entry(id).or_default()
    }

    /// Whether `run` runs, or is about to.
    fn is_running(&self, id: ServiceId) -> bool {
        let run = Process { service: id, script: Script::Run };
        let spawning = |answer: &Answer| matches!(answer, Answer::Spawn(p) if *p == run);
        self.alive.contains_key(&run) || self.answers.iter().any(spawning)
    }

    fn hear_control(&mut self, id: ServiceId, control: Control) {
        let running = self.is_running(id);
        let wish = self.wish(id);
        match control {
            Control::Up { .. } => (wish.wanted, wish.stopped) = (true, false),
            Control::Down { .. } => {
                wish.wanted = false;
                wish.stopped |= running;
            }
            Control::Once | Control::AtMostOnce { .. } => wish.wanted = false,
            Control::Exit => wish.leave = true,
            _ => {}
        }
    }

    fn hear_change(&mut self, id: ServiceId, up: bool) {
        let supervised = self.directories.get(&id).is_some_and(|d| d.supervised);
        let running = self.is_running(id);
        let wish = self.wish(id);
        if supervised {
            wish.wanted = up;
            wish.stopped = !up && (wish.stopped || running);
            if up {
                self.hear_start(id);
            }
        } else {
            wish.asked = Some(up);
        }
    }
}
