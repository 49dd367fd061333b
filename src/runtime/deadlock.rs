//! A script that waits for itself: `s6-rc -b` in a oneshot waits for the end of the change under
//! way, which waits for the end of the oneshot. Such a request is refused, and the change goes on.
//! In a longrun that is not ready yet, it is only reported.
//!
//! Differs: the reference waits for ever.

use super::Runtime;
use super::children::Whose;
use super::stray;
use crate::engine::{Event, Process, RequestId, Script, Time, Why};
use crate::graph::ServiceId;
use nix::sys::signal::Signal;

/// How long a request waits before its ancestors are looked at, in ms: a script that has put it
/// into the background has usually ended by then, and is no longer an ancestor.
const LOOK_AFTER_MS: u64 = 1_000;

/// How many parents of a client are looked at.
const MAX_PARENTS: usize = 64;

impl Runtime {
    /// When to look at a request that comes now and waits for its turn.
    pub(super) fn look_at(&self) -> Time {
        Time(self.now().0 + LOOK_AFTER_MS)
    }

    /// Refuses the requests that wait for themselves.
    pub(super) fn refuse_deadlocks(&mut self) {
        let now = self.now();
        for (id, pid) in self.clients.take_due(now) {
            let Some(process) = self.script_above(pid).filter(|_| !is_in_background(pid)) else {
                continue;
            };
            let name = self.engine.graph().name(process.service).to_owned();
            match process.script {
                Script::Up | Script::Down | Script::Reload => self.refuse_deadlock(id, pid, &name),
                Script::Run => self.warn_of_deadlock(process.service, pid, &name),
                Script::Finish | Script::Stop => {}
            }
        }
    }

    fn refuse_deadlock(&mut self, id: u32, pid: i32, name: &str) {
        let text = format!(
            "service {name} waits for a change (-b, pid {pid}) that can only begin when the change \
             under way is over, which waits for {name}: make what {name} needs a dependency of it, \
             or ask for the change in the background"
        );
        self.reporter.remember(&format!("s6-rc: fatal: {text}"));
        self.refuse(id, 111, &text);
        self.feed(Event::Abort(RequestId(id)));
    }

    /// Another process of a longrun may still notify its readiness: whether this one ever ends is
    /// not known.
    fn warn_of_deadlock(&mut self, service: ServiceId, pid: i32, name: &str) {
        let is_ready = self.services.get(&service).is_none_or(|s| s.readiness.is_none());
        if is_ready || self.engine.why_not_up(service) != Some(Why::Starting) {
            return;
        }
        self.reporter.warn(&format!(
            "s6-rc: warning: service {name} waits for a change (-b, pid {pid}) that can only begin \
             when the change under way is over, which waits until {name} is ready: ask for the \
             change in the background, or after {name} has notified its readiness"
        ));
    }

    /// The script of which a process is a descendant. Those of oneshots run for the change under
    /// way alone.
    fn script_above(&self, pid: i32) -> Option<Process> {
        let ancestors = std::iter::successors(Some(pid), |pid| stray::parent(*pid));
        let mut ours = ancestors.take(MAX_PARENTS).filter_map(|pid| self.children.whose(pid));
        match ours.next()? {
            Whose::Script(process) => Some(process),
            Whose::Cmd | Whose::Output | Whose::Looker => None,
        }
    }
}

/// Whether a shell has started a process with `&`: then it ignores INT and QUIT (POSIX), and the
/// script goes on without it.
fn is_in_background(pid: i32) -> bool {
    let both = 1 << (Signal::SIGINT as i32 - 1) | 1 << (Signal::SIGQUIT as i32 - 1);
    ignored_signals(pid).is_some_and(|ignored| ignored & both == both)
}

/// The signals that a process ignores: bit 0 is that of signal 1. `None`: it has ended, or there is
/// no /proc.
fn ignored_signals(pid: i32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}
