//! What could happen next, and how it is answered what the engine asked for.

use super::World;
use crate::choices::Choices;
use crate::health;
use crate::kernel::{Answer, Asked, Living};
use crate::tree::policy;
use sixtree_core::definition::{Definition, Kind};
use sixtree_core::engine::*;
use sixtree_core::graph::ServiceId;

/// How many scanned directories there can be.
const SCANNED: usize = 3;

impl World {
    pub(super) fn choose(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        // Answers come first. Should they not, nothing bad may come of it.
        let late = self.size.wild && choices.pick(8) == 7;
        if !late && let Some(answer) = self.kernel.answers.pop_front() {
            return Some(self.answer(answer, choices));
        }
        if let Some(event) = self.alone() {
            return Some(event);
        }
        if !self.size.wild {
            return self.any_plain(choices);
        }
        let deadline = self.subject.deadline().unwrap_or(Time(u64::MAX));
        let passed = [0, 0, 1, 300, 1000][choices.pick(5)];
        self.kernel.now = Time(self.kernel.now.0 + passed).min(deadline).max(self.kernel.now);
        match choices.pick(26) {
            0..=5 => self.any_end(choices),
            6..=8 => self.any_ready(choices),
            9..=12 => self.timeout(),
            13..=15 => self.any_control(choices),
            16 | 17 => Some(self.any_change(choices)),
            18 => Some(self.any_reload(choices)),
            19 => self.any_abort(choices),
            20 | 21 => self.any_scan(choices),
            22 => self.any_stray(choices),
            23 | 24 => self.kernel.any_checked(choices),
            _ => Some(self.any_stop(choices)),
        }
    }

    /// All that matters most, in a list.
    fn any_plain(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        let mut events = vec![Event::Stop];
        for (&process, living) in &self.kernel.alive {
            events.push(Event::Exited(process, Exit::Code(0)));
            events.push(Event::Exited(process, Exit::Code(1)));
            if living.notifies && !living.ready {
                events.push(Event::Ready(process.service));
            }
        }
        if self.subject.deadline().is_some() {
            events.push(Event::Timeout);
        }
        for id in self.kernel.graph.ids().filter(|&id| self.kernel.graph.is_longrun(id)) {
            events.push(Event::Control(id, Control::Down { permanently: false }));
        }
        match events.swap_remove(choices.pick(events.len())) {
            Event::Exited(process, exit) => Some(self.kernel.end(process, exit)),
            Event::Ready(id) => Some(self.ready(id)),
            Event::Timeout => self.timeout(),
            event => Some(event),
        }
    }

    pub(super) fn answer(&mut self, answer: Answer, choices: &mut dyn Choices) -> Event {
        match answer {
            Answer::Stopping(id) => Event::Stopping(id, [0, 0, 800][choices.pick(3)]),
            Answer::Supervise(id, down) => self.answer_supervise(id, down, choices),
            Answer::Draw(id) => Event::Drawn(id, [0, u32::MAX, 1 << 31][choices.pick(3)]),
            Answer::Spawn(process) => self.answer_spawn(process, choices),
            Answer::Forgotten(process) => {
                let asked = self.kernel.termed;
                let killed = self.kernel.killed.is_some();
                self.kernel.strays.push(Living { asked, killed, ..Living::default() });
                match choices.pick(3) {
                    2 => {
                        self.kernel.strays.pop();
                        Event::NotSpawned(process, NotSpawned::Refused)
                    }
                    _ => Event::Spawned(process, Spawned::default()),
                }
            }
        }
    }

    fn answer_supervise(&mut self, id: ServiceId, down: bool, choices: &mut dyn Choices) -> Event {
        let refused = self.size.wild && choices.pick(16) == 1;
        let directory = self.kernel.directories.entry(id).or_default();
        directory.asked = false;
        directory.supervised = !refused;
        let ends = (self.size.wild && id.0 >= FIRST_SCANNED).then(|| policy(choices)).flatten();
        let has_stop = ends.is_some() && choices.pick(3) == 1;
        if refused {
            Event::NotSupervised(id)
        } else {
            Event::Supervised(id, Supervised { down, ends, has_stop })
        }
    }

