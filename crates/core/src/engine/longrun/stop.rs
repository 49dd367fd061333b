//! How `run` is stopped: by the service's `stop` script, if it has one, or else by its down signal.
//!
//! `stop` runs once for each process. If it exits 0, the process has what is left of the time that
//! began with the script. If it fails, cannot be run or is late, the down signal follows, as if
//! there were no script. `finish` waits for the end of `stop`, so that no script of an earlier life
//! meets the next one.

use super::ends::RunEnd;
use super::supervisor::{Activity, KILL_AGAIN_MS, Supervisor, kill};
use crate::engine::agenda::ServiceAgenda;
use crate::engine::{Exit, Script, Signal, Target, Time};

/// How long `stop` may go on when `run` has ended, if it has no limit of its own, in ms.
const LINGER_MS: u64 = 5_000;

/// Whether a process was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopRequest {
    None,
    /// `stop` was started for it.
    Script {
        /// Until when it has time to end.
        until: Option<Time>,
    },
    /// It got its down signal, and it is not known yet how long it may take.
    LimitAwaited,
    Sent,
}

/// The process of `stop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StopScript {
    None,
    Asked,
    Running,
}

impl Supervisor {
    /// Stops `run`; it is not started again.
    pub(super) fn stop(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.wanted = false;
        self.begin_stop(agenda);
        self.look(agenda);
        self.announce(agenda);
    }

    /// A second stop does not start the script again: while that runs it changes nothing, and
    /// afterwards it is the down signal.
    fn begin_stop(&mut self, agenda: &mut ServiceAgenda<'_>) {
        let Activity::Up(run) = &mut self.activity else { return };
        match (run.stop, self.stop_script) {
            (StopRequest::None, StopScript::None) if self.policy.has_stop => {
                run.stop = StopRequest::Script { until: None };
                if std::mem::take(&mut run.paused) {
                    agenda.signal(Script::Run, Signal::Continue(Target::Process));
                }
                self.stop_script = StopScript::Asked;
                agenda.spawn(Script::Stop);
            }
            (StopRequest::Script { .. }, StopScript::Asked | StopScript::Running) => {}
            (
                StopRequest::None
                | StopRequest::Script { .. }
                | StopRequest::LimitAwaited
                | StopRequest::Sent,
                _,
            ) => self.send_down(agenda),
        }
    }

    /// Sends the down signal, then CONT, lest a paused service never see it.
    fn send_down(&mut self, agenda: &mut ServiceAgenda<'_>) {
        agenda.signal(Script::Run, Signal::Down);
        agenda.signal(Script::Run, Signal::Continue(Target::Process));
        if let Activity::Up(run) = &mut self.activity {
            run.stop = StopRequest::LimitAwaited;
            run.paused = false;
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

    /// `stop` runs. The service has so many ms from now on (0: for ever).
    pub(super) fn stop_spawned(&mut self, timeout_ms: u32, agenda: &mut ServiceAgenda<'_>) {
        if self.stop_script != StopScript::Asked {
            return;
        }
        self.stop_script = StopScript::Running;
        if let Activity::Up(run) = &mut self.activity
            && let StopRequest::Script { until } = &mut run.stop
        {
            *until = (timeout_ms > 0).then(|| agenda.after(timeout_ms.into()));
            agenda.set_timer_ms(timeout_ms);
        }
    }

    /// `stop` has ended, or could not be run (`None`).
    pub(super) fn stop_ended(&mut self, exit: Option<Exit>, agenda: &mut ServiceAgenda<'_>) {
        if std::mem::replace(&mut self.stop_script, StopScript::None) == StopScript::None {
            return;
        }
        match &self.activity {
            Activity::Up(run) if matches!(run.stop, StopRequest::Script { .. }) => {
                if exit != Some(Exit::Code(0)) {
                    agenda.clear_timer();
                    self.send_down(agenda);
                }
            }
            Activity::Lingering { end } => {
                let end = *end;
                self.finish(end, agenda);
            }
            Activity::Up(_)
            | Activity::Down(_)
            | Activity::Starting { .. }
            | Activity::Ending { .. }
            | Activity::Finishing { .. } => {}
        }
    }

    /// `run` has ended: `finish` follows, once `stop` has ended, too.
    pub(super) fn run_ended(
        &mut self,
        end: RunEnd,
        stop: StopRequest,
        agenda: &mut ServiceAgenda<'_>,
    ) {
        if self.stop_script == StopScript::None {
            return self.finish(end, agenda);
        }
        let until = match stop {
            StopRequest::Script { until: Some(until) } => until.max(agenda.now()),
            StopRequest::Script { until: None }
            | StopRequest::None
            | StopRequest::LimitAwaited
            | StopRequest::Sent => agenda.after(LINGER_MS),
        };
        self.activity = Activity::Lingering { end };
        agenda.set_timer(until);
    }

    fn finish(&mut self, end: RunEnd, agenda: &mut ServiceAgenda<'_>) {
        self.activity = Activity::Ending { end, retry_until: None };
        agenda.clear_timer();
        agenda.spawn(Script::Finish);
    }

    /// `run` has had its time. What `stop` could not do, the down signal does; then KILL.
    pub(super) fn stop_is_late(&mut self, agenda: &mut ServiceAgenda<'_>) {
        let Activity::Up(run) = &self.activity else { return };
        if !matches!(run.stop, StopRequest::Script { .. }) {
            return kill(Script::Run, agenda);
        }
        if self.stop_script == StopScript::Running {
            agenda.signal(Script::Stop, Signal::TimedOut);
        }
        self.send_down(agenda);
    }

    /// `stop` has had its time after the end of `run`.
    pub(super) fn script_is_late(&mut self, agenda: &mut ServiceAgenda<'_>) {
        match self.stop_script {
            StopScript::Running => kill(Script::Stop, agenda),
            StopScript::Asked | StopScript::None => agenda.set_timer(agenda.after(KILL_AGAIN_MS)),
        }
    }
}
