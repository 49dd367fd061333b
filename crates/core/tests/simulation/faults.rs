//! Seeded bugs: an engine that is faulty in one way, so that each rule can prove that it bites.

use crate::rules::Rule;
use crate::tree::{
    with_delays, without_dependencies, without_limits, without_order, without_policies,
};
use sixtree_core::definition::Definition;
use sixtree_core::engine::*;
use sixtree_core::graph::{Graph, ServiceId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Every process is asked for twice.
    SpawnsTwice,
    /// A signal comes again with the next event.
    SignalsAgain,
    /// Dependencies are not known.
    NoDependencies,
    /// It does not know what goes first.
    NoOrder,
    /// Dependencies are forgotten when a stop is asked for.
    ForgetsDependencies,
    /// A start that failed is told as one that did well.
    Boasts,
    /// The deadline is a millisecond early.
    ImpatientClock,
    /// The exit comes with the last TERM.
    ExitsEarly,
    /// The ends of `finish` go unheard.
    Deaf,
    /// It depends on something other than the events.
    Moody,
    /// The end of a request is told twice.
    TellsTwice,
    /// The end of a request is not told.
    TellsNever,
    /// A death is not told to listeners.
    KeepsDeathsQuiet,
    /// A directory is left while its service runs.
    LeavesEarly,
    /// Deaths are not tallied.
    NoTally,
    /// Time runs ten times as fast.
    FastClock,
    /// It does not hear `d`.
    Stubborn,
    /// It does not dare to stop anything.
    Shy,
    /// The CMD is started with the stop.
    LateCmd,
    /// It goes on after the exit.
    Undead,
    /// It does not know how long services may take.
    Patient,
    /// It believes in a grace time without end.
    Gracious,
    /// It makes the `down` file of what it has stopped after all else.
    LateDownFile,
    /// It takes no room for a refusal.
    Hasty,
    /// It takes the first failed check for the last one.
    Nervous,
    /// It does not hear what is found.
    Unfeeling,
    /// It goes on looking at the dead.
    Staring,
    /// The CMD's exit code is lost once a stop has begun.
    LosesCode,
    /// The CMD's exit code counts although a service has stopped the container.
    CmdWins,
    /// It does not know what ends mean.
    Careless,
    /// It runs `stop` twice.
    StopsTwice,
    /// It takes a `stop` that fails for one that does well.
    Trusting,
    /// It is silent about failures.
    Discreet,
    /// A service that is to stop the container does not.
    Loyal,
    /// It waits half as long as it should before it starts a service again.
    HalvesDelays,
    /// It waits twice as long.
    DoublesDelays,
}

/// Every bug, and the rule that catches it.
pub(crate) const BUGS: [(Bug, Rule); 36] = [
    (Bug::SpawnsTwice, Rule::OneProcess),
    (Bug::SignalsAgain, Rule::SignalToLiving),
    (Bug::NoDependencies, Rule::DependenciesUp),
    (Bug::NoOrder, Rule::Order),
    (Bug::ForgetsDependencies, Rule::DependentsDown),
    (Bug::Boasts, Rule::Truth),
    (Bug::ImpatientClock, Rule::Deadline),
    (Bug::ExitsEarly, Rule::NothingAlive),
    (Bug::Deaf, Rule::Ends),
    (Bug::Moody, Rule::Determinism),
    (Bug::TellsTwice, Rule::Answers),
    (Bug::TellsNever, Rule::Answers),
    (Bug::KeepsDeathsQuiet, Rule::Letters),
    (Bug::LeavesEarly, Rule::Supervision),
    (Bug::NoTally, Rule::Tally),
    (Bug::FastClock, Rule::Pace),
    (Bug::Stubborn, Rule::Obedience),
    (Bug::Shy, Rule::Obedience),
    (Bug::LateCmd, Rule::Cmd),
    (Bug::Undead, Rule::Silence),
    (Bug::Patient, Rule::EndsInTime),
    (Bug::Gracious, Rule::EndsInTime),
    (Bug::LateDownFile, Rule::StaysDown),
    (Bug::Hasty, Rule::Patience),
    (Bug::Nervous, Rule::Health),
    (Bug::Unfeeling, Rule::Health),
    (Bug::Staring, Rule::Looks),
    (Bug::LosesCode, Rule::ExitCode),
    (Bug::CmdWins, Rule::ExitCode),
    (Bug::Careless, Rule::Obedience),
    (Bug::Loyal, Rule::Policy),
    (Bug::StopsTwice, Rule::OneStop),
    (Bug::Trusting, Rule::Obedience),
    (Bug::Discreet, Rule::Policy),
    (Bug::HalvesDelays, Rule::Pace),
    (Bug::DoublesDelays, Rule::Pace),
];

