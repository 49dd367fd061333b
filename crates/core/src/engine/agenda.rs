//! What is to be done at once (commands) and later (timers), and the news for the change under way.

use super::{
    Checked, Command, Exit, FailureRow, Look, NotSpawned, Notice, Process, Report, RequestId, Rest,
    Script, Signal, Time,
};
use crate::definition::health::Reaction;
use crate::graph::ServiceId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How long after the kernel has refused a process the next attempt to start it follows, in ms.
pub(super) const RETRY_MS: u64 = 200;

/// Something that happens later, unless it is called off. Of two that are due at the same time
/// the earlier variant comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Stopping the services has taken too long.
    Bound,
    /// The time between TERM and KILL is over.
    Grace,
    /// The change under way has taken too long.
    Change,
    /// The start or the stop of a service has taken too long.
    Move(ServiceId),
    /// A supervised service has something to do: start again, kill, be supervised again.
    Longrun(ServiceId),
    /// It is time to ask again for the script of a oneshot.
    Oneshot(ServiceId),
    /// It is time to start the CMD again.
    Cmd,
    /// It is time to name the services that the shutdown waits for.
    Naming,
}

/// What the change under way has to know of a longrun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Its listeners were notified of these.
    Notified(&'static [Notice]),
    /// There is no supervisor after all.
    NotSupervised,
    /// Its `run` could not be started.
    NotSpawned(NotSpawned),
    /// It has ended by failure.
    Failed(FailureRow),
    /// It was given up.
    GaveUp(Rest),
    /// It has ended, and that is to stop the container.
    StopsContainer(Rest),
}

/// The commands and timers of an engine.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    now: Time,
    commands: VecDeque<Command>,
    timers: BTreeSet<(Time, Timer)>,
    times: BTreeMap<Timer, Time>,
    news: VecDeque<(ServiceId, News)>,
}

impl Agenda {
    /// The time of the event that is being handled.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// Lets the time go on; never back.
    pub(super) fn advance(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// So many milliseconds from now.
    pub(super) fn after(&self, ms: u64) -> Time {
        Time(self.now.0.saturating_add(ms))
    }

    /// Appends a command.
    pub(super) fn command(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    /// The next command.
    pub(super) fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// Asks for a process.
    pub(super) fn spawn(&mut self, service: ServiceId, script: Script) {
        self.command(Command::Spawn(Process { service, script }));
    }

    /// Signals a process.
    pub(super) fn signal(&mut self, service: ServiceId, script: Script, signal: Signal) {
        self.command(Command::Signal(Process { service, script }, signal));
    }

    /// The agenda as far as it is about one longrun.
    pub(super) fn of(&mut self, service: ServiceId) -> ServiceAgenda<'_> {
        ServiceAgenda { agenda: self, service }
    }

    /// The next piece of news that the change under way has not handled yet.
    pub(super) fn next_news(&mut self) -> Option<(ServiceId, News)> {
        self.news.pop_front()
    }

    /// Reports to whoever asked.
    pub(super) fn report(&mut self, request: RequestId, report: Report) {
        self.command(Command::Report(request, report));
    }

    /// Sets a timer (again).
    pub(super) fn set(&mut self, timer: Timer, at: Time) {
        self.clear(timer);
        self.times.insert(timer, at);
        self.timers.insert((at, timer));
    }

    /// Lets a timer that is set be due no sooner.
    pub(super) fn postpone(&mut self, timer: Timer, at: Time) {
        if self.times.get(&timer).is_some_and(|set| *set < at) {
            self.set(timer, at);
        }
    }

    /// Calls a timer off.
    pub(super) fn clear(&mut self, timer: Timer) {
        if let Some(at) = self.times.remove(&timer) {
            self.timers.remove(&(at, timer));
        }
    }

    /// Calls all timers off.
    pub(super) fn clear_all(&mut self) {
        self.times.clear();
        self.timers.clear();
    }

    /// The time of the next timer.
    pub(super) fn deadline(&self) -> Option<Time> {
        self.timers.first().map(|&(at, _)| at)
    }

    /// Takes the next timer that is due.
    pub(super) fn next_due(&mut self) -> Option<Timer> {
        let &(at, timer) = self.timers.first()?;
        if at > self.now {
            return None;
        }
        self.clear(timer);
        Some(timer)
    }
}

/// What is to be done about one longrun, and when. It has one timer.
#[derive(Debug)]
pub(super) struct ServiceAgenda<'a> {
    agenda: &'a mut Agenda,
    service: ServiceId,
}

