//! The life of a container: boot, CMD, shutdown, and the end of whatever is left; or that of a
//! scan directory without a container. Reference: s6-overlay's rc.init and rc.shutdown.
//!
//! # Stages
//!
//! The table has every change of stage; with any other event the stage stays. `Stop` stands for
//! TERM and its kind, `halt`, and the end of a scan directory; `Service` for an event that is about
//! a service, with which a change comes to its end. A stage in which there is nothing to wait for
//! passes at once. The simulation compares the table with what it meets.
//!
//! | stage | event | then | what is done |
//! |---|---|---|---|
//! | Bare | Boot | Booting | every longrun is supervised, and the bundle `top` is started |
//! | Bare | Stop | Leaving | there is no container: every supervisor is told to leave |
//! | Booting | Service, Timeout, at once | Running | the CMD is started, even if services failed |
//! | Booting | Service, Timeout | Stopping | services failed, and that is to end the container |
//! | Booting, Running | Stop | Stopping | all services are stopped, in order |
//! | Booting, Running | Service | Stopping | the same: a service's end or health is to stop it |
//! | Running | CmdDelayed | Stopping | the same: there was no room for the CMD for too long |
//! | Running | CmdExited | Stopping | the same; the exit code of the CMD is the container's |
//! | Stopping | Service, Timeout, at once | Terming | they are down or given up: TERM to the rest |
//! | Terming | Timeout, at once | Killing | `S6_KILL_GRACETIME` is over: KILL to the rest |
//! | Terming, Killing | Alone | Over | no process is left: the loop ends |
//! | Killing | Timeout | Over | the same after the fifth KILL, a second after each |
//! | Leaving | Service, at once | Over | the last supervisor has left: the loop ends |
//!
//! A CMD that ends in Stopping still gives the container its exit code. In Terming it may have
//! ended of the last TERM, which says nothing.

use super::agenda::{News, RETRY_MS, Timer};
use super::transition::{Goal, Transition};
use super::{
    BOOT, Change, Command, Container, Engine, Exit, Outcome, RETRY_FOR_MS, Report, Rest, SHUTDOWN,
    Scanned, Time,
};
use crate::graph::{Direction, ServiceId};
use std::collections::BTreeSet;

/// When the shutdown first names the services that it waits for, in ms.
const NAMING_MS: u64 = 2_000;
/// And how often after that, in ms.
const NAMING_AGAIN_MS: u64 = 10_000;
/// How often KILL is repeated, and how long after each KILL the next one or the end comes, in ms:
/// what was just being forked may have been missed, and some things do not even die of KILL.
const KILLS: u32 = 5;
const KILLED_MS: u64 = 1_000;
/// What stands for the end of a CMD for which there never was any room.
const NO_CMD: Exit = Exit::Code(111);

/// Where the container is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// There is no container, or not yet: a scan directory is all there is.
    #[default]
    Bare,
    /// The services come up.
    Booting,
    /// They are up, as far as they could.
    Running,
    /// They go down.
    Stopping,
    /// All that is left has got a TERM.
    Terming,
    /// All that is left has got a KILL.
    Killing,
    /// There was no container; the supervisors leave.
    Leaving,
    /// The loop is left.
    Over,
}

/// Whether the CMD runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CmdState {
    #[default]
    None,
    /// It was started, perhaps several times, for which there was no room until then.
    Started { retry_until: Option<Time> },
    /// There is no room for it now; it is started again.
    Delayed { retry_until: Time },
}

/// The container, and where it is.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    pub stage: Stage,
    pub container: Container,
    cmd: CmdState,
    /// A service has stopped the container: its end gives the exit code, and not the CMD's.
    stopped_by_service: bool,
    /// How often KILL has been sent.
    kills: u32,
    /// Those whose supervisor is still to leave (Leaving).
    remaining: BTreeSet<ServiceId>,
}

impl Lifecycle {
    /// Whether there is a container that is not told to stop yet: the ends of its services matter.
    fn serves(&self) -> bool {
        match self.stage {
            Stage::Booting | Stage::Running => true,
            Stage::Bare
            | Stage::Stopping
            | Stage::Terming
            | Stage::Killing
            | Stage::Leaving
            | Stage::Over => false,
        }
    }

    /// Whether a directory that appears is still supervised.
    pub(super) fn takes_directories(&self) -> bool {
        match self.stage {
            Stage::Bare | Stage::Booting | Stage::Running | Stage::Stopping => true,
            Stage::Terming | Stage::Killing | Stage::Leaving | Stage::Over => false,
        }
    }
}