/// What the engine knows of a tree.
fn known(definitions: Vec<Definition>, bug: Option<Bug>) -> Graph {
    let known = match bug {
        Some(Bug::NoDependencies) => without_dependencies(&definitions),
        Some(Bug::NoOrder) => without_order(&definitions),
        Some(Bug::Patient) => without_limits(&definitions),
        Some(Bug::Careless) => without_policies(definitions),
        Some(Bug::HalvesDelays) => with_delays(definitions, |ms| ms / 2),
        Some(Bug::DoublesDelays) => with_delays(definitions, |ms| ms * 2),
        _ => definitions,
    };
    Graph::new(known).expect("a sound tree")
}

/// Something that no event tells.
static MOOD: AtomicU64 = AtomicU64::new(0);

/// An engine, sound or not.
pub(crate) struct Subject {
    engine: Engine,
    bug: Option<Bug>,
    definitions: Vec<Definition>,
    commands: VecDeque<Command>,
    repeated: Vec<Command>,
    /// Whether it was stopping before the event of now.
    was_stopping: bool,
}

impl Subject {
    pub(crate) fn new(definitions: Vec<Definition>, bug: Option<Bug>) -> Self {
        let engine = Engine::new(known(definitions.clone(), bug));
        let (commands, repeated, was_stopping) = (VecDeque::new(), Vec::new(), false);
        Self { engine, bug, definitions, commands, repeated, was_stopping }
    }

    /// Puts another tree to work; false if that cannot be now.
    pub(crate) fn replace(&mut self, now: Time, definitions: Vec<Definition>) -> bool {
        let graph = known(definitions, self.bug).numbered_after(self.engine.graph(), &[]);
        let replaced = self.engine.replace(self.clock(now), graph).is_ok();
        while let Some(command) = self.engine.poll() {
            self.pass(command);
        }
        replaced
    }

    pub(crate) fn handle(&mut self, now: Time, event: Event) {
        self.commands.extend(std::mem::take(&mut self.repeated));
        if event == Event::Stop && self.bug == Some(Bug::ForgetsDependencies) {
            let graph = known(self.definitions.clone(), Some(Bug::NoDependencies));
            // Where a change is under way, it remembers.
            let _ = self.engine.replace(self.clock(now), graph);
        }
        self.was_stopping = self.engine.stopping();
        if self.hears(&event) {
            self.engine.handle(self.clock(now), self.heard(event));
        }
        while let Some(command) = self.engine.poll() {
            self.pass(command);
        }
        if self.bug == Some(Bug::LateDownFile) {
            let is_down_file = |command: &Command| matches!(command, Command::DownFile(_, true));
            let (mut late, others) = self.commands.drain(..).partition(is_down_file);
            self.commands = others;
            self.commands.append(&mut late);
        }
    }

