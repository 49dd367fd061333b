//! A world: everything that could happen next is offered, and a source of choices picks.

mod ending;
mod offers;

use crate::choices::Choices;
use crate::faults::{Bug, Subject};
use crate::kernel::{Answer, Asked, Kernel};
use crate::moves::{Move, States};
use crate::rules::{Breach, Line, Rule, hold};
use crate::tree::{self, Size};
use ending::Manners;
use sixtree_core::engine::*;
use sixtree_core::graph::Graph;
use std::collections::BTreeSet;

/// How many timeouts may come in a row without time going on.
const PATIENCE: u32 = 3;

/// What a world has gone through.
#[derive(Debug, Default)]
pub(crate) struct Story {
    pub trace: Vec<Line>,
    pub breach: Option<Breach>,
    pub moves: BTreeSet<Move>,
}

/// A world.
pub(crate) struct World {
    subject: Subject,
    kernel: Kernel,
    size: Size,
    /// How the container is run.
    container: Container,
    /// How processes behave once it is to stop.
    manners: Manners,
    next_request: u32,
    timeouts: (Time, u32),
    trace: Vec<Line>,
    moves: BTreeSet<Move>,
}

impl World {
    /// Lets a whole world pass, by these choices, and then on to its end.
    pub(crate) fn pass(size: Size, bug: Option<Bug>, choices: &mut dyn Choices) -> Story {
        let mut world = Self::new(size, bug, choices);
        let breach = world.live(choices).and_then(|()| world.end()).err();
        Story { trace: world.trace, breach, moves: world.moves }
    }

    fn new(size: Size, bug: Option<Bug>, choices: &mut dyn Choices) -> Self {
        let definitions = tree::tree(size, choices);
        let graph = Graph::new(definitions.clone()).expect("a sound tree");
        let kernel = Kernel::new(graph);
        Self {
            subject: Subject::new(definitions, bug),
            kernel,
            size,
            container: Container::default(),
            manners: Manners::Fair,
            next_request: 2,
            timeouts: (Time(0), 0),
            trace: Vec::new(),
            moves: BTreeSet::new(),
        }
    }

    fn live(&mut self, choices: &mut dyn Choices) -> Result<(), Breach> {
        self.begin(choices)?;
        while !choices.done() && !self.kernel.exited {
            // What a delay is drawn for is of the tree that was there.
            let draws = self.kernel.answers.iter().any(|a| matches!(a, Answer::Draw(_)));
            if self.size.wild && choices.pick(50) == 49 && !draws {
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
        let limited = container.boot_timeout_ms > 0;
        self.kernel.requests.insert(BOOT, Asked { limited, ..Asked::default() });
        self.kernel.requests.insert(SHUTDOWN, Asked::default());
        self.container = container.clone();
        self.kernel.defaults = container.ends;
        if self.size.wild {
            self.manners = [Manners::Fair, Manners::Stubborn, Manners::Immortal][choices.pick(3)];
        }
        self.feed(Event::Boot(container))
    }

    /// Hands an event to the engine, does what it says, and checks all that can be checked.
    fn feed(&mut self, event: Event) -> Result<(), Breach> {
        self.trace.push(Line::In(self.kernel.now, event.clone()));
        self.kernel.hear(&event);
        self.notice(&event);
        // Nobody can be told to end before it is known to be there.
        let due = event == Event::Timeout && self.kernel.answers.is_empty();
        let states = States::of(&self.subject, &self.kernel);
        self.subject.handle(self.kernel.now, event.clone());
        let before = self.trace.len();
        self.follow()?;
        let later = States::of(&self.subject, &self.kernel);
        self.moves.extend(states.changes(&later, Some(&event), &self.trace[before..]));
        let moved = self.trace.len() > before;
        hold(moved || !due, Rule::Deadline, || "nothing comes of a timeout".into())
    }

    /// Another tree is to take the place of the one at work.
    fn replace(&mut self, choices: &mut dyn Choices) -> Result<(), Breach> {
        let definitions = tree::tree(self.size, choices);
        let graph = Graph::new(definitions.clone()).expect("a sound tree");
        let states = States::of(&self.subject, &self.kernel);
        let replaced = self.subject.replace(self.kernel.now, definitions);
        self.trace.push(Line::Replaced(self.kernel.now, replaced));
        if replaced {
            self.kernel.replace(graph);
        }
        self.follow()?;
        let later = States::of(&self.subject, &self.kernel);
        self.moves.extend(states.changes(&later, None, &[]));
        Ok(())
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
            Event::Abort(request) => {
                self.kernel.requests.entry(*request).and_modify(|asked| asked.aborted = true);
            }
            Event::Stop => self.kernel.stopped = true,
            Event::Leave { at_once, .. } => {
                self.kernel.stopped = true;
                self.kernel.at_once |= *at_once && self.kernel.bare;
            }
            Event::NotSpawned(p, NotSpawned::Refused | NotSpawned::Delayed)
                if p.script == Script::Run =>
            {
                let at = Time(self.kernel.now.0 + 60_000);
                self.kernel.paced.insert(p.service, at);
            }
            // A directory that comes back is started, whatever the change under way thinks of it.
            Event::Appeared(id, _) => {
                self.kernel.touch(*id);
            }
            Event::Control(id, control) => {
                self.kernel.touch(*id);
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
        let supervised = self.kernel.directories.iter().filter(|(_, d)| d.supervised);
        for (&id, _) in supervised.filter(|_| self.kernel.killed.is_none() && !self.kernel.exited) {
            let longrun = self.subject.longrun(id);
            hold(longrun.is_some(), Rule::Truth, || format!("{id:?} is not known"))?;
            let timer = self.subject.deadline();
            longrun.map_or(Ok(()), |longrun| self.kernel.check_wish(id, longrun, timer))?;
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
