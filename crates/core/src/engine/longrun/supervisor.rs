//! A supervisor: it starts `run`, and `finish` after it, as long as the service is wanted up.

use super::History;
use super::ends::{EndRecord, Policy, RunEnd, SentSignals, Verdict};
use super::health::RunHealth;
use super::stop::{StopRequest, StopScript};
use crate::definition::EndAction;
use crate::engine::agenda::{News, RETRY_MS, ServiceAgenda};
use crate::engine::{
    Exit, Look, NotSpawned, Notice, RETRY_FOR_MS, Rest, Script, Signal, Spawned, Time,
};

/// How long after a failure to start it `run` is tried again, in ms.
const REFUSED_MS: u32 = 60_000;
/// How long after one KILL the next one follows, in ms.
pub(super) const KILL_AGAIN_MS: u64 = 5_000;
/// The exit code of `finish` that means: do not start it again.
const PERMANENT: Exit = Exit::Code(125);

/// What is known of a service while it is supervised.
#[derive(Clone, Debug)]
pub(super) struct Supervisor {
    /// The service is to run.
    pub wanted: bool,
    /// The supervisor leaves when the service is down.
    pub leaving: bool,
    pub history: History,
    pub activity: Activity,
    /// What an end means.
    pub policy: Policy,
    /// Its ends by itself since somebody started it; `None`: there was none.
    pub ends: Option<Box<EndRecord>>,
    /// The process of `stop`.
    pub stop_script: StopScript,
}

/// What a supervised service is doing.
#[derive(Clone, Debug)]
pub(super) enum Activity {
    Down(Idle),
    Starting {
        /// It is to be stopped as soon as it is there.
        stop: bool,
    },
    Up(Run),
    /// `run` has ended, and `stop` has not.
    Lingering {
        end: RunEnd,
    },
    Ending {
        end: RunEnd,
        /// Until when `finish` is asked for again, if there was no room for it.
        retry_until: Option<Time>,
    },
    Finishing {
        end: RunEnd,
    },
}

/// Why a service has no process.
#[derive(Clone, Copy, Debug)]
pub(super) enum Idle {
    /// It was told so, or has not been started yet.
    Told,
    /// It starts again.
    Waiting {
        /// From when on it waits, and for how long, in ms.
        from: Time,
        for_ms: u32,
    },
    /// It does not start again.
    Resting(Rest),
}

/// The process of `run`.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Since when it runs.
    since: Time,
    pub readiness: Readiness,
    /// It was told to pause.
    pub paused: bool,
    pub stop: StopRequest,
    pub sent: SentSignals,
    /// How well it is, if somebody looks.
    pub health: Option<RunHealth>,
}

/// Whether a process has notified its readiness.
#[derive(Clone, Debug)]
pub(super) enum Readiness {
    /// It has no means to do that.
    Silent,
    Awaited,
    Ready {
        /// Since when.
        since: Time,
    },
}

impl Supervisor {
    /// The supervisor of a service that is down, and was started again so often.
    pub(super) fn new(wanted: bool, leaving: bool, restarts: u32, policy: Policy) -> Self {
        let (history, activity) = (History::new(restarts), Activity::Down(Idle::Told));
        Self {
            wanted,
            leaving,
            history,
            activity,
            policy,
            ends: None,
            stop_script: StopScript::None,
        }
    }

    /// The script of the process that it has, or has asked for.
    pub(super) fn script(&self) -> Option<Script> {
        match self.activity {
            Activity::Down(_) => None,
            Activity::Starting { .. } | Activity::Up(_) => Some(Script::Run),
            Activity::Lingering { .. } => Some(Script::Stop),
            Activity::Ending { .. } | Activity::Finishing { .. } => Some(Script::Finish),
        }
    }

    /// Whether nothing keeps it from leaving.
    pub(super) fn may_leave(&self) -> bool {
        self.leaving && matches!(self.activity, Activity::Down(_))
    }

    /// Asks for `run`.
    pub(super) fn start(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.activity = Activity::Starting { stop: false };
        agenda.clear_timer();
        agenda.spawn(Script::Run);
    }

    /// The process that was asked for is there.
    pub(super) fn spawned(&mut self, spawned: Spawned, agenda: &mut ServiceAgenda<'_>) {
        match self.activity {
            Activity::Starting { stop } => self.run_spawned(spawned, stop, agenda),
            Activity::Ending { end, .. } => {
                self.activity = Activity::Finishing { end };
                agenda.set_timer_ms(spawned.timeout_ms);
                self.announce(agenda);
                agenda.notify(&[Notice::Died]);
            }
            Activity::Down(_)
            | Activity::Up(_)
            | Activity::Lingering { .. }
            | Activity::Finishing { .. } => {}
        }
    }

