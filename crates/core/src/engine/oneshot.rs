//! One oneshot: which of its scripts runs, and what its end means. Reference: s6-rc's page.

use super::agenda::Agenda;
use super::{Exit, Failure, NotSpawned, Process, Script, Signal, Target};
use crate::engine::Command;
use crate::graph::ServiceId;

/// A oneshot.
#[derive(Clone, Debug)]
pub(super) struct Oneshot {
    id: ServiceId,
    running: Option<Script>,
    /// The answer to the last start is there.
    answered: bool,
    /// Answers to come that are about scripts nobody watches any more.
    stale: u32,
}

impl Oneshot {
    /// A oneshot of which no script runs.
    pub fn new(id: ServiceId) -> Self {
        Self { id, running: None, answered: true, stale: 0 }
    }

    /// The script that runs.
    pub fn running(&self) -> Option<Script> {
        self.running
    }

    /// Starts a script. Only where none runs.
    pub fn start(&mut self, script: Script, agenda: &mut Agenda) {
        self.running = Some(script);
        self.answered = false;
        agenda.spawn(self.id, script);
    }

    /// Asks the running script to end early.
    pub fn interrupt(&self, agenda: &mut Agenda) {
        if let Some(script) = self.running.filter(|_| self.answered) {
            agenda.signal(self.id, script, Signal::Term);
            agenda.signal(self.id, script, Signal::Continue(Target::Process));
        }
    }

    /// Lets the running script run on, unwatched.
    pub fn forget(&mut self, agenda: &mut Agenda) {
        if let Some(script) = self.running.take() {
            self.stale += u32::from(!self.answered);
            self.answered = true;
            agenda.command(Command::Forget(Process { service: self.id, script }));
        }
    }

    /// The answer to a start is there: whether it is about the script that is watched.
    pub fn answered(&mut self) -> bool {
        if self.stale > 0 {
            self.stale -= 1;
            return false;
        }
        self.answered = true;
        true
    }

    /// A script ended: whether it is the one that is watched.
    pub fn ended(&mut self, script: Script) -> bool {
        let watched = self.running == Some(script);
        if watched {
            self.running = None;
        }
        watched
    }
}

/// What the end of a script says of the transition.
pub(super) fn verdict(exit: Exit) -> Result<(), Failure> {
    match exit {
        Exit::Code(0) => Ok(()),
        Exit::Code(code) => Err(Failure::Exited(code)),
        Exit::Signal(number) => Err(Failure::Crashed(number)),
    }
}

/// What it says of the transition that there is no script to run: an absent one does nothing,
/// well.
pub(super) fn verdict_without(why: NotSpawned) -> Result<(), Failure> {
    match why {
        NotSpawned::Absent => Ok(()),
        NotSpawned::Refused | NotSpawned::Invalid => Err(Failure::NotSpawned),
    }
}
