//! What the journal contains beside the messages: who asked for what, and how processes ended. From
//! that one can see later why a service was restarted, and why the container stopped. At verbosity
//! 3 it is reported as well.

use super::Runtime;
use super::children::Whose;
use super::service::stamp;
use crate::engine::{BOOT, Exit, Outcome, RequestId, Script};
use crate::format::signal;
use crate::graph::ServiceId;
use nix::unistd::Pid;

impl Runtime {
    /// The boot begins.
    pub(super) fn note_boot(&mut self, services: usize) {
        let pid = if self.settings.pid_1 { 1 } else { std::process::id() };
        self.reporter.info(format_args!("booting {services} services as PID {pid}"));
    }

    /// A request has come to its end; only the boot's is of interest.
    pub(super) fn note_done(&mut self, request: RequestId, outcome: Outcome) {
        if request != BOOT {
            return;
        }
        let over_us = self.since_begun_us();
        self.boot.over_us = Some(over_us);
        let how = match outcome {
            Outcome::Done => "all services are up",
            Outcome::Failed | Outcome::Busy => "failed",
            Outcome::TimedOut => "S6_CMD_WAIT_FOR_SERVICES_MAXTIME was over",
            Outcome::Aborted => "a stop came first",
        };
        self.reporter.info(format_args!("the boot is over after {} ms: {how}", over_us / 1_000));
    }

    /// The CMD was started.
    pub(super) fn note_cmd(&mut self, name: &str, pid: Pid) {
        self.reporter.info(format_args!("the CMD {name} runs as pid {pid}"));
    }

    /// A process ended. The failure of a oneshot is reported anyway.
    pub(super) fn note_process(&mut self, whose: Whose, pid: Pid, exit: Exit) {
        let how = match exit {
            Exit::Code(code) => format!("exited with code {code}"),
            Exit::Signal(number) => {
                format!("was killed by signal {number} (SIG{})", signal::name(number))
            }
        };
        match whose {
            Whose::Cmd => self.reporter.info(format_args!("the CMD {how}")),
            Whose::Script(process) if process.script == Script::Run => {
                let Some(service) = self.services.get(&process.service) else { return };
                let lived = stamp().saturating_since(service.status.stamp).as_millis() / 100;
                let (seconds, tenth) = (lived / 10, lived % 10);
                let name = service.name.clone();
                self.reporter.info(format_args!(
                    "service {name} (pid {pid}) {how} after {seconds}.{tenth} s"
                ));
            }
            Whose::Script(_) | Whose::Output | Whose::Looker => {}
        }
    }

    /// The process that looks at services was started.
    pub(super) fn note_looker(&mut self, pid: Pid) {
        self.reporter.info(format_args!("the process that looks at services runs as pid {pid}"));
    }

    /// Somebody wrote to a service's `supervise/control`.
    pub(super) fn note_control(&mut self, id: ServiceId, letter: u8) {
        let Some(service) = self.services.get(&id) else { return };
        let name = service.name.clone();
        let shown = char::from(letter).escape_default();
        self.reporter.info(format_args!("service {name}: supervise/control says {shown}"));
    }

    /// A signal came.
    pub(super) fn note_signal(&mut self, number: u8, sender: u32) {
        let sender = match sender {
            0 => "outside the container".to_owned(),
            pid => format!("pid {pid}"),
        };
        self.reporter.info(format_args!("SIG{} came from {sender}", signal::name(number)));
    }

    /// `halt` or `s6-svscanctl` ask for a stop.
    pub(super) fn note_stop(&mut self, who: &str) {
        self.reporter.info(format_args!("{who} asks to stop the container"));
    }

    /// A client asks for something to be done.
    pub(super) fn note_request(&mut self, pid: i32, what: &str) {
        self.reporter.info(format_args!("pid {pid} asks to {what}"));
    }
}
