//! Performs the commands of the engine.

use super::service::DownFile;
use super::{Runtime, report};
use crate::engine::{
    BOOT, Command, Event, Notice, Outcome, Process, Report, RequestId, SHUTDOWN, Script, Signal,
    Target,
};
use crate::format::request::SaySeverity;
use crate::graph::ServiceId;
use crate::sys::file;
use crate::sys::process::kill;
use crate::sys::random;
use nix::errno::Errno;
use nix::sys::signal;
use nix::unistd::Pid;
use std::io::ErrorKind;

impl Runtime {
    /// Performs a command, and returns the answer if it has one.
    pub(super) fn perform(&mut self, command: Command) -> Option<Event> {
        match command {
            Command::Spawn(process) => return Some(self.spawn(process)),
            Command::Signal(process, signal) => return self.signal(process, signal),
            Command::Forget(process) => self.forget_process(process),
            Command::Status(id) => self.services.mark_stale(id),
            Command::Notify(id, notices) => self.notify(id, notices),
            Command::Tally(id, exit) => self.tally(id, exit),
            Command::Draw(id) => return Some(Event::Drawn(id, random::number())),
            Command::Look(id, look) => self.look_at_service(id, look),
            Command::Unwell(id, _, reaction) => self.report_unwell(id, reaction),
            Command::DownFile(id, present) => self.down_file(id, present),
            Command::Supervise(id) => return Some(self.supervise(id)),
            Command::Unsupervise(id) => self.unsupervise(id),
            Command::Drop(id) => self.forget_service(id),
            Command::Report(request, report) => self.report(request, report),
            Command::Done(request, outcome) => self.done(request, outcome),
            Command::StartCmd => return self.start_cmd(),
            Command::SignalCmd(number) => self.signal_cmd(number),
            Command::ExitCode(code) => {
                self.exit_code.write(code);
            }
            Command::ReportFailures(id, row) => self.report_failures(id, row),
            Command::ReportRest(id, rest) => self.report_rest(id, rest),
            Command::StopFor(id, rest) => self.stop_for(id, rest),
            Command::TermAll => self.terminate_all(),
            Command::KillAll => self.kill_all(),
            Command::Exit => self.left = true,
        }
        None
    }

    /// A script whose time is over gets a TERM, as s6-sudod gives it when its client has gone, and
    /// is an orphan from then on, whether it heeds it or not.
    fn forget_process(&mut self, process: Process) {
        let service = self.services.get_mut(&process.service);
        if let Some(pid) = service.and_then(|s| s.processes.oneshot.take()) {
            send(pid, signal::SIGTERM as u8);
            send(pid, signal::SIGCONT as u8);
        }
        self.children.forget(process);
    }

    fn signal(&mut self, process: Process, signal: Signal) -> Option<Event> {
        let id = process.service;
        let (service, directory) = self.services.enter(id)?;
        // Where the directory has gone, so have its files, and the defaults count.
        let directory = directory.ok();
        let reporter = &mut self.reporter;
        let pid = match process.script {
            Script::Run => service.processes.run,
            Script::Finish => service.processes.finish,
            Script::Stop => service.processes.stop,
            Script::Up | Script::Down | Script::Reload => service.processes.oneshot,
        }?;
        if let (Script::Run, Some(supervisor)) = (process.script, &service.supervisor) {
            supervisor.resume();
        }
        let flag = |file| directory.as_ref().is_some_and(|directory| directory.flag(file));
        match signal {
            Signal::Term => send(pid, signal::SIGTERM as u8),
            Signal::KillGroup => send_group(pid, signal::SIGKILL as u8),
            Signal::Pause(target) => send_to(target, pid, signal::SIGSTOP as u8),
            Signal::Continue(target) => send_to(target, pid, signal::SIGCONT as u8),
            Signal::Number(number) => send(pid, number),
            Signal::Reload => {
                let number = directory.as_ref().map_or(signal::SIGHUP as u8, |directory| {
                    directory.signal("reload-signal", signal::SIGHUP, reporter)
                });
                send(pid, number);
            }
            Signal::Down => {
                let number = directory.as_ref().map_or(signal::SIGTERM as u8, |directory| {
                    directory.signal("down-signal", signal::SIGTERM, reporter)
                });
                // An extension: s6 has this flag for the KILL alone.
                let target = if flag("flag-down-killpg") { -pid.as_raw() } else { pid.as_raw() };
                if kill(target, number) == Err(Errno::EPERM) {
                    warn_of_other_user(reporter, &service.name, pid);
                }
                let timeout_ms =
                    directory.and_then(|directory| directory.number("timeout-kill", reporter));
                return Some(Event::Stopping(id, timeout_ms.unwrap_or(0)));
            }
            Signal::TimedOut => {
                let group = process.script == Script::Run && flag("flag-timeout-killpg");
                if process.script == Script::Finish {
                    reporter.warn(&format!(
                        "s6-supervise {}: warning: finish script lifetime reached maximum value - \
                         sending it a SIGKILL",
                        service.name
                    ));
                }
                let send = if group { send_group } else { send };
                for number in [signal::SIGKILL, signal::SIGCONT] {
                    send(pid, number as u8);
                }
            }
        }
        None
    }

    /// Writes the status files that are out of date.
    pub(super) fn write_statuses(&mut self) {
        let now = self.now();
        self.services.write_statuses(now, &self.engine);
    }

    pub(super) fn write_status(&mut self, id: ServiceId) {
        self.services.write_status(id, self.engine.longrun(id));
    }