    fn answer_spawn(&mut self, process: Process, choices: &mut dyn Choices) -> Event {
        let fails = choices.pick(if self.size.wild { 10 } else { 2 }) == 1;
        match (fails, process.script) {
            (true, Script::Run) if choices.pick(8) == 1 => {
                Event::NotSpawned(process, NotSpawned::Invalid)
            }
            (true, Script::Run) => Event::NotSpawned(process, NotSpawned::Refused),
            (true, Script::Stop) => {
                self.kernel.stop_failed(process.service);
                Event::NotSpawned(process, NotSpawned::Refused)
            }
            (true, script) => match choices.pick(4) {
                1 => Event::NotSpawned(process, NotSpawned::Refused),
                2 => Event::NotSpawned(process, NotSpawned::Delayed),
                _ => {
                    self.kernel.done.insert(process.service, script);
                    Event::NotSpawned(process, NotSpawned::Absent)
                }
            },
            (false, script) => {
                let notifies = script == Script::Run && choices.pick(2) == 1;
                let asked = self.kernel.termed && script == Script::Finish;
                let killed = self.kernel.killed.is_some();
                let living = Living { notifies, asked, killed, ..Living::default() };
                self.kernel.alive.insert(process, living);
                let timeout_ms = match script {
                    Script::Finish | Script::Stop => [5_000, 0, 200][choices.pick(3)],
                    Script::Run | Script::Up | Script::Down | Script::Reload => 0,
                };
                if script == Script::Run {
                    self.kernel.paced.remove(&process.service);
                }
                let is_run = script == Script::Run && self.size.wild;
                let health = if is_run { health::rules(notifies, choices) } else { None };
                Event::Spawned(process, Spawned { notifies, timeout_ms, health })
            }
        }
    }

    fn timeout(&mut self) -> Option<Event> {
        self.kernel.now = self.kernel.now.max(self.subject.deadline()?);
        Some(Event::Timeout)
    }

    fn any_end(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        if self.kernel.cmd.is_some() && choices.pick(8) == 1 {
            if choices.pick(4) == 1 {
                self.kernel.cmd = None;
                self.kernel.cmd_started = false;
                self.kernel.cmd_delayed.get_or_insert(self.kernel.now);
                return Some(Event::CmdDelayed);
            }
            return Some(self.kernel.end_cmd([Exit::Code(3), Exit::Signal(9)][choices.pick(2)]));
        }
        let all: Vec<_> = self.kernel.alive.keys().copied().collect();
        let process = pick(&all, choices)?;
        let exits = [Exit::Code(0), Exit::Code(0), Exit::Code(1), Exit::Signal(9), Exit::Code(125)];
        let exit = exits[choices.pick(exits.len())];
        Some(self.kernel.end(process, exit))
    }

    fn any_ready(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        let unready = |(p, living): (&Process, &Living)| {
            (living.notifies && !living.ready).then_some(p.service)
        };
        let all: Vec<_> = self.kernel.alive.iter().filter_map(unready).collect();
        pick(&all, choices).map(|id| self.ready(id))
    }

    fn ready(&mut self, id: ServiceId) -> Event {
        let run = Process { service: id, script: Script::Run };
        self.kernel.alive.entry(run).or_default().ready = true;
        Event::Ready(id)
    }

    fn any_control(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        let supervised = self.kernel.directories.iter().filter(|(_, d)| d.supervised);
        let all: Vec<_> = supervised.map(|(&id, _)| id).collect();
        let permanently = choices.pick(4) == 1;
        let controls = [
            Control::Down { permanently },
            Control::Up { permanently },
            Control::Once,
            Control::AtMostOnce { permanently },
            Control::Exit,
            Control::Restart,
            Control::Reload,
            Control::Pause(Target::Process),
            Control::Continue(Target::Process),
            Control::Pause(Target::Group),
            Control::Continue(Target::Group),
            Control::KillGroup,
            Control::Signal(15),
        ];
        Some(Event::Control(pick(&all, choices)?, controls[choices.pick(controls.len())]))
    }

