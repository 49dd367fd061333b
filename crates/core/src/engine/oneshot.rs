//! One oneshot: which of its scripts runs, and what its end means. Reference: s6-rc's page.

use super::agenda::{Agenda, RETRY_MS, Timer};
use super::{Command, Exit, Failure, NotSpawned, RETRY_FOR_MS, Script, Signal, Target, Time};
use crate::engine;
use crate::graph::ServiceId;

/// A oneshot.
#[derive(Clone, Debug)]
pub(super) struct SupervisedOneshot {
    id: ServiceId,
    current: Option<Current>,
    /// How many answers are still to come about scripts that are no longer watched.
    stale: u32,
}

/// The script of now.
#[derive(Clone, Copy, Debug)]
struct Current {
    script: Script,
    process: OneshotProcess,
    /// Until when it is asked for again, once there was no room for it.
    retry_until: Option<Time>,
}

/// Whether there is a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OneshotProcess {
    /// The answer is to come.
    Asked,
    /// There is no room for one; it is asked for again.
    Delayed,
    Running,
}

impl SupervisedOneshot {
    /// A oneshot of which no script runs.
    pub(super) fn new(id: ServiceId) -> Self {
        Self { id, current: None, stale: 0 }
    }

    /// The script that runs, or is about to.
    pub(super) fn running(&self) -> Option<Script> {
        self.current.map(|current| current.script)
    }

    /// Starts a script. Only where none runs.
    pub(super) fn start(&mut self, script: Script, agenda: &mut Agenda) {
        self.current = Some(Current { script, process: OneshotProcess::Asked, retry_until: None });
        agenda.spawn(self.id, script);
    }

    /// Asks the running script to end early.
    pub(super) fn interrupt(&self, agenda: &mut Agenda) {
        let running = self.current.filter(|current| current.process == OneshotProcess::Running);
        if let Some(Current { script, .. }) = running {
            agenda.signal(self.id, script, Signal::Term);
            agenda.signal(self.id, script, Signal::Continue(Target::Process));
        }
    }

    /// Lets the running script run on, unwatched.
    pub(super) fn forget(&mut self, agenda: &mut Agenda) {
        self.cancel_delayed(agenda);
        if let Some(Current { script, process, .. }) = self.current.take() {
            self.stale += u32::from(process == OneshotProcess::Asked);
            agenda.command(Command::Forget(engine::Process { service: self.id, script }));
        }
    }

    /// Gives up a script that the kernel has refused for now.
    pub(super) fn cancel_delayed(&mut self, agenda: &mut Agenda) {
        if self.current.is_some_and(|current| current.process == OneshotProcess::Delayed) {
            self.current = None;
            agenda.clear(Timer::Oneshot(self.id));
        }
    }

    /// The answer to a start: there is a process. It is ignored where it is about a script that is
    /// no longer watched.
    pub(super) fn spawned(&mut self) {
        if !self.is_stale()
            && let Some(current) = &mut self.current
        {
            current.process = OneshotProcess::Running;
        }
    }

    /// The answer to a start: there is no process. Returns whether that is the end of the script
    /// that is watched. Where the kernel only refuses a process for now, it is tried again for a
    /// while.
    pub(super) fn not_spawned(&mut self, why: NotSpawned, agenda: &mut Agenda) -> bool {
        if self.is_stale() {
            return false;
        }
        let Some(current) = &mut self.current else { return false };
        let until = *current.retry_until.get_or_insert(agenda.after(RETRY_FOR_MS));
        let retries = why == NotSpawned::Delayed && agenda.now() < until;
        if retries {
            current.process = OneshotProcess::Delayed;
            agenda.set(Timer::Oneshot(self.id), agenda.after(RETRY_MS));
        }
        !retries
    }

    /// It is time to ask again.
    pub(super) fn retry(&mut self, agenda: &mut Agenda) {
        if let Some(current) = &mut self.current
            && current.process == OneshotProcess::Delayed
        {
            current.process = OneshotProcess::Asked;
            agenda.spawn(self.id, current.script);
        }
    }

    /// A script ended: whether it is the one that is watched.
    pub(super) fn ended(&mut self, script: Script) -> bool {
        let watched = self.running() == Some(script);
        if watched {
            self.current = None;
        }
        watched
    }

    /// Whether this answer is about a script that is no longer watched.
    fn is_stale(&mut self) -> bool {
        let stale = self.stale > 0;
        self.stale = self.stale.saturating_sub(1);
        stale
    }
}

/// The result of the transition, by how its script ended.
pub(super) fn verdict(exit: Exit) -> Result<(), Failure> {
    match exit {
        Exit::Code(0) => Ok(()),
        Exit::Code(code) => Err(Failure::Exited(code)),
        Exit::Signal(number) => Err(Failure::Crashed(number)),
    }
}

/// The result of the transition where there is no process: a script that does not exist counts as a
/// success.
pub(super) fn verdict_without(why: NotSpawned) -> Result<(), Failure> {
    match why {
        NotSpawned::Absent => Ok(()),
        NotSpawned::Refused | NotSpawned::Delayed | NotSpawned::Invalid => Err(Failure::NotSpawned),
    }
}