    fn run_spawned(&mut self, spawned: Spawned, stop: bool, agenda: &mut ServiceAgenda<'_>) {
        let readiness = if spawned.notifies { Readiness::Awaited } else { Readiness::Silent };
        self.activity = Activity::Up(Run {
            since: agenda.now(),
            readiness,
            paused: false,
            stop: StopRequest::None,
            sent: SentSignals::default(),
            health: spawned.health.map(|rules| RunHealth::new(rules, agenda.now())),
        });
        self.announce(agenda);
        agenda.notify(&[Notice::Up]);
        self.look(agenda);
        if stop {
            // It may be wanted again by now.
            let wanted = self.wanted;
            self.stop(agenda);
            self.wanted = wanted;
        }
    }

    /// The process that was asked for cannot be started.
    pub(super) fn not_spawned(&mut self, why: NotSpawned, agenda: &mut ServiceAgenda<'_>) {
        match self.activity {
            Activity::Starting { .. } => self.run_refused(why, agenda),
            Activity::Ending { end, retry_until } => {
                let until = retry_until.unwrap_or(agenda.after(RETRY_FOR_MS));
                if why == NotSpawned::Delayed && agenda.now() < until {
                    self.activity = Activity::Ending { end, retry_until: Some(until) };
                    agenda.set_timer(agenda.after(RETRY_MS));
                } else {
                    self.finished(&end, None, agenda);
                }
            }
            Activity::Down(_)
            | Activity::Up(_)
            | Activity::Lingering { .. }
            | Activity::Finishing { .. } => {}
        }
    }

    fn run_refused(&mut self, why: NotSpawned, agenda: &mut ServiceAgenda<'_>) {
        let starts_again = self.wanted && !self.leaving;
        let last = match why {
            NotSpawned::Absent | NotSpawned::Refused => self.policy.on_failure(),
            NotSpawned::Delayed | NotSpawned::Invalid => EndAction::Restart,
        };
        let (idle, why) = match (why, last) {
            (_, EndAction::Down | EndAction::Stop) if starts_again => {
                self.wanted = false;
                if last == EndAction::Stop {
                    agenda.record(News::StopsContainer(Rest::Refused));
                }
                (Idle::Resting(Rest::Refused), NotSpawned::Invalid)
            }
            (NotSpawned::Invalid, _) => (Idle::Told, why),
            (NotSpawned::Absent | NotSpawned::Refused | NotSpawned::Delayed, _) if starts_again => {
                agenda.set_timer(agenda.after(REFUSED_MS.into()));
                (Idle::Waiting { from: agenda.now(), for_ms: REFUSED_MS }, why)
            }
            (NotSpawned::Absent | NotSpawned::Refused | NotSpawned::Delayed, _) => {
                (Idle::Told, why)
            }
        };
        self.activity = Activity::Down(idle);
        agenda.record(News::NotSpawned(why));
    }

    /// Its process ended.
    pub(super) fn exited(&mut self, exit: Exit, agenda: &mut ServiceAgenda<'_>) {
        match &self.activity {
            Activity::Up(run) => {
                let (end, stop) = (run.end(exit, agenda.now()), run.stop);
                if run.health.is_some() {
                    agenda.look(Look::Nothing);
                }
                self.history.exit = Some(exit);
                agenda.clear_timer();
                agenda.tally(exit);
                self.run_ended(end, stop, agenda);
            }
            Activity::Finishing { end } => {
                let end = *end;
                self.finished(&end, Some(exit), agenda);
            }
            Activity::Down(_)
            | Activity::Starting { .. }
            | Activity::Lingering { .. }
            | Activity::Ending { .. } => {}
        }
    }

    /// `finish` has ended, or there is none: it is time to decide what comes next.
    fn finished(&mut self, end: &RunEnd, finish: Option<Exit>, agenda: &mut ServiceAgenda<'_>) {
        let starts_again = self.wanted && !self.leaving;
        let now = agenda.now();
        let counts = starts_again && (end.by_itself || end.unwell);
        if counts {
            self.ends.get_or_insert_default();
        }
        // That it was unwell has been reported.
        let row = match &mut self.ends {
            Some(ends) if counts && end.by_itself => ends.count(end, &self.policy, now),
            Some(_) | None => None,
        };
        let verdict = match (finish, &mut self.ends) {
            (Some(PERMANENT), ends) => {
                let rest = ends.as_deref().cloned().unwrap_or_default().finish(end.exit, now);
                let last = if starts_again { self.policy.on_give_up() } else { EndAction::Down };
                Verdict::Rest(rest, last)
            }
            (_, Some(ends)) if counts => ends.judge(end, &self.policy, now),
            _ => Verdict::Restart(self.policy.delay().min_ms),
        };
        if !matches!(verdict, Verdict::Rest(_, EndAction::Stop)) {
            row.into_iter().for_each(|row| agenda.record(News::Failed(row)));
        }
        agenda.clear_timer();
        match verdict {
            Verdict::Rest(rest, last) => self.come_to_rest(rest, last, finish, agenda),
            Verdict::Restart(delay_ms) => {
                self.activity = Activity::Down(Idle::Told);
                self.announce(agenda);
                agenda.notify(match finish {
                    Some(_) => &[Notice::Down],
                    None => &[Notice::Died, Notice::Down],
                });
                if starts_again {
                    self.start_later(end.ready_at.unwrap_or(agenda.now()), delay_ms, agenda);
                }
            }
        }
    }