    fn any_change(&mut self, choices: &mut dyn Choices) -> Event {
        let flag = |choices: &mut dyn Choices| choices.pick(4) == 1;
        let change = Change {
            selection: self.some_services(choices),
            down: choices.pick(2) == 1,
            prune: flag(choices),
            all: flag(choices),
            essential: flag(choices),
            timeout_ms: [0, 0, 600][choices.pick(3)],
            wait: flag(choices),
            dry_run: flag(choices),
        };
        Event::Change(self.ask(&change), change)
    }

    fn any_reload(&mut self, choices: &mut dyn Choices) -> Event {
        let change = Change {
            selection: self.some_services(choices),
            timeout_ms: [0, 0, 600][choices.pick(3)],
            wait: choices.pick(2) == 1,
            dry_run: choices.pick(4) == 1,
            ..Change::default()
        };
        Event::Reload(self.ask(&change), change)
    }

    fn ask(&mut self, change: &Change) -> RequestId {
        let request = RequestId(self.next_request);
        let limited = change.timeout_ms > 0;
        let asked = Asked { dry_run: change.dry_run, aborted: false, limited };
        self.next_request += 1;
        self.kernel.requests.insert(request, asked);
        request
    }

    fn some_services(&self, choices: &mut dyn Choices) -> Vec<ServiceId> {
        let ids: Vec<_> = self.kernel.graph.ids().collect();
        match choices.pick(4) {
            0 => ids,
            _ => pick(&ids, choices).into_iter().collect(),
        }
    }

    fn any_abort(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        let all: Vec<_> = self.kernel.requests.keys().copied().filter(|r| r.0 > 1).collect();
        pick(&all, choices).map(Event::Abort)
    }

    fn any_scan(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        let id = match choices.pick(4) {
            0 => pick(&self.kernel.graph.ids().collect::<Vec<_>>(), choices)?,
            _ => ServiceId(FIRST_SCANNED + choices.pick(SCANNED) as u32),
        };
        if choices.pick(3) == 2 || self.kernel.graph.definition(id).is_some_and(is_oneshot) {
            return Some(Event::Prune { loggers: choices.pick(2) == 1 });
        }
        let known = self.kernel.directories.get(&id).is_some_and(|d| d.there);
        if !known && self.kernel.stopped && (self.kernel.termed || self.kernel.bare) {
            return None;
        }
        let directory = self.kernel.directories.entry(id).or_default();
        directory.there = !known;
        if known {
            return Some(Event::Vanished(id));
        }
        directory.down = choices.pick(4) == 1;
        directory.logger = id.0 == FIRST_SCANNED;
        Some(Event::Appeared(id, Scanned { logger: directory.logger }))
    }

    fn any_stray(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        if self.kernel.bare {
            return None;
        }
        if choices.pick(2) == 1 {
            self.kernel.strays.pop();
        } else if !self.kernel.alive.is_empty() && self.kernel.killed.is_none() {
            self.kernel.strays.push(Living { asked: self.kernel.termed, ..Living::default() });
        }
        None
    }

    fn any_stop(&mut self, choices: &mut dyn Choices) -> Event {
        match choices.pick(24) {
            0 => Event::Signal { number: 15, stops: !self.kernel.bare },
            1 => Event::Stop,
            2 => Event::Leave { loggers: choices.pick(2) == 1, at_once: choices.pick(4) == 1 },
            _ => Event::Signal { number: 1, stops: false },
        }
    }
}

fn is_oneshot(definition: &Definition) -> bool {
    matches!(definition.kind, Kind::Oneshot(_))
}

fn pick<T: Copy>(all: &[T], choices: &mut dyn Choices) -> Option<T> {
    if all.is_empty() { None } else { Some(all[choices.pick(all.len())]) }
}
