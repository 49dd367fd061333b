//! A world: everything that could happen next is offered, and a source of choices picks.

use crate::choices::Choices;
use crate::faults::{Bug, Subject};
use crate::kernel::{Answer, Asked, Kernel, Living};
use crate::rules::{Breach, Line, Rule, hold};
use crate::tree::{self, Size};
use sixtree::engine::*;
use sixtree::graph::{Graph, ServiceId};

/// How many scanned directories there can be.
const SCANNED: usize = 3;
/// How many timeouts may come in a row without time going on.
const PATIENCE: u32 = 3;

/// What a world has gone through.
#[derive(Debug, Default)]
pub struct Story {
    pub trace: Vec<Line>,
    pub breach: Option<Breach>,
}

/// A world.
pub struct World {
    subject: Subject,
    kernel: Kernel,
    size: Size,
    next_request: u32,
    timeouts: (Time, u32),
    trace: Vec<Line>,
}

impl World {
    /// Lets a whole world pass, by these choices, and then fairly to its end.
    pub fn pass(size: Size, bug: Option<Bug>, choices: &mut dyn Choices) -> Story {
        let mut world = Self::new(size, bug, choices);
        let breach = world.live(choices).and_then(|()| world.end()).err();
        Story { trace: world.trace, breach }
    }

    fn new(size: Size, bug: Option<Bug>, choices: &mut dyn Choices) -> Self {
        let definitions = tree::tree(size, choices);
        let graph = Graph::new(definitions.clone()).expect("a sound tree");
        let kernel = Kernel::new(graph);
        Self {
            subject: Subject::new(definitions, bug),
            kernel,
            size,
            next_request: 2,
            timeouts: (Time(0), 0),
            trace: Vec::new(),
        }
    }

    fn live(&mut self, choices: &mut dyn Choices) -> Result<(), Breach> {
        self.begin(choices)?;
        while !choices.done() && !self.kernel.exited {
            if self.size.wild && choices.pick(50) == 49 {
                self.replace(choices)?;
            } else if let Some(event) = self.choose(choices) {
                self.feed(event)?;
            }
        }
        Ok(())
    }

    fn begin(&mut self, choices: &mut dyn Choices) -> Result<(), Breach> {
        self.kernel.bare = self.size.wild && choices.pick(8) == 1;
        if self.kernel.bare {
            return Ok(());
        }
        let container = tree::container(&self.kernel.graph, self.size, choices);
        self.kernel.lay_out();
        for request in [BOOT, SHUTDOWN] {
            self.kernel.requests.insert(request, Asked::default());
        }
        self.feed(Event::Boot(container))
    }

    /// From here on everything goes well, and a stop is asked for: it must come to an end.
    fn end(&mut self) -> Result<(), Breach> {
        let mut steps = 400 + 40 * self.kernel.graph.len();
        if !self.kernel.exited && !self.kernel.stopped {
            self.feed_answers()?;
            self.feed_stop()?;
        }
        while !self.kernel.exited {
            steps -= 1;
            hold(steps > 0, Rule::Ends, || "the shutdown goes on and on".into())?;
            let event = self.fair()?;
            self.feed(event)?;
        }
        Ok(())
    }

    fn feed_answers(&mut self) -> Result<(), Breach> {
        while let Some(answer) = self.kernel.answers.pop_front() {
            let event = self.answer(answer, &mut crate::choices::Scripted::new(&[]));
            self.feed(event)?;
        }
        Ok(())
    }

    fn feed_stop(&mut self) -> Result<(), Breach> {
        if self.kernel.exited {
            return Ok(());
        }
        self.kernel.stopped = true;
        let leave = Event::Leave { loggers: false, at_once: false };
        self.feed(if self.kernel.bare { leave } else { Event::Stop })
    }

