//! What the letters of `supervise/control`, and the signals of s6-svscan to a supervisor, do to a
//! longrun in each of its states. Reference: s6-svc's page, and the table of s6-supervise.

use super::{Longrun, Phase};
use crate::engine::agenda::{Agenda, Timer};
use crate::engine::{Command, Control, Script, Signal};

/// SIGKILL, SIGCONT and SIGSTOP, as Linux numbers them.
const KILL: u8 = 9;
const CONT: u8 = 18;
const STOP: u8 = 19;

impl Longrun {
    /// A letter came.
    pub(in crate::engine) fn control(&mut self, control: Control, agenda: &mut Agenda) {
        match self.phase {
            Phase::Unsupervised | Phase::Supervising => {}
            Phase::Down => self.control_down(control, agenda),
            Phase::Starting => self.control_starting(control, agenda),
            Phase::Up => self.control_up(control, agenda),
            Phase::Ending | Phase::Finishing => self.control_finishing(control, agenda),
        }
    }

    /// A change wants it up (`s6-svc -u`).
    pub(in crate::engine) fn go_up(&mut self, agenda: &mut Agenda) {
        self.go(true, Control::Up { permanently: false }, agenda);
    }

    /// A change wants it down (`s6-svc -d`).
    pub(in crate::engine) fn go_down(&mut self, agenda: &mut Agenda) {
        self.go(false, Control::Down { permanently: false }, agenda);
    }

    /// `x`, and HUP to its supervisor: it leaves when the service is down.
    pub(in crate::engine) fn leave(&mut self, agenda: &mut Agenda) {
        match self.phase {
            Phase::Unsupervised => {}
            Phase::Down => self.left(agenda),
            Phase::Supervising | Phase::Starting | Phase::Up | Phase::Ending | Phase::Finishing => {
                self.leaving = true
            }
        }
    }

    /// TERM to its supervisor: `x` and, where it is up, `d`.
    pub(in crate::engine) fn stop_and_leave(&mut self, agenda: &mut Agenda) {
        self.leave(agenda);
        match self.phase {
            Phase::Starting => self.stop_once_up(agenda),
            Phase::Up => self.stop(agenda),
            Phase::Unsupervised
            | Phase::Supervising
            | Phase::Down
            | Phase::Ending
            | Phase::Finishing => {}
        }
    }

    fn go(&mut self, up: bool, control: Control, agenda: &mut Agenda) {
        match self.phase {
            Phase::Unsupervised | Phase::Supervising => self.asked = Some(up),
            Phase::Down | Phase::Starting | Phase::Up | Phase::Ending | Phase::Finishing => {
                self.control(control, agenda)
            }
        }
    }

    fn control_down(&mut self, control: Control, agenda: &mut Agenda) {
        match control {
            Control::Up { permanently } => {
                self.want_up(permanently, agenda);
                self.start(agenda);
            }
            Control::Once => {
                self.want_down(false, agenda);
                self.start(agenda);
            }
            Control::Down { permanently } | Control::AtMostOnce { permanently } => {
                self.want_down(permanently, agenda);
                agenda.clear(Timer::Longrun(self.id));
            }
            Control::Exit => self.leave(agenda),
            Control::Restart
            | Control::Reload
            | Control::Pause
            | Control::Continue
            | Control::PauseGroup
            | Control::ContinueGroup
            | Control::KillGroup
            | Control::Signal(_) => {}
        }
    }

    /// `run` is about to be there: what is only a signal comes too early.
    fn control_starting(&mut self, control: Control, agenda: &mut Agenda) {
        match control {
            Control::Up { permanently } => self.want_up(permanently, agenda),
            Control::Once => self.want_down(false, agenda),
            Control::AtMostOnce { permanently } => self.want_down(permanently, agenda),
            Control::Down { permanently } => {
                self.down_file(permanently, true, agenda);
                self.stop_once_up(agenda);
            }
            Control::Exit => self.leave(agenda),
            Control::Restart
            | Control::Reload
            | Control::Pause
            | Control::Continue
            | Control::PauseGroup
            | Control::ContinueGroup
            | Control::KillGroup
            | Control::Signal(_) => {}
        }
    }

    fn control_up(&mut self, control: Control, agenda: &mut Agenda) {
        match control {
            Control::Up { permanently } => self.want_up(permanently, agenda),
            Control::Once => self.want_down(false, agenda),
            Control::AtMostOnce { permanently } => self.want_down(permanently, agenda),
            Control::Down { permanently } => {
                self.down_file(permanently, true, agenda);
                self.stop(agenda);
            }
            Control::Exit => self.leave(agenda),
            Control::Restart => self.signal(Signal::Down, agenda),
            Control::Reload => self.signal(Signal::Reload, agenda),
            Control::Pause => self.pause(Signal::Number(STOP), true, agenda),
            Control::Continue => self.pause(Signal::Number(CONT), false, agenda),
            Control::PauseGroup => self.pause(Signal::Group(STOP), true, agenda),
            Control::ContinueGroup => self.pause(Signal::Group(CONT), false, agenda),
            Control::KillGroup => self.signal(Signal::Group(KILL), agenda),
            Control::Signal(number) => self.signal(Signal::Number(number), agenda),
        }
    }

    /// `run` is dead: only what is wanted can change.
    fn control_finishing(&mut self, control: Control, agenda: &mut Agenda) {
        match control {
            Control::Up { permanently } => self.want_up(permanently, agenda),
            Control::Once => self.want_down(false, agenda),
            Control::Down { permanently } | Control::AtMostOnce { permanently } => {
                self.want_down(permanently, agenda);
            }
            Control::Exit => self.leave(agenda),
            Control::Restart
            | Control::Reload
            | Control::Pause
            | Control::Continue
            | Control::PauseGroup
            | Control::ContinueGroup
            | Control::KillGroup
            | Control::Signal(_) => {}
        }
    }

    /// The down signal, then CONT, lest a paused service never see it.
    pub(super) fn stop(&mut self, agenda: &mut Agenda) {
        self.wanted = false;
        self.stopping = true;
        self.kill_asked = true;
        self.signal(Signal::Down, agenda);
        self.pause(Signal::Number(CONT), false, agenda);
    }

    fn stop_once_up(&mut self, agenda: &mut Agenda) {
        self.stop_asked = true;
        self.wanted = false;
        self.announce(agenda);
    }

    fn want_up(&mut self, permanently: bool, agenda: &mut Agenda) {
        self.down_file(permanently, false, agenda);
        self.wanted = true;
        self.announce(agenda);
    }

    fn want_down(&mut self, permanently: bool, agenda: &mut Agenda) {
        self.down_file(permanently, true, agenda);
        self.wanted = false;
        self.announce(agenda);
    }

    fn down_file(&self, permanently: bool, there: bool, agenda: &mut Agenda) {
        if permanently {
            agenda.command(Command::DownFile(self.id, there));
        }
    }

    fn signal(&self, signal: Signal, agenda: &mut Agenda) {
        agenda.signal(self.id, Script::Run, signal);
    }

    fn pause(&mut self, signal: Signal, paused: bool, agenda: &mut Agenda) {
        self.signal(signal, agenda);
        self.paused = paused;
        self.announce(agenda);
    }
}
