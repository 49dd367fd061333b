//! A fake kernel: it does what it is told, and checks the rules while it does.

use crate::ends::{DueStop, Life};
use crate::health::Ward;
use crate::rules::{Breach, Listener, Rule, hold};
use crate::wishes::Wish;
use sixtree_core::engine::*;
use sixtree_core::graph::{Direction, Graph, ServiceId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Living {
    /// It tells its readiness, and whether it has.
    pub notifies: bool,
    pub ready: bool,
    /// It was asked to end, perhaps by its `stop` script.
    pub asked: bool,
    /// It got its down signal.
    pub downed: bool,
    /// It got a KILL.
    pub killed: bool,
}

/// What the engine is still to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Spawn(Process),
    /// It was forgotten before the answer came.
    Forgotten(Process),
    /// With what was seen of its `down` file.
    Supervise(ServiceId, bool),
    Stopping(ServiceId),
    Draw(ServiceId),
}

/// A request that is not at its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub dry_run: bool,
    /// Nobody waits for it any more.
    pub aborted: bool,
    /// It may not take longer than some time.
    pub limited: bool,
}

/// A move of a service that a request has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub request: RequestId,
    pub direction: Direction,
    /// It has come to its end, whichever.
    pub over: bool,
}

/// What is known of one directory.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Directory {
    /// It is in the scan directory.
    pub there: bool,
    pub logger: bool,
    pub supervised: bool,
    pub asked: bool,
    pub down: bool,
    pub listener: Listener,
}

/// The world outside the engine.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    pub graph: Graph,
    pub now: Time,
    pub alive: BTreeMap<Process, Living>,
    /// Processes that nobody watches.
    pub strays: Vec<Living>,
    pub cmd: Option<Living>,
    pub answers: VecDeque<Answer>,
    pub directories: BTreeMap<ServiceId, Directory>,
    pub wishes: BTreeMap<ServiceId, Wish>,
    pub(crate) lives: BTreeMap<ServiceId, Life>,
    /// What an end means by default.
    pub(crate) defaults: EndDefaults,
    pub(crate) due_stop: DueStop,
    /// The service whose first failure is to be reported.
    pub(crate) due_report: Option<ServiceId>,
    /// A service has stopped the container.
    pub(crate) stopped_for_service: bool,
    pub requests: BTreeMap<RequestId, Asked>,
    /// What s6-rc must take for up, from what happened.
    pub up: BTreeSet<ServiceId>,
    /// Oneshots whose last script did well, and which it was.
    pub done: BTreeMap<ServiceId, Script>,
    /// Services that somebody started or stopped by hand.
    pub touched: BTreeSet<ServiceId>,
    /// Services that are on their way up, and the request that has started them.
    pub starting: BTreeMap<ServiceId, (RequestId, bool)>,
    /// The last move of each service.
    pub begun: BTreeMap<ServiceId, Begun>,
    /// Services that the shutdown does not wait for any longer.
    pub left: BTreeSet<ServiceId>,
    /// Longruns that a change has stopped, and that nobody has asked for since.
    pub rested: BTreeSet<ServiceId>,
    /// Processes for which there was no room, and since when.
    pub delayed: BTreeMap<Process, Time>,
    /// The same of the CMD.
    pub cmd_delayed: Option<Time>,
    /// The exit code of the CMD, until it is the container's.
    code: Option<u8>,
    pub boot_is_fatal: bool,
    /// When `run` may start again.
    pub paced: BTreeMap<ServiceId, Time>,
    pub termed: bool,
    pub killed: Option<Time>,
    pub stopped: bool,
    pub cmd_started: bool,
    /// There is no container, and so nobody cares for strays.
    pub bare: bool,
    pub at_once: bool,
    pub exited: bool,
    /// What is looked at.
    pub ward: Ward,
    /// Of the event of now: what must still be done about it.
    deaths: Vec<(ServiceId, Exit)>,
    hasty: BTreeSet<ServiceId>,
    excused: BTreeSet<ServiceId>,
}

impl Kernel {
    /// A world in which nothing runs.
    pub(crate) fn new(graph: Graph) -> Self {
        Self { graph, now: Time(1), ..Self::default() }
    }

    /// Makes the directories of the tree's longruns, and takes away those of a tree before.
    pub(crate) fn lay_out(&mut self) {
        for (id, directory) in &mut self.directories {
            directory.there &= id.0 >= FIRST_SCANNED || self.graph.is_longrun(*id);
        }
        for id in self.graph.ids().filter(|&id| self.graph.is_longrun(id)) {
            let new = Directory { there: true, down: true, ..Directory::default() };
            self.directories.entry(id).or_insert(new);
        }
    }