    pub(crate) fn poll(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    pub(crate) fn deadline(&self) -> Option<Time> {
        let at = self.engine.deadline()?;
        Some(match self.bug {
            Some(Bug::ImpatientClock) => Time(at.0 - 1),
            Some(Bug::FastClock) => Time(at.0.div_ceil(10)),
            _ => at,
        })
    }

    pub(crate) fn is_up(&self, id: ServiceId) -> bool {
        self.engine.is_up(id)
    }

    pub(crate) fn longrun(&self, id: ServiceId) -> Option<&SupervisedLongrun> {
        self.engine.longrun(id)
    }

    pub(crate) fn stage(&self) -> Stage {
        self.engine.stage()
    }

    pub(crate) fn stopping(&self) -> bool {
        self.engine.stopping()
    }

    fn clock(&self, now: Time) -> Time {
        match self.bug {
            Some(Bug::FastClock) => Time(now.0 * 10),
            _ => now,
        }
    }

    fn hears(&self, event: &Event) -> bool {
        let finish = matches!(event, Event::Exited(p, _) if p.script == Script::Finish);
        let down = matches!(event, Event::Control(_, Control::Down { .. }));
        let checked = matches!(event, Event::Checked(..));
        if self.bug == Some(Bug::Unfeeling) && checked {
            return false;
        }
        !(self.bug == Some(Bug::Deaf) && finish || self.bug == Some(Bug::Stubborn) && down)
    }

    /// What it makes of an event.
    fn heard(&self, event: Event) -> Event {
        match event {
            Event::Boot(container) if self.bug == Some(Bug::Gracious) => {
                Event::Boot(Container { kill_grace_ms: 1_000_000, ..container })
            }
            Event::NotSpawned(process, NotSpawned::Delayed) if self.bug == Some(Bug::Hasty) => {
                Event::NotSpawned(process, NotSpawned::Refused)
            }
            Event::Checked(id, Checked::Failed) if self.bug == Some(Bug::Nervous) => {
                Event::Checked(id, Checked::WatchdogMissed)
            }
            Event::Exited(process, _)
                if process.script == Script::Stop && self.bug == Some(Bug::Trusting) =>
            {
                Event::Exited(process, Exit::Code(0))
            }
            event => event,
        }
    }

    fn pass(&mut self, command: Command) {
        let mut all = vec![command.clone()];
        match (self.bug, command) {
            (Some(Bug::SpawnsTwice), Command::Spawn(_))
            | (Some(Bug::TellsTwice), Command::Done(..)) => all.extend_from_within(..),
            (Some(Bug::SignalsAgain), Command::Signal(..)) => self.repeated.clone_from(&all),
            (Some(Bug::Boasts), Command::Report(request, Report::NotStarted(id, _))) => {
                all = vec![Command::Report(request, Report::Started(id))];
            }
            (Some(Bug::ExitsEarly), Command::TermAll) => all.push(Command::Exit),
            (Some(Bug::Moody), Command::Status(_))
                if MOOD.fetch_add(1, Ordering::Relaxed) % 2 == 1 =>
            {
                all.clear();
            }
            (Some(Bug::TellsNever), Command::Done(..))
            | (Some(Bug::NoTally), Command::Tally(..)) => {
                all.clear();
            }
            (Some(Bug::KeepsDeathsQuiet), Command::Notify(_, [Notice::Died])) => {
                all.clear();
            }
            (Some(Bug::LeavesEarly), Command::Signal(process, Signal::Down)) => {
                all.push(Command::Unsupervise(process.service));
            }
            (Some(Bug::Staring), Command::Look(_, Look::Nothing)) => all.clear(),
            (Some(Bug::Shy), Command::Signal(_, Signal::Down)) => all.clear(),
            (Some(Bug::StopsTwice), Command::Spawn(process)) if process.script == Script::Stop => {
                all.extend_from_within(..);
            }
            (Some(Bug::LosesCode), Command::ExitCode(_)) if self.was_stopping => all.clear(),
            (Some(Bug::CmdWins), Command::StopFor(_, rest)) => {
                all.push(Command::ExitCode(rest.exit_code()));
            }
            (Some(Bug::Loyal), Command::StopFor(..))
            | (Some(Bug::Discreet), Command::ReportFailures(..)) => all.clear(),
            (Some(Bug::LateCmd), Command::TermAll) => all.insert(0, Command::StartCmd),
            (Some(Bug::Undead), Command::Exit) => all.push(Command::TermAll),
            _ => {}
        }
        self.commands.extend(all);
    }
}
