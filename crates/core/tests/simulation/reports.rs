//! What a report says, and whether it is so.

use crate::kernel::{Begun, Kernel};
use crate::rules::{Breach, Rule, hold};
use sixtree_core::engine::*;
use sixtree_core::graph::{Direction, ServiceId};

impl Kernel {
    /// Checks a report against what happened.
    pub(crate) fn report(&mut self, request: RequestId, report: Report) -> Result<(), Breach> {
        let what = || format!("{report:?}");
        let late = matches!(report, Report::BootFailed | Report::BootFatal);
        self.boot_is_fatal |= report == Report::BootFatal;
        let Some(asked) = self.requests.get(&request).copied() else {
            return hold(late, Rule::Answers, what);
        };
        if asked.dry_run {
            return Ok(());
        }
        self.hear_report(report);
        self.note_report(request, asked.limited, report);
        let begins = matches!(report, Report::Starting(_) | Report::Stopping(_));
        hold(!(asked.aborted && begins), Rule::Answers, what)?;
        self.check_order(request, report)?;
        if let Report::NotStarted(id, Failure::NotSpawned)
        | Report::NotStopped(id, Failure::NotSpawned)
        | Report::NotReloaded(id, Failure::NotSpawned) = report
        {
            hold(!self.is_delayed(id) || self.stopped, Rule::Patience, what)?;
        }
        match report {
            Report::Starting(id) => {
                self.excuse(id);
                let up = self.graph.dependencies(id).all(|other| self.is_up(other));
                hold(up, Rule::DependenciesUp, what)
            }
            Report::Stopping(id) => {
                let last = request == SHUTDOWN;
                let down = self.graph.dependents(id).all(|other| self.is_down(other, last));
                hold(down, Rule::DependentsDown, what)
            }
            Report::Started(id) => {
                self.up.insert(id);
                hold(self.has_started(id), Rule::Truth, what)
            }
            Report::Stopped(id) => {
                self.up.remove(&id);
                hold(self.has_stopped(id), Rule::Truth, what)
            }
            Report::AlreadyUp(id) => hold(self.up.contains(&id), Rule::Truth, what),
            Report::AlreadyDown(id) => hold(!self.up.contains(&id), Rule::Truth, what),
            Report::NotStarted(..)
            | Report::NotStopped(..)
            | Report::Essential(_)
            | Report::Reloading(_)
            | Report::Reloaded(_)
            | Report::NotReloaded(..)
            | Report::Left(_)
            | Report::StillWaiting(_)
            | Report::BootFailed
            | Report::BootFatal
            | Report::Late(_) => Ok(()),
        }
    }

    /// Where two services move in one change of which one goes first, the other one begins when
    /// that one has come to its end, and that one does not begin later.
    fn check_order(&mut self, request: RequestId, report: Report) -> Result<(), Breach> {
        let (id, direction) = match report {
            Report::Starting(id) => (id, Direction::Up),
            Report::Stopping(id) => (id, Direction::Down),
            Report::Started(id)
            | Report::NotStarted(id, _)
            | Report::Stopped(id)
            | Report::NotStopped(id, _)
            | Report::Left(id) => {
                self.begun.entry(id).and_modify(|begun| begun.over = true);
                return Ok(());
            }
            _ => return Ok(()),
        };
        let back = if direction == Direction::Up { Direction::Down } else { Direction::Up };
        let begun = |other: &ServiceId| {
            self.begun.get(other).filter(|b| b.request == request && b.direction == direction)
        };
        let arrives = |other: &ServiceId| match direction {
            Direction::Up => self.is_up(*other),
            Direction::Down => self.has_stopped(*other),
        };
        let mut first = self.graph.first(id, direction);
        let waited = first.all(|other| begun(&other).is_none_or(|b| b.over) || arrives(&other));
        let early = self.graph.first(id, back).all(|other| begun(&other).is_none());
        self.begun.insert(id, Begun { request, direction, over: false });
        hold(waited && early, Rule::Order, || format!("{report:?} of {request:?}"))
    }

    /// Notes what a report says of where a service is.
    fn note_report(&mut self, request: RequestId, limited: bool, report: Report) {
        match report {
            Report::Starting(id) => {
                self.rested.remove(&id);
                self.starting.insert(id, (request, limited));
            }
            Report::Started(id) | Report::NotStarted(id, _) => {
                self.starting.remove(&id);
            }
            Report::Stopped(id) => {
                self.starting.remove(&id);
                let wanted = self.wishes.get(&id).is_some_and(|wish| wish.wanted);
                if self.graph.is_longrun(id) && !wanted {
                    self.rested.insert(id);
                }
            }
            Report::Left(id) => {
                self.left.insert(id);
            }
            _ => {}
        }
    }

    /// Up for s6-rc, or about to be told so.
    fn is_up(&self, id: ServiceId) -> bool {
        self.up.contains(&id) || self.has_started(id)
    }

    /// Down for s6-rc, or about to be told so; to the shutdown, also without any process, unless
    /// somebody meddled, or it has waited long enough.
    fn is_down(&self, id: ServiceId, last: bool) -> bool {
        let down = !self.up.contains(&id) || self.has_stopped(id);
        let excused = self.touched.contains(&id) || self.left.contains(&id);
        down && (!last || excused || !self.is_alive(id))
    }

    fn has_started(&self, id: ServiceId) -> bool {
        if !self.graph.is_longrun(id) {
            return self.done.get(&id) == Some(&Script::Up);
        }
        let run = Process { service: id, script: Script::Run };
        self.alive.get(&run).is_some_and(|living| living.ready || !living.notifies)
    }

    fn has_stopped(&self, id: ServiceId) -> bool {
        if self.graph.is_longrun(id) {
            self.touched.contains(&id) || !self.is_alive(id)
        } else {
            self.done.get(&id) == Some(&Script::Down)
        }
    }
}