impl Engine {
    /// The container starts: every longrun is supervised, then what is to be up is brought up.
    pub(super) fn boot(&mut self, container: Container) {
        if self.life.stage != Stage::Bare {
            return;
        }
        self.life.stage = Stage::Booting;
        let change = Change {
            selection: container.top.clone(),
            timeout_ms: container.boot_timeout_ms,
            wait: true,
            ..Change::default()
        };
        self.life.container = container;
        for (&id, longrun) in &mut self.services.longruns {
            longrun.appear(Scanned::default(), &mut self.services.agenda.of(id));
        }
        self.request(BOOT, Goal::Go(Direction::Up), change);
    }

    /// A stop is asked for. A second one changes nothing.
    ///
    /// Differs: one that comes during the boot, or during a change after it, does not wait for its
    /// end.
    pub(super) fn stop(&mut self) {
        match self.life.stage {
            Stage::Bare => self.leave(false, false),
            Stage::Booting | Stage::Running => self.shut_down(),
            Stage::Stopping | Stage::Terming | Stage::Killing | Stage::Leaving | Stage::Over => {}
        }
    }

    /// What has to be reported of the end of a service, or done to the container because of it.
    pub(super) fn report_end(&mut self, id: ServiceId, news: News) {
        let command = match news {
            News::StopsContainer(rest) => return self.stop_for(id, rest),
            News::Failed(row) => Command::ReportFailures(id, row),
            News::GaveUp(rest) => Command::ReportRest(id, rest),
            News::Notified(_) | News::NotSupervised | News::NotSpawned(_) => return,
        };
        if self.life.serves() {
            self.services.agenda.command(command);
        }
    }

    /// A service has ended, and that is to stop the container. Where there is none, it rests.
    pub(super) fn stop_for(&mut self, id: ServiceId, rest: Rest) {
        if self.life.serves() {
            self.life.stopped_by_service = true;
            self.services.agenda.command(Command::StopFor(id, rest));
            self.shut_down();
        }
    }

    /// A signal came that the CMD may want.
    pub(super) fn signal(&mut self, number: u8, stops: bool) {
        let runs = matches!(self.life.cmd, CmdState::Started { .. });
        if runs && self.life.container.cmd_receives_signals {
            self.services.agenda.command(Command::SignalCmd(number));
        } else if stops {
            self.stop();
        }
    }

    /// The CMD ended. Its code is the container's, unless the last TERM, which is for the CMD as
    /// well, came first.
    pub(super) fn cmd_exited(&mut self, exit: Exit) {
        if std::mem::take(&mut self.life.cmd) == CmdState::None {
            return;
        }
        match self.life.stage {
            Stage::Running => {
                self.exit_with(exit);
                self.shut_down();
            }
            Stage::Stopping if self.life.stopped_by_service => {}
            Stage::Stopping => self.exit_with(exit),
            Stage::Bare
            | Stage::Booting
            | Stage::Terming
            | Stage::Killing
            | Stage::Leaving
            | Stage::Over => {}
        }
    }

    /// There is no room for the CMD: it is started again, for a while. A stop ends that.
    pub(super) fn cmd_delayed(&mut self) {
        let CmdState::Started { retry_until } = self.life.cmd else { return };
        let retry_until = retry_until.unwrap_or(self.services.agenda.after(RETRY_FOR_MS));
        if self.life.stage != Stage::Running {
            self.life.cmd = CmdState::None;
        } else if self.services.agenda.now() < retry_until {
            self.life.cmd = CmdState::Delayed { retry_until };
            self.services.agenda.set(Timer::Cmd, self.services.agenda.after(RETRY_MS));
        } else {
            self.cmd_exited(NO_CMD);
        }
    }

    /// It is time to start the CMD again.
    pub(super) fn cmd_due(&mut self) {
        if let CmdState::Delayed { retry_until } = self.life.cmd {
            self.life.cmd = CmdState::Started { retry_until: Some(retry_until) };
            self.services.agenda.command(Command::StartCmd);
        }
    }

    /// Makes the CMD's end the container's exit code.
    fn exit_with(&mut self, exit: Exit) {
        self.services.agenda.command(Command::ExitCode(exit.code()));
    }

    /// The boot has come to its end.
    pub(super) fn booted(&mut self, outcome: Outcome) {
        if self.life.stage != Stage::Booting {
            return;
        }
        self.life.stage = Stage::Running;
        let severity = self.life.container.if_boot_fails;
        let code = match outcome {
            Outcome::Done => 0,
            Outcome::Failed | Outcome::Busy | Outcome::Aborted => 1,
            Outcome::TimedOut => 2,
        };
        if code > 0 && severity > 0 {
            self.services.agenda.report(BOOT, Report::BootFailed);
        }
        if code > 0 && severity > 1 {
            self.services.agenda.report(BOOT, Report::BootFatal);
            self.services.agenda.command(Command::ExitCode(code));
            self.shut_down();
        } else if self.life.container.has_cmd {
            self.life.cmd = CmdState::Started { retry_until: None };
            self.services.agenda.command(Command::StartCmd);
        }
    }