    /// It is not started again, until somebody asks.
    fn come_to_rest(
        &mut self,
        rest: Rest,
        last: EndAction,
        finish: Option<Exit>,
        agenda: &mut ServiceAgenda<'_>,
    ) {
        self.wanted = false;
        self.activity = Activity::Down(Idle::Resting(rest));
        self.announce(agenda);
        // The container must stop because of the service, not because its start has failed.
        if last == EndAction::Stop {
            agenda.record(News::StopsContainer(rest));
        } else if matches!(rest, Rest::Limit { .. } | Rest::Finish { failures: 1.., .. }) {
            agenda.record(News::GaveUp(rest));
        }
        agenda.notify(match finish {
            Some(_) => &[Notice::GaveUp, Notice::Down],
            None => &[Notice::Died, Notice::GaveUp, Notice::Down],
        });
    }

    /// Starts `run` again when its delay is over.
    fn start_later(&mut self, from: Time, for_ms: u32, agenda: &mut ServiceAgenda<'_>) {
        self.history.restarts = self.history.restarts.saturating_add(1);
        self.start_at(Time(from.0.saturating_add(for_ms.into())), agenda);
        if let Activity::Down(idle) = &mut self.activity {
            *idle = Idle::Waiting { from, for_ms };
            if self.policy.delay().jitter_percent > 0 {
                agenda.draw();
            }
        }
    }

    fn start_at(&mut self, at: Time, agenda: &mut ServiceAgenda<'_>) {
        if at <= agenda.now() { self.start(agenda) } else { agenda.set_timer(at) }
    }

    /// The delay is off by a number that was drawn.
    pub(super) fn drawn(&mut self, number: u32, agenda: &mut ServiceAgenda<'_>) {
        if let Activity::Down(Idle::Waiting { from, for_ms }) = self.activity
            && self.wanted
        {
            let ms = self.policy.delay().jittered(for_ms, number);
            self.start_at(Time(from.0.saturating_add(ms)), agenda);
        }
    }

    /// `run` notified its readiness. The delay of its next start counts from now.
    pub(super) fn became_ready(&mut self, agenda: &mut ServiceAgenda<'_>) {
        let Activity::Up(run) = &mut self.activity else { return };
        match run.readiness {
            Readiness::Silent | Readiness::Awaited => {
                run.readiness = Readiness::Ready { since: agenda.now() };
                self.announce(agenda);
                agenda.notify(&[Notice::Ready]);
                self.look(agenda);
            }
            Readiness::Ready { .. } => {}
        }
    }

    /// The timer is due: it is time to start something, or too late for a process to end.
    pub(super) fn timeout(&mut self, agenda: &mut ServiceAgenda<'_>) {
        match self.activity {
            Activity::Down(_) if self.wanted => self.start(agenda),
            Activity::Up(_) => self.stop_is_late(agenda),
            Activity::Lingering { .. } => self.script_is_late(agenda),
            Activity::Ending { .. } => agenda.spawn(Script::Finish),
            Activity::Finishing { .. } => kill(Script::Finish, agenda),
            Activity::Down(_) | Activity::Starting { .. } => {}
        }
    }

    /// Rewrites the status. What stands in it from then on is no longer "never started".
    pub(super) fn announce(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.history.fresh = false;
        agenda.status();
    }
}

impl Run {
    /// Its end, which has come now.
    fn end(&self, exit: Exit, now: Time) -> RunEnd {
        RunEnd {
            exit,
            by_itself: self.stop == StopRequest::None && !self.sent.explain(exit),
            unwell: self.health.as_ref().is_some_and(RunHealth::is_restarted),
            lived_ms: now.0.saturating_sub(self.since.0),
            ready_at: match self.readiness {
                Readiness::Ready { since } => Some(since),
                Readiness::Silent | Readiness::Awaited => None,
            },
        }
    }
}

pub(super) fn kill(script: Script, agenda: &mut ServiceAgenda<'_>) {
    agenda.signal(script, Signal::TimedOut);
    agenda.set_timer(agenda.after(KILL_AGAIN_MS));
}