    /// Another tree has taken the place of the one at work.
    pub(crate) fn replace(&mut self, graph: Graph) {
        self.graph = graph.numbered_after(&self.graph, &[]);
        self.lay_out();
    }

    /// Whether a service has a process, or is about to.
    pub(crate) fn is_alive(&self, id: ServiceId) -> bool {
        let spawning = |answer: &Answer| matches!(answer, Answer::Spawn(p) if p.service == id);
        self.alive.keys().any(|p| p.service == id) || self.answers.iter().any(spawning)
    }

    /// Whether no process is left at all.
    pub(crate) fn is_alone(&self) -> bool {
        let spawning = |answer: &Answer| matches!(answer, Answer::Spawn(_) | Answer::Forgotten(_));
        let spawning = self.answers.iter().any(spawning);
        self.alive.is_empty() && self.strays.is_empty() && self.cmd.is_none() && !spawning
    }

    /// A process ends: the engine must hear of it.
    pub(crate) fn end(&mut self, process: Process, exit: Exit) -> Event {
        self.alive.remove(&process);
        match process.script {
            Script::Run => self.deaths.push((process.service, exit)),
            Script::Up | Script::Down if exit == Exit::Code(0) => {
                self.done.insert(process.service, process.script);
            }
            Script::Stop if exit != Exit::Code(0) => self.stop_failed(process.service),
            Script::Up | Script::Down | Script::Finish | Script::Stop | Script::Reload => {}
        }
        Event::Exited(process, exit)
    }

    fn supervise(&mut self, id: ServiceId) -> Result<(), Breach> {
        let directory = self.directory(id);
        let free = !directory.supervised && !directory.asked && directory.there;
        directory.asked = true;
        hold(free, Rule::Supervision, || format!("Supervise({id:?})"))?;
        let down = directory.down;
        self.hear_supervise(id)?;
        self.answers.push_back(Answer::Supervise(id, down));
        Ok(())
    }

    fn exit_code(&mut self, code: u8) -> Result<(), Breach> {
        let of_cmd = self.code.take() == Some(code);
        let never = code == 111 && self.cmd_delayed.is_some_and(|at| self.is_over(at));
        let may = of_cmd || never || self.boot_is_fatal;
        hold(may, Rule::ExitCode, || format!("ExitCode({code})"))
    }

    /// Performs a command, if the rules allow it.
    pub(crate) fn obey(&mut self, command: &Command) -> Result<(), Breach> {
        let what = || format!("{command:?}");
        hold(!self.exited, Rule::Silence, what)?;
        match command {
            Command::Spawn(process) => self.spawn(*process)?,
            Command::Signal(process, signal) => self.signal(*process, *signal)?,
            Command::Forget(process) => {
                hold(self.is_alive(process.service), Rule::SignalToLiving, what)?;
                self.forget(*process);
            }
            Command::Status(id) => hold(self.is_supervised(*id), Rule::Supervision, what)?,
            Command::Notify(id, notices) => self.notify(*id, notices)?,
            Command::Tally(id, exit) => self.tally(*id, *exit)?,
            Command::Draw(id) => self.answers.push_back(Answer::Draw(*id)),
            Command::ReportFailures(id, row) => self.report_failures(*id, *row)?,
            Command::ReportRest(id, rest) => self.report_rest(*id, *rest)?,
            Command::StopFor(id, rest) => self.stop_for(*id, *rest)?,
            Command::Look(..) | Command::Unwell(..) => self.obey_health(command)?,
            Command::DownFile(id, there) => self.directory(*id).down = *there,
            Command::Supervise(id) => self.supervise(*id)?,
            Command::Unsupervise(id) => {
                let idle = self.is_supervised(*id) && !self.is_alive(*id);
                self.directory(*id).supervised = false;
                hold(idle, Rule::Supervision, what)?;
                self.hear_unsupervise(*id)?;
            }
            Command::Drop(id) => {
                let gone = self.directories.remove(id);
                self.wishes.remove(id);
                let leaves = |d: Directory| !d.there || self.stopped;
                let free = gone.is_some_and(|d| !d.supervised && !d.asked && leaves(d));
                let scanned = self.graph.definition(*id).is_none();
                hold(free && scanned, Rule::Supervision, what)?;
            }
            Command::Report(request, report) => self.report(*request, *report)?,
            Command::Done(request, outcome) => {
                self.stopped |= *request == SHUTDOWN;
                if *outcome == Outcome::TimedOut {
                    self.starting.retain(|_, (starter, _)| starter != request);
                }
                hold(self.requests.remove(request).is_some(), Rule::Answers, what)?;
            }
            Command::StartCmd => {
                hold(!self.cmd_started && !self.stopped, Rule::Cmd, what)?;
                self.cmd_started = true;
                self.cmd = Some(Living::default());
            }
            Command::SignalCmd(number) => {
                hold(self.cmd.is_some(), Rule::SignalToLiving, what)?;
                self.cmd.iter_mut().for_each(|cmd| cmd.asked |= *number == 15);
            }
            Command::ExitCode(code) => self.exit_code(*code)?,
            Command::TermAll => self.term_all(),
            Command::KillAll => self.kill_all(),
            Command::Exit => self.exit()?,
        }
        Ok(())
    }

