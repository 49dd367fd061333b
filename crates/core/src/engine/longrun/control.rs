//! What the letters of `supervise/control`, and the signals of s6-svscan to a supervisor, do to a
//! longrun in each of its states. Reference: s6-svc's page, and the table of s6-supervise.

use super::supervisor::{Activity, Idle, Supervisor};
use super::{LongrunState, SupervisedLongrun};
use crate::engine::agenda::ServiceAgenda;
use crate::engine::{Control, Script, Signal, Target};
use crate::graph::Direction;

impl SupervisedLongrun {
    /// A letter came.
    pub(in crate::engine) fn control(&mut self, control: Control, agenda: &mut ServiceAgenda<'_>) {
        if let LongrunState::Supervised(supervisor) = &mut self.state {
            supervisor.control(control, agenda);
            self.leave_if_down(agenda);
        }
    }

    /// A change wants it up (`s6-svc -u`), or down (`s6-svc -d`).
    pub(in crate::engine) fn go(&mut self, direction: Direction, agenda: &mut ServiceAgenda<'_>) {
        match &mut self.state {
            LongrunState::Unsupervised { asked, .. } | LongrunState::Supervising { asked, .. } => {
                *asked = Some(direction);
            }
            LongrunState::Supervised(_) => {
                let control = match direction {
                    Direction::Up => Control::Up { permanently: false },
                    Direction::Down => Control::Down { permanently: false },
                };
                self.control(control, agenda);
            }
        }
    }
}

impl Supervisor {
    fn control(&mut self, control: Control, agenda: &mut ServiceAgenda<'_>) {
        match control {
            Control::Up { permanently } => {
                set_down_file(permanently, false, agenda);
                self.ends = None;
                self.want(true, agenda);
                self.start_if_down(agenda);
            }
            Control::Once => {
                self.ends = None;
                self.want(false, agenda);
                self.start_if_down(agenda);
            }
            Control::AtMostOnce { permanently } => {
                set_down_file(permanently, true, agenda);
                self.stay_down(agenda);
            }
            Control::Down { permanently } => {
                set_down_file(permanently, true, agenda);
                match self.activity {
                    Activity::Starting { .. } => self.stop_once_up(agenda),
                    Activity::Up(_) => self.stop(agenda),
                    Activity::Down(_)
                    | Activity::Lingering { .. }
                    | Activity::Ending { .. }
                    | Activity::Finishing { .. } => self.stay_down(agenda),
                }
            }
            Control::Exit => self.leaving = true,
            Control::Restart => self.signal(Signal::Down, agenda),
            Control::Reload => self.signal(Signal::Reload, agenda),
            Control::KillGroup => self.signal(Signal::KillGroup, agenda),
            Control::Signal(number) => self.signal(Signal::Number(number), agenda),
            Control::Pause(target) => self.pause(true, target, agenda),
            Control::Continue(target) => self.pause(false, target, agenda),
        }
    }

    /// `run` is about to be there: what is only a signal comes too early.
    pub(super) fn stop_once_up(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.activity = Activity::Starting { stop: true };
        self.want(false, agenda);
    }

    fn start_if_down(&mut self, agenda: &mut ServiceAgenda<'_>) {
        if let Activity::Down(_) = self.activity {
            self.start(agenda);
        }
    }

    /// It is not started again.
    fn stay_down(&mut self, agenda: &mut ServiceAgenda<'_>) {
        self.want(false, agenda);
        if let Activity::Down(idle) = &mut self.activity {
            // Why it rests remains true.
            if let Idle::Waiting { .. } = idle {
                *idle = Idle::Told;
            }
            agenda.clear_timer();
        }
    }

    fn want(&mut self, up: bool, agenda: &mut ServiceAgenda<'_>) {
        self.wanted = up;
        self.announce(agenda);
    }

    /// Signals `run`, where it runs.
    fn signal(&mut self, signal: Signal, agenda: &mut ServiceAgenda<'_>) {
        if let Activity::Up(run) = &mut self.activity {
            run.sent.record(signal);
            agenda.signal(Script::Run, signal);
        }
    }

    fn pause(&mut self, paused: bool, target: Target, agenda: &mut ServiceAgenda<'_>) {
        if let Activity::Up(run) = &mut self.activity {
            run.paused = paused;
            let signal = if paused { Signal::Pause(target) } else { Signal::Continue(target) };
            agenda.signal(Script::Run, signal);
            self.look(agenda);
            self.announce(agenda);
        }
    }
}

/// Makes or removes the `down` file, where the letter is a capital.
fn set_down_file(permanently: bool, there: bool, agenda: &mut ServiceAgenda<'_>) {
    if permanently {
        agenda.down_file(there);
    }
}
