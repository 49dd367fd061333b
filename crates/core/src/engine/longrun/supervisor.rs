//! A supervisor: it starts `run`, and `finish` after it, as long as the service is wanted up.

use super::History;
use crate::engine::agenda::{News, RETRY_MS, ServiceAgenda};
use crate::engine::{
    Exit, NotSpawned, Notice, RETRY_FOR_MS, Script, Signal, Spawned, Target, Time,
};

/// How long after a death, or after readiness, `run` may start again, in ms.
const THROTTLE_MS: u64 = 1_000;
/// How long after a failure to start it `run` is tried again, in ms.
const REFUSED_MS: u64 = 60_000;
/// How long after one KILL the next one follows, in ms.
const KILL_AGAIN_MS: u64 = 5_000;
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
}

/// What a supervised service is doing.
#[derive(Clone, Debug)]
pub(super) enum Activity {
    Down {
        /// The last `finish` exited 125.
        gave_up: bool,
    },
    Starting {
        /// It is to be stopped as soon as it is there.
        stop: bool,
    },
    Up(Run),
    Ending {
        /// When `run` may start again, if it has notified its readiness.
        next_start: Option<Time>,
        /// Until when `finish` is asked for again, if there was no room for it.
        retry_until: Option<Time>,
    },
    Finishing {
        /// As above.
        next_start: Option<Time>,
    },
}

/// The process of `run`.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub readiness: Readiness,
    /// It was told to pause.
    pub paused: bool,
    pub stop: StopRequest,
}

/// Whether a process has notified its readiness.
#[derive(Clone, Debug)]
pub(super) enum Readiness {
    /// It has no means to do that.
    Silent,
    Awaited,
    Ready {
        /// When `run` may start again.
        next_start: Time,
    },
}

/// Whether a process was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopRequest {
    None,
    /// It was, and it is not known yet how long that may take.
    LimitAwaited,
    Sent,
}

impl Supervisor {
    /// The supervisor of a service that is down, and was started again so often.
    pub(super) fn new(wanted: bool, leaving: bool, restarts: u32) -> Self {
        let activity = Activity::Down { gave_up: false };
        Self { wanted, leaving, history: History::new(restarts), activity }
    }

    /// The script of the process that it has, or has asked for.
    pub(super) fn script(&self) -> Option<Script> {
        match self.activity {
            Activity::Down { .. } => None,
            Activity::Starting { .. } | Activity::Up(_) => Some(Script::Run),
            Activity::Ending { .. } | Activity::Finishing { .. } => Some(Script::Finish),
        }
    }