    /// What happens next where all goes well.
    fn fair(&mut self) -> Result<Event, Breach> {
        if let Some(answer) = self.kernel.answers.pop_front() {
            return Ok(self.answer(answer, &mut crate::choices::Scripted::new(&[])));
        }
        self.kernel.strays.retain(|stray| !stray.asked && !stray.killed);
        if let Some(event) = self.alone() {
            return Ok(event);
        }
        let ends = |(p, living): (&Process, &Living)| {
            let orphaned = self.kernel.directories.get(&p.service).is_some_and(|d| d.logger);
            let by_itself = p.script != Script::Run || (orphaned && self.kernel.bare);
            (living.asked || living.killed || by_itself).then_some((*p, living.killed))
        };
        if let Some((process, killed)) = self.kernel.alive.iter().find_map(ends) {
            let exit = if killed { Exit::Signal(9) } else { Exit::Code(0) };
            return Ok(self.kernel.end(process, exit));
        }
        if self.kernel.cmd.is_some_and(|cmd| cmd.asked || cmd.killed) {
            self.kernel.cmd = None;
            return Ok(Event::CmdExited(Exit::Signal(15)));
        }
        let deadline = self.subject.deadline();
        hold(deadline.is_some(), Rule::Ends, || format!("stuck: {:?}", self.kernel.alive))?;
        self.kernel.now = self.kernel.now.max(deadline.unwrap_or_default());
        Ok(Event::Timeout)
    }

    fn alone(&self) -> Option<Event> {
        let told = self.kernel.termed || self.kernel.killed.is_some();
        (told && self.kernel.is_alone()).then_some(Event::Alone)
    }

    /// Hands an event to the engine, does what it says, and checks all that can be checked.
    fn feed(&mut self, event: Event) -> Result<(), Breach> {
        self.trace.push(Line::In(self.kernel.now, event.clone()));
        self.notice(&event);
        self.subject.handle(self.kernel.now, event);
        self.follow()
    }

    /// Another tree is to take the place of the one at work.
    fn replace(&mut self, choices: &mut dyn Choices) -> Result<(), Breach> {
        let definitions = tree::tree(self.size, choices);
        let graph = Graph::new(definitions.clone()).expect("a sound tree");
        let replaced = self.subject.replace(self.kernel.now, definitions);
        self.trace.push(Line::Replaced(self.kernel.now, replaced));
        if replaced {
            self.kernel.replace(graph);
        }
        self.follow()
    }

    fn follow(&mut self) -> Result<(), Breach> {
        while let Some(command) = self.subject.poll() {
            self.trace.push(Line::Out(command.clone()));
            self.kernel.obey(&command)?;
        }
        self.kernel.stopped |= self.subject.stopping();
        self.kernel.check()?;
        self.check_engine()
    }

    /// What the rules must know of an event.
    fn notice(&mut self, event: &Event) {
        match event {
            Event::Timeout if self.timeouts.0 == self.kernel.now => self.timeouts.1 += 1,
            Event::Timeout => self.timeouts = (self.kernel.now, 0),
            Event::Supervised(id, _) => self.kernel.excuse(*id),
            Event::Stop => self.kernel.stopped = true,
            Event::Leave { at_once, .. } => {
                self.kernel.stopped = true;
                self.kernel.at_once |= *at_once && self.kernel.bare;
            }
            Event::NotSpawned(p, NotSpawned::Refused) if p.script == Script::Run => {
                let at = Time(self.kernel.now.0 + 60_000);
                self.kernel.paced.insert(p.service, at);
            }
            Event::Control(id, control) => {
                self.kernel.touched.insert(*id);
                if matches!(control, Control::Up { .. } | Control::Once) {
                    self.kernel.excuse(*id);
                }
            }
            _ => {}
        }
    }

    fn check_engine(&self) -> Result<(), Breach> {
        let now = self.kernel.now;
        if let Some(at) = self.subject.deadline() {
            hold(at >= now, Rule::Deadline, || format!("{at:?} at {now:?}"))?;
            hold(self.timeouts.1 < PATIENCE, Rule::Deadline, || "a busy loop".into())?;
        }
        for id in self.kernel.graph.ids() {
            let (said, so) = (self.subject.is_up(id), self.kernel.up.contains(&id));
            hold(said == so, Rule::Truth, || format!("{id:?} is said to be up: {said}"))?;
        }
        for (process, _) in self.kernel.alive.iter().filter(|(p, _)| p.script == Script::Run) {
            let longrun = self.subject.longrun(process.service);
            let up = longrun.is_some_and(|longrun| longrun.phase() == Phase::Up);
            let known = up || self.kernel.killed.is_some();
            hold(known, Rule::Truth, || format!("{process:?} is not said to be up"))?;
        }
        Ok(())
    }
}