    fn notify(&mut self, id: ServiceId, notices: &[Notice]) {
        let Some(service) = self.services.get_mut(&id) else { return };
        if service.has_new_event && notices == [Notice::Supervised] {
            // It was made a moment ago.
            return;
        }
        self.write_status(id);
        // Where the directory has gone, there are no listeners.
        if let Some((service, Ok(directory))) = self.services.enter(id) {
            service.has_new_event = service.has_new_event && directory.is_event_unchanged();
            if service.has_new_event {
                return;
            }
            directory.notify(&notices.iter().map(letter).collect::<Vec<_>>());
        }
    }

    fn tally(&mut self, id: ServiceId, exit: crate::engine::Exit) {
        if let Some((service, Ok(directory))) = self.services.enter(id) {
            let max = directory.number("max-death-tally", &mut self.reporter).unwrap_or(100);
            service.tally(exit, max as usize, &directory);
        }
    }

    fn down_file(&mut self, id: ServiceId, present: bool) {
        if present && self.engine.stopping() {
            // No supervisor will ever look for it.
            return;
        }
        let Some(service) = self.services.get_mut(&id) else { return };
        let before = std::mem::replace(&mut service.down_file, DownFile::Known(present));
        if !present && before == DownFile::Known(false) {
            return;
        }
        let Some((_, Ok(directory))) = self.services.enter(id) else { return };
        match directory.set_down(present) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                let verb = if present { "make" } else { "remove" };
                directory.warn(&mut self.reporter, &format!("unable to {verb} ./down: {e}"));
            }
            Ok(()) | Err(_) => {}
        }
    }

    fn done(&mut self, request: RequestId, outcome: Outcome) {
        if request == BOOT {
            self.report_boot(outcome);
        }
        self.write_statuses();
        self.note_done(request, outcome);
        self.clients.done(request, outcome);
    }

    /// Reports to the client that made the request, or on the container's stderr.
    fn report(&mut self, request: RequestId, report: Report) {
        if let Report::StillWaiting(id) = report {
            return self.awaited.push(id);
        }
        if let Some(id) = subject(report) {
            self.clients.note_request(id, request);
        }
        self.record_boot(request, report);
        let say = report::say(report, |id| self.engine.graph().name(id).to_owned());
        let line = format!("s6-rc: {}: {}", say.severity.word(), say.text);
        if request == BOOT || request == SHUTDOWN {
            let level = if say.severity == SaySeverity::Fatal { 0 } else { say.level };
            self.reporter.say(level, &line);
        } else {
            if say.level <= 2 {
                self.reporter.remember(&line);
            }
            self.clients.say(request, say);
        }
    }

    /// Names the services that a stop waits for: there may be thousands.
    pub(super) fn name_awaited(&mut self) {
        if self.awaited.is_empty() {
            return;
        }
        let awaited = std::mem::take(&mut self.awaited);
        let graph = self.engine.graph();
        let names: Vec<&str> = awaited.iter().map(|&id| graph.name(id)).collect();
        let line = format!("s6-rc: warning: {}", report::still_waiting(&names, "stop"));
        self.reporter.say(1, &line);
    }

    /// Reports a line about a service, on the stderr of whoever asked for what is being done to it.
    pub(super) fn report_for(&mut self, id: ServiceId, line: &str) {
        match self.clients.request_for(id) {
            Some(request) => self.clients.write_to_stderr(request, line),
            None => self.reporter.line(line),
        }
    }

    fn signal_cmd(&mut self, number: u8) {
        if let Some(pid) = self.children.cmd {
            send(pid, number);
        }
    }

    pub(super) fn write_cmd_pid(&self, pid: Pid) {
        if self.settings.cmd_receives_signals {
            let file = self.settings.run_directory.join("s6/cmdpid");
            // Without it, signals are as if there were no CMD.
            let _ = file::write(&file.to_string_lossy(), format!("{pid}\n").as_bytes());
        }
    }

    pub(super) fn remove_cmd_pid(&self) {
        if self.settings.cmd_receives_signals {
            // It may not have been written.
            let _ = std::fs::remove_file(self.settings.run_directory.join("s6/cmdpid"));
        }
    }
}

/// The service that a report is about, where a script of it may run because of the request.
fn subject(report: Report) -> Option<ServiceId> {
    match report {
        Report::Starting(id) | Report::Stopping(id) | Report::Reloading(id) => Some(id),
        _ => None,
    }
}

/// The letter of a notice in `event/`. Reference: s6-supervise's page.
fn letter(notice: &Notice) -> u8 {
    match notice {
        Notice::Supervised => b's',
        Notice::Up => b'u',
        Notice::Ready => b'U',
        Notice::Died => b'd',
        Notice::GaveUp => b'O',
        Notice::Down => b'D',
        Notice::Unsupervised => b'x',
    }
}

fn send_to(target: Target, pid: Pid, number: u8) {
    match target {
        Target::Process => send(pid, number),
        Target::Group => send_group(pid, number),
    }
}

fn warn_of_other_user(reporter: &mut super::reporter::Reporter, name: &str, pid: Pid) {
    reporter.warn(&format!(
        "s6-supervise {name}: warning: pid {pid} is another user's: it cannot be signaled, and \
         stops when it likes to"
    ));
}

fn send(pid: Pid, number: u8) {
    // It may have ended, and the engine learns of that by its end.
    let _ = kill(pid.as_raw(), number);
}

fn send_group(pid: Pid, number: u8) {
    // As above.
    let _ = kill(-pid.as_raw(), number);
}