    /// Whether nothing keeps it from leaving.
    pub(super) fn may_leave(&self) -> bool {
        self.leaving && matches!(self.activity, Activity::Down { .. })
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
            Activity::Starting { stop } => self.run_spawned(spawned.notifies, stop, agenda),
            Activity::Ending { next_start, .. } => {
                self.activity = Activity::Finishing { next_start };
                agenda.set_timer_ms(spawned.timeout_ms);
                self.announce(agenda);
                agenda.notify(&[Notice::Died]);
            }
            Activity::Down { .. } | Activity::Up(_) | Activity::Finishing { .. } => {}
        }
    }

    fn run_spawned(&mut self, notifies: bool, stop: bool, agenda: &mut ServiceAgenda<'_>) {
        let readiness = if notifies { Readiness::Awaited } else { Readiness::Silent };
        self.activity = Activity::Up(Run { readiness, paused: false, stop: StopRequest::None });
        self.announce(agenda);
        agenda.notify(&[Notice::Up]);
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
            Activity::Ending { next_start, retry_until } => {
                let until = retry_until.unwrap_or(agenda.after(RETRY_FOR_MS));
                if why == NotSpawned::Delayed && agenda.now() < until {
                    self.activity = Activity::Ending { next_start, retry_until: Some(until) };
                    agenda.set_timer(agenda.after(RETRY_MS));
                } else {
                    self.go_down(&[Notice::Died, Notice::Down], false, next_start, agenda);
                }
            }
            Activity::Down { .. } | Activity::Up(_) | Activity::Finishing { .. } => {}
        }
    }

    fn run_refused(&mut self, why: NotSpawned, agenda: &mut ServiceAgenda<'_>) {
        self.activity = Activity::Down { gave_up: false };
        agenda.record(News::NotSpawned(why));
        let retry = match why {
            NotSpawned::Absent | NotSpawned::Refused | NotSpawned::Delayed => {
                self.wanted && !self.leaving
            }
            NotSpawned::Invalid => false,
        };
        if retry {
            agenda.set_timer(agenda.after(REFUSED_MS));
        }
    }

    /// Its process ended.
    pub(super) fn exited(&mut self, exit: Exit, agenda: &mut ServiceAgenda<'_>) {
        match &self.activity {
            Activity::Up(run) => {
                let next_start = run.next_start();
                self.activity = Activity::Ending { next_start, retry_until: None };
                self.history.exit = Some(exit);
                agenda.clear_timer();
                agenda.tally(exit);
                agenda.spawn(Script::Finish);
            }
            Activity::Finishing { next_start } => {
                let (next_start, gave_up) = (*next_start, exit == PERMANENT);
                self.wanted &= !gave_up;
                let notices: &[Notice] =
                    if gave_up { &[Notice::GaveUp, Notice::Down] } else { &[Notice::Down] };
                self.go_down(notices, gave_up, next_start, agenda);
            }
            Activity::Down { .. } | Activity::Starting { .. } | Activity::Ending { .. } => {}
        }
    }

    /// `finish` has ended, or there is none. Starts `run` again if the service is wanted.
    fn go_down(
        &mut self,
        notices: &'static [Notice],
        gave_up: bool,
        next_start: Option<Time>,
        agenda: &mut ServiceAgenda<'_>,
    ) {
        self.activity = Activity::Down { gave_up };
        agenda.clear_timer();
        self.announce(agenda);
        agenda.notify(notices);
        if !self.wanted || self.leaving {
            return;
        }
        self.history.restarts = self.history.restarts.saturating_add(1);
        let next_start = next_start.unwrap_or(agenda.after(THROTTLE_MS));
        if next_start <= agenda.now() {
            self.start(agenda);
        } else {
            agenda.set_timer(next_start);
        }
    }

    /// `run` notified its readiness: its next start is allowed a second from now.
    pub(super) fn became_ready(&mut self, agenda: &mut ServiceAgenda<'_>) {
        let Activity::Up(run) = &mut self.activity else { return };
        match run.readiness {
            Readiness::Silent | Readiness::Awaited => {
                let next_start = agenda.after(THROTTLE_MS);
                run.readiness = Readiness::Ready { next_start };
                self.announce(agenda);
                agenda.notify(&[Notice::Ready]);
            }
            Readiness::Ready { .. } => {}
        }
    }

    /// `run` got its down signal. Only the stop that was asked for has a limit, not a restart.
    pub(super) fn stopping(&mut self, timeout_ms: u32, agenda: &mut ServiceAgenda<'_>) {
        let Activity::Up(run) = &mut self.activity else { return };
        if run.stop == StopRequest::LimitAwaited {
            run.stop = StopRequest::Sent;
            agenda.set_timer_ms(timeout_ms);
        }
    }

    /// The timer is due: it is time to start something, or too late for a process to end.
    pub(super) fn timeout(&mut self, agenda: &mut ServiceAgenda<'_>) {
        match self.activity {
            Activity::Down { .. } if self.wanted => self.start(agenda),
            Activity::Up(_) => kill(Script::Run, agenda),
            Activity::Ending { .. } => agenda.spawn(Script::Finish),
            Activity::Finishing { .. } => kill(Script::Finish, agenda),
            Activity::Down { .. } | Activity::Starting { .. } => {}
        }
    }

    /// Sends the down signal, then CONT, lest a paused service never see it.
    pub(super) fn stop(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.wanted = false;
        agenda.signal(Script::Run, Signal::Down);
        agenda.signal(Script::Run, Signal::Continue(Target::Process));
        if let Activity::Up(run) = &mut self.activity {
            run.stop = StopRequest::LimitAwaited;
            run.paused = false;
        }
        self.announce(agenda);
    }

    /// Rewrites the status. What stands in it from then on is no longer "never started".
    pub(super) fn announce(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.history.fresh = false;
        agenda.status();
    }
}

impl Run {
    /// When it may start again, if it has notified its readiness.
    fn next_start(&self) -> Option<Time> {
        match self.readiness {
            Readiness::Ready { next_start } => Some(next_start),
            Readiness::Silent | Readiness::Awaited => None,
        }
    }
}

fn kill(script: Script, agenda: &mut ServiceAgenda<'_>) {
    agenda.signal(script, Signal::TimedOut);
    agenda.set_timer(agenda.after(KILL_AGAIN_MS));
}