    /// What must be so once all is done that an event asks for.
    pub(crate) fn check(&mut self) -> Result<(), Breach> {
        let now = self.now;
        self.check_health()?;
        if self.killed.is_some() {
            self.deaths.clear();
        }
        let untallied = std::mem::take(&mut self.deaths);
        hold(untallied.is_empty(), Rule::Tally, || format!("not tallied: {untallied:?}"))?;
        self.check_stop()?;
        let lost = self.code.take();
        hold(lost.is_none(), Rule::ExitCode, || format!("the CMD's is lost: {lost:?}"))?;
        let excused = std::mem::take(&mut self.excused);
        let mut hasty = std::mem::take(&mut self.hasty);
        hasty.retain(|id| !excused.contains(id));
        hold(hasty.is_empty(), Rule::Pace, || format!("started too soon, at {now:?}: {hasty:?}"))
    }

    /// A start that is not too soon, since somebody asked for it.
    pub(crate) fn excuse(&mut self, id: ServiceId) {
        self.excused.insert(id);
    }

    fn tally(&mut self, id: ServiceId, exit: Exit) -> Result<(), Breach> {
        let at = self.deaths.iter().position(|death| *death == (id, exit));
        at.map(|at| self.deaths.remove(at));
        hold(at.is_some(), Rule::Tally, || format!("tally of {id:?}: {exit:?}"))
    }

    fn directory(&mut self, id: ServiceId) -> &mut Directory {
        self.directories.entry(id).or_default()
    }

    fn is_supervised(&self, id: ServiceId) -> bool {
        self.directories.get(&id).is_some_and(|directory| directory.supervised)
    }

    fn spawn(&mut self, process: Process) -> Result<(), Breach> {
        let what = || format!("spawn of {process:?}");
        let id = process.service;
        if process.script == Script::Stop {
            return self.spawn_stop(process);
        }
        hold(!self.is_alive(id), Rule::OneProcess, what)?;
        hold(self.killed.is_none(), Rule::Silence, what)?;
        match process.script {
            Script::Run => {
                hold(self.is_supervised(id), Rule::Supervision, what)?;
                hold(!self.rested.contains(&id), Rule::StaysDown, what)?;
                self.hear_spawn(id);
                if self.paced.get(&id).is_some_and(|&at| at > self.now) {
                    self.hasty.insert(id);
                }
            }
            Script::Stop => {}
            Script::Finish => hold(self.is_supervised(id), Rule::Supervision, what)?,
            Script::Up | Script::Down | Script::Reload => {
                self.done.remove(&id);
            }
        }
        self.answers.push_back(Answer::Spawn(process));
        Ok(())
    }

    /// A `stop` script is to run: its service ends, or gets its down signal.
    fn spawn_stop(&mut self, process: Process) -> Result<(), Breach> {
        let what = || format!("spawn of {process:?}");
        let run = Process { script: Script::Run, ..process };
        hold(self.killed.is_none(), Rule::Silence, what)?;
        let first = !std::mem::replace(&mut self.life(process.service).stop_has_run, true);
        hold(first, Rule::OneStop, what)?;
        self.hear_signal(run, Signal::Down);
        self.stop_health(process.service);
        hold(self.alive.contains_key(&run), Rule::SignalToLiving, what)?;
        self.alive.get_mut(&run).into_iter().for_each(|living| living.asked = true);
        self.answers.push_back(Answer::Spawn(process));
        Ok(())
    }