impl ServiceAgenda<'_> {
    /// The time of the event that is being handled.
    pub(super) fn now(&self) -> Time {
        self.agenda.now()
    }

    /// So many milliseconds from now.
    pub(super) fn after(&self, ms: u64) -> Time {
        self.agenda.after(ms)
    }

    /// Sets the timer (again).
    pub(super) fn set_timer(&mut self, at: Time) {
        self.agenda.set(Timer::Longrun(self.service), at);
    }

    /// Sets the timer to so many milliseconds from now, or clears it: 0 is for ever.
    pub(super) fn set_timer_ms(&mut self, ms: u32) {
        match ms {
            0 => self.clear_timer(),
            ms => self.set_timer(self.after(ms.into())),
        }
    }

    /// Calls the timer off.
    pub(super) fn clear_timer(&mut self) {
        self.agenda.clear(Timer::Longrun(self.service));
    }

    /// Asks for a process.
    pub(super) fn spawn(&mut self, script: Script) {
        self.agenda.spawn(self.service, script);
    }

    /// Signals a process.
    pub(super) fn signal(&mut self, script: Script, signal: Signal) {
        self.agenda.signal(self.service, script, signal);
    }

    /// Rewrites the status.
    pub(super) fn status(&mut self) {
        self.agenda.command(Command::Status(self.service));
    }

    /// Adds a death of `run` to the tally.
    pub(super) fn tally(&mut self, exit: Exit) {
        self.agenda.command(Command::Tally(self.service, exit));
    }

    /// Asks for a number that is drawn.
    pub(super) fn draw(&mut self) {
        self.agenda.command(Command::Draw(self.service));
    }

    /// Lets the timer be due no sooner, if it is set.
    pub(super) fn postpone_timer(&mut self, at: Time) {
        self.agenda.postpone(Timer::Longrun(self.service), at);
    }

    /// Has `run` looked at.
    pub(super) fn look(&mut self, look: Look) {
        self.agenda.command(Command::Look(self.service, look));
    }

    /// Reports that it is unwell.
    pub(super) fn report_unwell(&mut self, why: Checked, reaction: Reaction) {
        self.agenda.command(Command::Unwell(self.service, why, reaction));
    }

    /// Makes or removes the `down` file.
    pub(super) fn down_file(&mut self, there: bool) {
        self.agenda.command(Command::DownFile(self.service, there));
    }

    /// Notifies the listeners of `event/`, and the change under way, which listens too.
    pub(super) fn notify(&mut self, notices: &'static [Notice]) {
        self.agenda.command(Command::Notify(self.service, notices));
        self.record(News::Notified(notices));
    }

    /// Records what only the change under way has to know.
    pub(super) fn record(&mut self, news: News) {
        self.agenda.news.push_back((self.service, news));
    }

    /// Asks for a supervisor.
    pub(super) fn supervise(&mut self) {
        self.agenda.command(Command::Supervise(self.service));
    }

    /// Lets the supervisor go.
    pub(super) fn unsupervise(&mut self) {
        self.agenda.command(Command::Unsupervise(self.service));
    }

    /// Forgets the service.
    pub(super) fn drop_service(&mut self) {
        self.agenda.command(Command::Drop(self.service));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_set_again_moves() {
        let mut agenda = Agenda::default();
        agenda.set(Timer::Grace, Time(5));
        agenda.set(Timer::Grace, Time(9));
        assert_eq!(agenda.deadline(), Some(Time(9)));
        agenda.advance(Time(8));
        assert_eq!(agenda.next_due(), None);
        agenda.advance(Time(9));
        assert_eq!(agenda.next_due(), Some(Timer::Grace));
        assert_eq!(agenda.deadline(), None);
    }

    #[test]
    fn timers_of_the_same_time_come_in_a_fixed_order() {
        let mut agenda = Agenda::default();
        agenda.set(Timer::Longrun(ServiceId(0)), Time(1));
        agenda.set(Timer::Move(ServiceId(0)), Time(1));
        agenda.set(Timer::Change, Time(1));
        agenda.advance(Time(1));
        assert_eq!(agenda.next_due(), Some(Timer::Change));
        assert_eq!(agenda.next_due(), Some(Timer::Move(ServiceId(0))));
        assert_eq!(agenda.next_due(), Some(Timer::Longrun(ServiceId(0))));
    }
}