/// What could happen.
impl World {
    fn choose(&mut self, choices: &mut dyn Choices) -> Option<Event> {
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
        match choices.pick(24) {
            0..=5 => self.any_end(choices),
            6..=8 => self.any_ready(choices),
            9..=12 => self.timeout(),
            13..=15 => self.any_control(choices),
            16 | 17 => Some(self.any_change(choices)),
            18 => Some(self.any_reload(choices)),
            19 => self.any_abort(choices),
            20 | 21 => self.any_scan(choices),
            22 => self.any_stray(choices),
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

    fn answer(&mut self, answer: Answer, choices: &mut dyn Choices) -> Event {
        match answer {
            Answer::Stopping(id) => Event::Stopping(id, [0, 0, 800][choices.pick(3)]),
            Answer::Supervise(id) => self.answer_supervise(id, choices),
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

    fn answer_supervise(&mut self, id: ServiceId, choices: &mut dyn Choices) -> Event {
        let refused = self.size.wild && choices.pick(16) == 1;
        let directory = self.kernel.directories.entry(id).or_default();
        directory.asked = false;
        directory.supervised = !refused;
        if refused {
            Event::NotSupervised(id)
        } else {
            Event::Supervised(id, Supervised { down: directory.down })
        }
    }

    fn answer_spawn(&mut self, process: Process, choices: &mut dyn Choices) -> Event {
        let fails = choices.pick(if self.size.wild { 10 } else { 2 }) == 1;
        match (fails, process.script) {
            (true, Script::Run) if choices.pick(8) == 1 => {
                Event::NotSpawned(process, NotSpawned::Invalid)
            }
            (true, Script::Run) => Event::NotSpawned(process, NotSpawned::Refused),
            (true, _) if choices.pick(4) == 1 => Event::NotSpawned(process, NotSpawned::Refused),
            (true, script) => {
                self.kernel.done.insert(process.service, script);
                Event::NotSpawned(process, NotSpawned::Absent)
            }
            (false, script) => {
                let notifies = script == Script::Run && choices.pick(2) == 1;
                let asked = self.kernel.termed && script == Script::Finish;
                let killed = self.kernel.killed.is_some();
                let living = Living { notifies, asked, killed, ..Living::default() };
                self.kernel.alive.insert(process, living);
                let timeout_ms = match script {
                    Script::Finish => [5_000, 0, 200][choices.pick(3)],
                    Script::Run | Script::Up | Script::Down | Script::Reload => 0,
                };
                if script == Script::Run {
                    self.kernel.paced.remove(&process.service);
                }
                Event::Spawned(process, Spawned { notifies, timeout_ms })
            }
        }
    }

    fn timeout(&mut self) -> Option<Event> {
        self.kernel.now = self.kernel.now.max(self.subject.deadline()?);
        Some(Event::Timeout)
    }

    fn any_end(&mut self, choices: &mut dyn Choices) -> Option<Event> {
        if self.kernel.cmd.is_some() && choices.pick(8) == 1 {
            self.kernel.cmd = None;
            return Some(Event::CmdExited([Exit::Code(3), Exit::Signal(9)][choices.pick(2)]));
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
            Control::Pause,
            Control::Continue,
            Control::PauseGroup,
            Control::ContinueGroup,
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
        Event::Change(self.ask(change.dry_run), change)
    }

    fn any_reload(&mut self, choices: &mut dyn Choices) -> Event {
        let change = Change {
            selection: self.some_services(choices),
            timeout_ms: [0, 0, 600][choices.pick(3)],
            wait: choices.pick(2) == 1,
            dry_run: choices.pick(4) == 1,
            ..Change::default()
        };
        Event::Reload(self.ask(change.dry_run), change)
    }

    fn ask(&mut self, dry_run: bool) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.kernel.requests.insert(request, Asked { dry_run });
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
            0 => pick(&self.kernel.directories.keys().copied().collect::<Vec<_>>(), choices)?,
            _ => ServiceId(FIRST_SCANNED + choices.pick(SCANNED) as u32),
        };
        if choices.pick(3) == 2 {
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

fn pick<T: Copy>(all: &[T], choices: &mut dyn Choices) -> Option<T> {
    if all.is_empty() { None } else { Some(all[choices.pick(all.len())]) }
}
