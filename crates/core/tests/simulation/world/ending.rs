//! How a world ends: a stop is asked for, and from then on processes behave as well as they must.

use super::World;
use crate::choices::Scripted;
use crate::kernel::{Answer, Living};
use crate::rules::{Breach, Rule, hold};
use sixtree_core::definition::Atomic;
use sixtree_core::engine::*;
use sixtree_core::graph::ServiceId;

/// How long the shutdown leaves a running `up` alone, in ms, and the longest limit of a change.
const INTERRUPT_MS: u64 = 3_000;
const CHANGE_MS: u64 = 2_500;
/// From the first KILL to the exit, in ms.
const KILLS_MS: u64 = 5_000;

/// How processes behave once the world is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manners {
    /// They end when they are asked to.
    Fair,
    /// Those that something limits end of KILL only.
    Stubborn,
    /// Not even of KILL, and there is no room for any other process.
    Immortal,
}

impl World {
    /// A stop is asked for: it must come to an end.
    pub(super) fn end(&mut self) -> Result<(), Breach> {
        let mut steps = 400 + 40 * self.kernel.graph.len();
        let due = Time(self.kernel.now.0 + self.longest_stop_ms());
        if !self.kernel.exited && !self.kernel.stopped {
            self.feed_answers()?;
            self.feed_stop()?;
        }
        while !self.kernel.exited {
            steps -= 1;
            hold(steps > 0, self.end_rule(), || "the shutdown goes on and on".into())?;
            let event = self.next_of_the_end()?;
            self.feed(event)?;
            let now = self.kernel.now;
            let in_time = now <= due || self.manners == Manners::Fair;
            hold(in_time, Rule::EndsInTime, || {
                format!("it is {now:?}, and it was due at {due:?}")
            })?;
        }
        Ok(())
    }

    fn end_rule(&self) -> Rule {
        match self.manners {
            Manners::Fair => Rule::Ends,
            Manners::Stubborn | Manners::Immortal => Rule::EndsInTime,
        }
    }

    /// How long a stop may take, by what the tree and the container say.
    fn longest_stop_ms(&self) -> u64 {
        let limits = |id| {
            let limits = self.limits(id);
            let up = u64::from(limits.timeout_up_ms) + INTERRUPT_MS;
            // There may be no room for `down`, and for `finish`.
            up + u64::from(limits.timeout_down_ms) + 2 * RETRY_FOR_MS
        };
        let grace = self.container.kill_grace_ms;
        let services = match self.container.shutdown_timeout_ms {
            0 => self.kernel.graph.ids().map(limits).sum::<u64>() + CHANGE_MS + grace,
            ms => ms,
        };
        services + grace + KILLS_MS
    }

    fn limits(&self, id: ServiceId) -> Atomic {
        let definition = self.kernel.graph.definition(id);
        definition.and_then(|definition| definition.atomic()).cloned().unwrap_or_default()
    }

    /// Whether a stop has to wait for the end of this process for as long as that takes.
    fn is_unlimited(&self, process: Process) -> bool {
        let id = process.service;
        let limits = self.limits(id);
        let starting = self.kernel.starting.get(&id).map(|(_, limited)| *limited);
        let unlimited = match process.script {
            Script::Run | Script::Finish | Script::Stop if self.kernel.up.contains(&id) => {
                limits.timeout_down_ms == 0
            }
            Script::Run | Script::Finish | Script::Stop => {
                starting == Some(false) && limits.timeout_up_ms + limits.timeout_down_ms == 0
            }
            Script::Up => starting != Some(true) && limits.timeout_up_ms == 0,
            Script::Down => limits.timeout_down_ms == 0,
            Script::Reload => false,
        };
        unlimited && self.container.shutdown_timeout_ms == 0 && !self.kernel.termed
    }

    fn feed_answers(&mut self) -> Result<(), Breach> {
        while let Some(answer) = self.kernel.answers.pop_front() {
            let event = self.answer(answer, &mut Scripted::new(&[]));
            self.feed(event)?;
        }
        Ok(())
    }

    fn feed_stop(&mut self) -> Result<(), Breach> {
        if self.kernel.exited {
            return Ok(());
        }
        let leave = Event::Leave { loggers: false, at_once: false };
        self.feed(if self.kernel.bare { leave } else { Event::Stop })
    }

    /// What happens next.
    fn next_of_the_end(&mut self) -> Result<Event, Breach> {
        if let Some(answer) = self.kernel.answers.pop_front() {
            return Ok(match answer {
                Answer::Spawn(process)
                    if self.manners == Manners::Immortal && process.script != Script::Run =>
                {
                    Event::NotSpawned(process, NotSpawned::Delayed)
                }
                answer => self.answer(answer, &mut Scripted::new(&[])),
            });
        }
        let manners = self.manners;
        self.kernel.strays.retain(|stray| match manners {
            Manners::Fair => !stray.asked && !stray.killed,
            Manners::Stubborn => !stray.killed,
            Manners::Immortal => true,
        });
        if let Some(event) = self.alone() {
            return Ok(event);
        }
        let ending = self.kernel.alive.iter().find(|(p, living)| self.ends(**p, living));
        if let Some((&process, living)) = ending {
            let exit = if living.killed { Exit::Signal(9) } else { Exit::Code(0) };
            return Ok(self.kernel.end(process, exit));
        }
        if self.kernel.cmd.is_some_and(|cmd| self.obeys(&cmd)) {
            return Ok(self.kernel.end_cmd(Exit::Signal(15)));
        }
        let deadline = self.subject.deadline();
        let stuck = || format!("stuck: {:?}", self.kernel.alive);
        hold(deadline.is_some(), self.end_rule(), stuck)?;
        self.kernel.now = self.kernel.now.max(deadline.unwrap_or_default());
        Ok(Event::Timeout)
    }

    pub(super) fn alone(&self) -> Option<Event> {
        let signalled = self.kernel.termed || self.kernel.killed.is_some();
        (signalled && self.kernel.is_alone()).then_some(Event::Alone)
    }

    /// Whether a process that nothing limits, or that got a KILL, ends.
    fn obeys(&self, living: &Living) -> bool {
        match self.manners {
            Manners::Fair => living.asked || living.killed,
            Manners::Stubborn => living.killed,
            Manners::Immortal => false,
        }
    }

    fn ends(&self, process: Process, living: &Living) -> bool {
        let directory = self.kernel.directories.get(&process.service);
        let orphaned = self.kernel.bare && directory.is_some_and(|d| d.logger);
        let by_itself = process.script != Script::Run || orphaned;
        if self.manners == Manners::Fair {
            return self.obeys(living) || by_itself;
        }
        // A running `up` ends when it is asked to: it gets its TERM in time.
        let willing = living.asked || (by_itself && process.script != Script::Up);
        self.obeys(living) || (willing && self.is_unlimited(process))
    }
}