    /// A `stop` script has failed, or could not be run.
    pub(crate) fn stop_failed(&mut self, service: ServiceId) {
        let run = Process { service, script: Script::Run };
        if let Some(living) = self.alive.get_mut(&run) {
            living.asked = living.downed;
        }
    }

    fn signal(&mut self, process: Process, signal: Signal) -> Result<(), Breach> {
        let what = || format!("{signal:?} to {process:?}");
        self.hear_signal(process, signal);
        let Some(living) = self.alive.get_mut(&process) else {
            return hold(false, Rule::SignalToLiving, what);
        };
        match signal {
            Signal::Number(9) | Signal::KillGroup | Signal::TimedOut => living.killed = true,
            Signal::Number(15) | Signal::Term => living.asked = true,
            Signal::Pause(_) | Signal::Continue(_) | Signal::Number(_) | Signal::Reload => {}
            Signal::Down => {
                (living.asked, living.downed) = (true, true);
                self.answers.push_back(Answer::Stopping(process.service));
            }
        }
        self.signal_health(process, signal);
        Ok(())
    }

    fn forget(&mut self, process: Process) {
        let spawning = |answer: &Answer| matches!(answer, Answer::Spawn(p) if *p == process);
        if let Some(living) = self.alive.remove(&process) {
            self.strays.push(living);
        } else if let Some(at) = self.answers.iter().position(spawning) {
            self.answers[at] = Answer::Forgotten(process);
        }
    }

    fn notify(&mut self, id: ServiceId, notices: &[Notice]) -> Result<(), Breach> {
        let what = || format!("{notices:?} of {id:?}");
        hold(self.is_supervised(id), Rule::Supervision, what)?;
        if notices.contains(&Notice::Died) {
            hold(!self.is_delayed(id), Rule::Patience, what)?;
        }
        for notice in notices {
            let next = self.directory(id).listener.hear(*notice);
            hold(next.is_some(), Rule::Letters, what)?;
            self.directory(id).listener = next.unwrap_or_default();
        }
        Ok(())
    }

    /// Notes that somebody meddles with a longrun.
    pub(crate) fn touch(&mut self, id: ServiceId) {
        self.touched.insert(id);
        self.rested.remove(&id);
    }

    /// Whether a process of a service is still to be asked for again.
    pub(crate) fn is_delayed(&self, id: ServiceId) -> bool {
        let mut of_service = self.delayed.iter().filter(|(process, _)| process.service == id);
        of_service.any(|(_, &since)| !self.is_over(since))
    }

    fn is_over(&self, since: Time) -> bool {
        self.now.0 >= since.0 + RETRY_FOR_MS
    }

    /// Notes the answer to a start.
    pub(crate) fn note_answer(&mut self, process: Process, why: Option<NotSpawned>) {
        if why == Some(NotSpawned::Delayed) && !matches!(process.script, Script::Run | Script::Stop)
        {
            self.delayed.entry(process).or_insert(self.now);
        } else {
            self.delayed.remove(&process);
        }
    }

    /// The CMD ends by itself, or because it was asked to.
    pub(crate) fn end_cmd(&mut self, exit: Exit) -> Event {
        self.cmd = None;
        if !self.termed && !self.stopped_for_service {
            self.code = Some(match exit {
                Exit::Code(code) => code,
                Exit::Signal(number) => number + 128,
            });
        }
        Event::CmdExited(exit)
    }

    fn everyone(&mut self) -> impl Iterator<Item = &mut Living> {
        self.alive.values_mut().chain(&mut self.strays).chain(&mut self.cmd)
    }

    fn term_all(&mut self) {
        self.termed = true;
        self.hear_leave(false, true);
        self.everyone().for_each(|living| living.asked = true);
    }

    fn kill_all(&mut self) {
        self.killed.get_or_insert(self.now);
        self.everyone().for_each(|living| living.killed = true);
    }

    fn exit(&mut self) -> Result<(), Breach> {
        self.exited = true;
        // What does not even die of KILL is left behind, after a while.
        let excused = self.killed.is_some_and(|at| self.now.0 >= at.0 + 5000) || self.at_once;
        if self.bare {
            self.strays.clear();
            self.answers.retain(|answer| !matches!(answer, Answer::Forgotten(_)));
        }
        hold(self.is_alone() || excused, Rule::NothingAlive, || format!("{:?}", self.alive))?;
        let open = &self.requests;
        hold(open.is_empty(), Rule::Answers, || format!("unanswered at the end: {open:?}"))
    }
}
