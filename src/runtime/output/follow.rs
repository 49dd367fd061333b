//! The loop's part: starting the output process, hearing what it says, and its end.

use super::Writer;
use crate::engine::{Exit, Time};
use crate::format::output::{FromOutput, LogMode};
use crate::output::NAME;
use crate::runtime::Runtime;
use crate::runtime::children::Whose;
use crate::runtime::poller::Source;
use crate::sys::{errno, process};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitPidFlag;
use std::os::fd::RawFd;

/// How soon it is started again if it ended by itself, or could not be started, in ms. A kill is
/// no reason to wait.
const RESTART_MS: u64 = 1_000;

impl Runtime {
    /// The stdout and stderr of somebody whose plain ones are these.
    pub(in crate::runtime) fn shown_ends(
        &mut self,
        writer: Writer,
        name: &str,
        mode: Option<LogMode>,
        plain: (RawFd, RawFd),
    ) -> Option<(RawFd, RawFd)> {
        match self.output.ends(writer, name, mode, plain) {
            Ok(ends) => {
                self.tell_output();
                ends
            }
            Err(e) => {
                if !std::mem::replace(&mut self.output.lack_said, true) {
                    let why = errno::text(e);
                    self.reporter.warn(&format!(
                        "sixtree: warning: what {name} says is shown as it is (SIXTREE_LOG): \
                         unable to make a pipe: {why}"
                    ));
                    self.reporter.warn_of_descriptors(e);
                }
                None
            }
        }
    }

    /// Starts the process if that is due.
    pub(in crate::runtime) fn start_output_if_due(&mut self) {
        let now = self.now();
        let container = self.output.container();
        let Some(parts) = &mut self.output.parts else { return };
        if parts.start_at.is_none_or(|at| at > now) {
            return;
        }
        match parts.start(container) {
            Ok(_) => self.follow_output(),
            Err(e) => {
                parts.start_at = Some(Time(now.0 + RESTART_MS));
                let why = errno::text(e);
                self.reporter.warn(&format!(
                    "sixtree: warning: unable to start {NAME}, which shows what services say: \
                     {why}: trying again"
                ));
            }
        }
    }

    /// Takes on a process that has been started.
    pub(in crate::runtime) fn follow_output(&mut self) {
        let Some(process) = self.output.parts.as_mut().and_then(|p| p.process.as_mut()) else {
            return;
        };
        self.children.record(process.pid.as_raw(), Whose::Output);
        if self.poller.watch(&process.socket, Source::Output).is_ok() {
            process.awaited = Some(false);
        }
        self.tell_output();
    }

    /// Tells the process what it has not been told yet.
    pub(in crate::runtime) fn tell_output(&mut self) {
        let settings = self.output.settings;
        let Some(parts) = &mut self.output.parts else { return };
        parts.tell(settings);
        let is_behind = parts.is_behind(settings);
        let Some(process) = &mut parts.process else { return };
        if process.awaited.is_some_and(|awaited| awaited != is_behind) {
            let changed = self.poller.change(&process.socket, Source::Output, (true, is_behind));
            process.awaited = Some(is_behind == changed.is_ok());
        }
    }

    /// Reads what the process says.
    pub(in crate::runtime) fn read_output(&mut self) {
        let mut told = Vec::new();
        let Some(parts) = &mut self.output.parts else { return };
        if !parts.read(&mut told)
            && let Some(process) = parts.process.as_mut()
        {
            // Its socket has nothing more to say. Its end comes as that of any child, unless it was
            // before this loop.
            self.poller.forget(&process.socket);
            process.awaited = None;
            match process::wait(process.pid.as_raw(), WaitPidFlag::WNOHANG) {
                Ok(Some((pid, status))) => self.ended(pid, status),
                Ok(None) => {}
                Err(_) => self.output_ended(Exit::Signal(Signal::SIGKILL as u8)),
            }
        }
        for message in told {
            match message {
                FromOutput::Gone(id) => self.output.forget_source(id),
                FromOutput::Lost { sink, errno } => self.report_loss(sink, errno),
                FromOutput::Unreadable { source, errno } => {
                    let why = errno::text(Errno::from_raw(errno));
                    self.reporter.warn(&format!(
                        "sixtree: warning: unable to read what service number {source} says: {why}"
                    ));
                }
            }
        }
        self.tell_output();
    }

    fn report_loss(&mut self, sink: u32, errno: i32) {
        if self.output.lost.contains(&sink) {
            return;
        }
        self.output.lost.push(sink);
        let what = match sink {
            0 => "the container's stdout",
            1 => "the container's stderr",
            _ => "the catch-all logger",
        };
        let why = errno::text(Errno::from_raw(errno));
        self.reporter.warn(&format!(
            "sixtree: warning: unable to write to {what}: {why}: lines are lost; sixtree logs has \
             the last of them"
        ));
    }

    /// The process has ended: another one takes its place.
    pub(in crate::runtime) fn output_ended(&mut self, exit: Exit) {
        let now = self.now();
        let Some(parts) = &mut self.output.parts else { return };
        parts.process = None;
        let how = match exit {
            Exit::Code(code) => format!("exited with code {code}"),
            Exit::Signal(signal) => format!("was killed by signal {signal}"),
        };
        parts.start_at = Some(match exit {
            Exit::Signal(signal) if signal == Signal::SIGKILL as u8 => now,
            Exit::Signal(_) | Exit::Code(_) => Time(now.0 + RESTART_MS),
        });
        self.reporter
            .warn(&format!("sixtree: warning: {NAME}, which shows what services say, {how}"));
    }
}