    /// Stops the services: what is on its way up goes no further.
    fn shut_down(&mut self) {
        self.life.stage = Stage::Stopping;
        if let CmdState::Delayed { .. } = self.life.cmd {
            self.life.cmd = CmdState::None;
            self.services.agenda.clear(Timer::Cmd);
        }
        let former = self.give_up_all();
        self.services.agenda.set(Timer::Naming, self.services.agenda.after(NAMING_MS));
        match self.life.container.shutdown_timeout_ms {
            0 => {}
            ms => self.services.agenda.set(Timer::Bound, self.services.agenda.after(ms)),
        }
        let patience = self.services.agenda.after(self.life.container.kill_grace_ms);
        let last = Transition::shutdown(former, patience, &self.services);
        self.begin(last);
    }

    /// Names the services that the shutdown waits for.
    pub(super) fn name_late_ones(&mut self, report: fn(ServiceId) -> Report) {
        for id in self.current.iter().flat_map(Transition::moving) {
            self.services.agenda.report(SHUTDOWN, report(id));
        }
    }

    /// It waits for them still.
    pub(super) fn naming_due(&mut self) {
        self.name_late_ones(Report::StillWaiting);
        self.services.agenda.set(Timer::Naming, self.services.agenda.after(NAMING_AGAIN_MS));
    }

    /// It has waited long enough. Differs: the reference has no such bound.
    pub(super) fn bound_due(&mut self) {
        self.name_late_ones(Report::Late);
        if let Some(last) = &mut self.current {
            last.time_out(&mut self.services);
        }
    }

    /// The services are down, or given up: TERM to all that is left.
    ///
    /// Differs: S6_KILL_GRACETIME is the most that they get, and not slept in full.
    pub(super) fn services_stopped(&mut self) {
        self.life.stage = Stage::Terming;
        self.services.agenda.clear(Timer::Naming);
        self.services.agenda.clear(Timer::Bound);
        self.dismiss(false);
        self.services.agenda.command(Command::TermAll);
        match self.life.container.kill_grace_ms {
            0 => self.kill_all(),
            ms => self.services.agenda.set(Timer::Grace, self.services.agenda.after(ms)),
        }
    }

    /// The time between TERM and KILL, or after KILL, is over.
    pub(super) fn grace_due(&mut self) {
        match self.life.stage {
            Stage::Terming | Stage::Killing => self.kill_all(),
            Stage::Bare
            | Stage::Booting
            | Stage::Running
            | Stage::Stopping
            | Stage::Leaving
            | Stage::Over => {}
        }
    }

    /// No process is left.
    pub(super) fn alone(&mut self) {
        match self.life.stage {
            Stage::Terming | Stage::Killing => self.exit(),
            Stage::Bare
            | Stage::Booting
            | Stage::Running
            | Stage::Stopping
            | Stage::Leaving
            | Stage::Over => {}
        }
    }

    fn kill_all(&mut self) {
        if self.life.kills == KILLS {
            self.exit();
            return;
        }
        self.life.stage = Stage::Killing;
        self.life.kills += 1;
        for (&id, longrun) in &mut self.services.longruns {
            longrun.abandon(&mut self.services.agenda.of(id));
        }
        self.services.agenda.command(Command::KillAll);
        self.services.agenda.set(Timer::Grace, self.services.agenda.after(KILLED_MS));
    }

    fn exit(&mut self) {
        self.life.stage = Stage::Over;
        self.services.agenda.clear_all();
        self.services.agenda.command(Command::Exit);
    }

    /// The scan directory is left. Where there is a container, that is its stop.
    pub(super) fn leave(&mut self, loggers: bool, at_once: bool) {
        if self.life.stage != Stage::Bare {
            self.stop();
            return;
        }
        self.life.stage = Stage::Leaving;
        for id in self.give_up_all().iter().flat_map(Transition::moving) {
            self.services.forget(id);
        }
        if at_once {
            self.exit();
        } else {
            self.dismiss(loggers);
            let longruns = self.services.longruns.iter();
            let there = longruns.filter(|(_, longrun)| longrun.has_supervisor());
            self.life.remaining = there.map(|(&id, _)| id).collect();
            self.exit_if_left();
        }
    }

    /// A supervisor has left for good.
    pub(super) fn supervisor_left(&mut self, id: ServiceId) {
        if self.life.stage == Stage::Leaving {
            self.life.remaining.remove(&id);
            self.exit_if_left();
        }
    }

    fn exit_if_left(&mut self) {
        if self.life.remaining.is_empty() {
            self.exit();
        }
    }

    /// Sends every supervisor away, never to come back.
    fn dismiss(&mut self, loggers: bool) {
        for (&id, longrun) in &mut self.services.longruns {
            let agenda = &mut self.services.agenda.of(id);
            longrun.vanish(agenda);
            longrun.prune(loggers, agenda);
        }
        self.services.longruns.retain(|_, longrun| !longrun.is_gone());
    }
}
