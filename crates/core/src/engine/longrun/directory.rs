//! When the supervision of a longrun begins and ends, with its directory. Reference: s6-svscan's
//! page.

use super::supervisor::{Activity, Supervisor};
use super::{LongrunState, Policy, SupervisedLongrun};
use crate::engine::agenda::{News, ServiceAgenda};
use crate::engine::{Notice, Scanned, Supervised};
use crate::graph::Direction;

/// How long after the start of a supervisor the next one may start, in ms.
const SUPERVISE_AGAIN_MS: u64 = 1_000;

/// The directory of a longrun.
#[derive(Clone, Copy, Debug)]
pub(super) struct LongrunDirectory {
    /// It is in the scan directory.
    pub present: bool,
    /// It is the `log` of another one.
    pub logger: bool,
    /// It is that of a service of the graph.
    pub in_graph: bool,
}

impl SupervisedLongrun {
    /// Its directory is there.
    pub(in crate::engine) fn appear(&mut self, scanned: Scanned, agenda: &mut ServiceAgenda<'_>) {
        let returns = std::mem::replace(&mut self.directory.present, true);
        self.directory.logger = scanned.logger;
        if let LongrunState::Unsupervised { asked, .. } = self.state
            && !returns
        {
            self.supervise(asked, agenda);
        }
    }

    /// Its directory has gone. Its supervisor stays until it is pruned.
    pub(in crate::engine) fn vanish(&mut self, agenda: &mut ServiceAgenda<'_>) {
        let was_there = std::mem::replace(&mut self.directory.present, false);
        if was_there && self.is_unsupervised() {
            agenda.clear_timer();
            self.drop_if_scanned(agenda);
        }
    }

    /// It is of the graph no more: its supervisor goes, and then it does.
    pub(in crate::engine) fn retire(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.directory.in_graph = false;
        self.vanish(agenda);
        self.stop_and_leave(agenda);
    }

    /// The scan directory is pruned, or left: its supervisor is told to go.
    pub(in crate::engine) fn prune(&mut self, loggers: bool, agenda: &mut ServiceAgenda<'_>) {
        if self.directory.present {
        } else if self.directory.logger && !loggers {
            self.leave(agenda);
        } else {
            self.stop_and_leave(agenda);
        }
    }

    /// A supervisor starts. It starts `run` unless it found a `down` file, or a change has asked
    /// for something else meanwhile.
    pub(in crate::engine) fn supervised(
        &mut self,
        supervised: &Supervised,
        policy: Policy,
        agenda: &mut ServiceAgenda<'_>,
    ) {
        let LongrunState::Supervising { asked, leaving, history } = self.state else { return };
        let wanted = asked.map_or(!supervised.down, |direction| direction == Direction::Up);
        let mut supervisor = Supervisor::new(wanted, leaving, history.restarts, policy);
        agenda.status();
        agenda.notify(&[Notice::Supervised]);
        if wanted && !leaving {
            supervisor.start(agenda);
        }
        self.state = LongrunState::Supervised(supervisor);
        self.leave_if_down(agenda);
    }

    /// There is no supervisor after all.
    pub(in crate::engine) fn not_supervised(&mut self, agenda: &mut ServiceAgenda<'_>) {
        if let LongrunState::Supervising { history, .. } = self.state {
            self.state = LongrunState::Unsupervised { asked: None, history };
            agenda.record(News::NotSupervised);
        }
    }

    /// `x`, and HUP to its supervisor: it leaves when the service is down.
    pub(in crate::engine) fn leave(&mut self, agenda: &mut ServiceAgenda<'_>) {
        match &mut self.state {
            LongrunState::Unsupervised { .. } => {}
            LongrunState::Supervising { leaving, .. } => *leaving = true,
            LongrunState::Supervised(supervisor) => {
                supervisor.leaving = true;
                self.leave_if_down(agenda);
            }
        }
    }

    /// TERM to its supervisor: `x` and, where it is up, `d`.
    pub(in crate::engine) fn stop_and_leave(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.leave(agenda);
        if let LongrunState::Supervised(supervisor) = &mut self.state {
            match supervisor.activity {
                Activity::Starting { .. } => supervisor.stop_once_up(agenda),
                Activity::Up(_) => supervisor.stop(agenda),
                Activity::Down(_)
                | Activity::Lingering { .. }
                | Activity::Ending { .. }
                | Activity::Finishing { .. } => {}
            }
        }
    }

    /// Lets the supervisor leave if it is to, and nothing keeps it.
    pub(super) fn leave_if_down(&mut self, agenda: &mut ServiceAgenda<'_>) {
        let Some(supervisor) = self.supervisor().filter(|supervisor| supervisor.may_leave()) else {
            return;
        };
        self.state = LongrunState::Unsupervised { asked: None, history: supervisor.history };
        agenda.clear_timer();
        agenda.notify(&[Notice::Unsupervised]);
        agenda.unsupervise();
        if !self.directory.present {
            self.drop_if_scanned(agenda);
        }
    }

    /// Asks for the next supervisor, once everybody has heard that the last one left: a change
    /// writes the `down` file for which the next one looks.
    pub(in crate::engine) fn supervise_again(&mut self, agenda: &mut ServiceAgenda<'_>) {
        let LongrunState::Unsupervised { asked, .. } = self.state else { return };
        if !self.directory.present {
        } else if self.next_supervisor <= agenda.now() {
            self.supervise(asked, agenda);
        } else {
            agenda.set_timer(self.next_supervisor);
        }
    }

    fn supervise(&mut self, asked: Option<Direction>, agenda: &mut ServiceAgenda<'_>) {
        self.state = LongrunState::Supervising { asked, history: self.history(), leaving: false };
        self.next_supervisor = agenda.after(SUPERVISE_AGAIN_MS);
        agenda.supervise();
    }

    fn drop_if_scanned(&self, agenda: &mut ServiceAgenda<'_>) {
        if !self.directory.in_graph {
            agenda.drop_service();
        }
    }

    /// KILL is over everyone: nothing more is started for it, whatever comes.
    pub(in crate::engine) fn abandon(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.state = LongrunState::Unsupervised { asked: None, history: self.history() };
        self.directory.present = false;
        agenda.clear_timer();
    }
}
