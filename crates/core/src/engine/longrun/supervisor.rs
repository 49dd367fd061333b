//! The supervisor of a longrun: how it comes and goes with its directory. Reference: s6-svscan's
//! page.

use super::{Longrun, Phase};
use crate::engine::agenda::{Agenda, News, Timer};
use crate::engine::{Command, Scanned, Supervised};

/// How long after the start of a supervisor the next one may start, in ms.
const SUPERVISE_AGAIN_MS: u64 = 1_000;

impl Longrun {
    /// Its directory is there.
    pub(in crate::engine) fn appear(&mut self, scanned: Scanned, agenda: &mut Agenda) {
        let returns = self.active;
        self.active = true;
        self.logger = scanned.logger;
        match self.phase {
            Phase::Unsupervised if !returns => self.supervise(agenda),
            Phase::Unsupervised
            | Phase::Supervising
            | Phase::Down
            | Phase::Starting
            | Phase::Up
            | Phase::Ending
            | Phase::Finishing => {}
        }
    }

    /// Its directory has gone. Its supervisor stays until it is pruned.
    pub(in crate::engine) fn vanish(&mut self, agenda: &mut Agenda) {
        let was_there = std::mem::replace(&mut self.active, false);
        if was_there && self.phase == Phase::Unsupervised {
            agenda.clear(Timer::Longrun(self.id));
            self.gone(agenda);
        }
    }

    /// It is of the graph no more: its supervisor goes, and then it does.
    pub(in crate::engine) fn retire(&mut self, agenda: &mut Agenda) {
        self.in_graph = false;
        self.vanish(agenda);
        self.stop_and_leave(agenda);
    }

    /// The scan directory is pruned, or left: its supervisor is told to go.
    pub(in crate::engine) fn prune(&mut self, loggers: bool, agenda: &mut Agenda) {
        if self.active {
        } else if self.logger && !loggers {
            self.leave(agenda);
        } else {
            self.stop_and_leave(agenda);
        }
    }

    /// A supervisor starts: it looks for `down`.
    pub(in crate::engine) fn supervised(&mut self, supervised: Supervised, agenda: &mut Agenda) {
        if self.phase != Phase::Supervising {
            return;
        }
        self.phase = Phase::Down;
        self.ready = true;
        self.paused = false;
        self.exit = None;
        self.notifies = false;
        self.next_start = None;
        self.wanted = self.asked.take().unwrap_or(!supervised.down);
        self.announce(agenda);
        self.never_started = true;
        agenda.notify(self.id, "s");
        if self.leaving {
            self.left(agenda);
        } else if self.wanted {
            self.start(agenda);
        }
    }

    /// There is no supervisor after all.
    pub(in crate::engine) fn not_supervised(&mut self, agenda: &mut Agenda) {
        if self.phase == Phase::Supervising {
            self.phase = Phase::Unsupervised;
            self.leaving = false;
            self.asked = None;
            agenda.tell(self.id, News::NotSupervised);
        }
    }

    pub(super) fn supervise(&mut self, agenda: &mut Agenda) {
        self.phase = Phase::Supervising;
        self.next_supervisor = agenda.after(SUPERVISE_AGAIN_MS);
        agenda.command(Command::Supervise(self.id));
    }

    /// The supervisor has left.
    pub(super) fn left(&mut self, agenda: &mut Agenda) {
        self.phase = Phase::Unsupervised;
        self.leaving = false;
        self.wanted = false;
        agenda.clear(Timer::Longrun(self.id));
        agenda.notify(self.id, "x");
        agenda.command(Command::Unsupervise(self.id));
        if !self.active {
            self.gone(agenda);
        }
    }

    /// Asks for the next supervisor, once everybody has heard that the last one left: a change
    /// writes the `down` file for which the next one looks.
    pub(in crate::engine) fn supervise_again(&mut self, agenda: &mut Agenda) {
        if self.phase != Phase::Unsupervised || !self.active {
        } else if self.next_supervisor <= agenda.now() {
            self.supervise(agenda);
        } else {
            agenda.set(Timer::Longrun(self.id), self.next_supervisor);
        }
    }

    fn gone(&self, agenda: &mut Agenda) {
        if !self.in_graph {
            agenda.command(Command::Drop(self.id));
        }
    }

    /// KILL is over everyone: nothing more is started for it, whatever comes.
    pub(in crate::engine) fn abandon(&mut self, agenda: &mut Agenda) {
        self.phase = Phase::Unsupervised;
        self.active = false;
        self.wanted = false;
        agenda.clear(Timer::Longrun(self.id));
    }
}
