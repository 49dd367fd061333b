//! The processes that belong to no service: they get the last TERM and KILL, and the end waits
//! until none is left.
//!
//! As PID 1 that is every process of the namespace. Otherwise it is our descendants alone: we are
//! their subreaper, and must touch nobody else's. (Differs: the reference is PID 1 or nothing.)

use super::Runtime;
use crate::engine::{Event, Time};
use crate::sys::process::kill;
use litemap::LiteMap;
use nix::errno::Errno;
use nix::sys::signal::{SIGCONT, SIGKILL, SIGTERM};
use nix::unistd::Pid;

/// How often to look whether processes that are not our children have gone, in ms.
const LOOK_MS: u64 = 10;

/// How far the end of the container is.
#[derive(Debug, Default)]
pub(super) struct Stray {
    /// The last TERM has been sent.
    ending: bool,
    /// No child is left, but there may be processes that came in from outside (docker exec).
    childless: bool,
    look_at: Option<Time>,
    /// KILL has been sent.
    killed: bool,
}

/// How many processes are named.
const NAMED: usize = 10;

impl Runtime {
    /// TERM, and CONT for those that are stopped, to every process but this one.
    pub(super) fn terminate_all(&mut self) {
        self.stray.ending = true;
        self.signal_all(SIGTERM as u8);
        self.signal_all(SIGCONT as u8);
        self.stray.look_at = Some(self.now());
    }

    /// KILL to every process but this one.
    pub(super) fn kill_all(&mut self) {
        self.stray.killed = true;
        self.signal_all(SIGKILL as u8);
    }

    fn signal_all(&self, number: u8) {
        if self.settings.pid_1 {
            // ESRCH: no other process is left.
            let _ = kill(-1, number);
            return;
        }
        let ours = descendants(std::process::id() as i32)
            .unwrap_or_else(|| self.children.pids().collect());
        // What they said last is still to be shown.
        let shows = self.output.pid().map(Pid::as_raw);
        for pid in ours.into_iter().filter(|pid| Some(*pid) != shows) {
            // It may have ended meanwhile.
            let _ = kill(pid, number);
        }
    }

    /// waitpid has said that there is no child.
    pub(super) fn note_alone(&mut self) {
        self.stray.childless = true;
    }

    /// Whether the last TERM has been sent.
    pub(super) fn is_ending(&self) -> bool {
        self.stray.ending
    }

    /// When to look again.
    pub(super) fn looking_at(&self) -> Option<Time> {
        self.stray.look_at
    }

    /// In the last phase: finds out whether any process is left.
    pub(super) fn look_for_others(&mut self) {
        if !self.stray.ending || self.left {
            return;
        }
        self.stray.childless = false;
        self.reap();
        let is_over = self.is_alone();
        if is_over || (self.stray.killed && self.leaves_to_others()) {
            self.stray.look_at = None;
            self.feed(Event::Alone);
        } else {
            self.let_catch_all_end();
            self.stray.look_at = Some(Time(self.now().0 + LOOK_MS));
        }
    }
}

impl Runtime {
    /// Whether all that is left are processes of other users, which we may not signal: waiting for
    /// them would not help. They are named.
    fn leaves_to_others(&mut self) -> bool {
        let me = std::process::id() as i32;
        let left = if self.settings.pid_1 { others(me) } else { descendants(me) };
        let shows = self.output.pid().map(Pid::as_raw);
        let left = left.unwrap_or_default().into_iter().filter(|pid| Some(*pid) != shows);
        let left: Vec<i32> = left.collect();
        let is_others = |pid: &i32| kill(*pid, 0) == Err(Errno::EPERM);
        if left.is_empty() || !left.iter().all(is_others) {
            return false;
        }
        let named = left.iter().take(NAMED).map(|pid| {
            let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            format!("{} (pid {pid})", name.trim_end().escape_debug())
        });
        let named = named.collect::<Vec<_>>().join(", ");
        let more = match left.len().saturating_sub(NAMED) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        self.reporter.warn(&format!(
            "sixtree: warning: not waiting for processes of other users, which uid {} may not \
             signal: {named}{more}",
            nix::unistd::geteuid()
        ));
        true
    }

    /// Closes the catch-all logger's FIFO once nobody else is left to write to it: the logger reads
    /// what is in it, and then its end.
    fn let_catch_all_end(&mut self) {
        if self.settings.catch_all.is_empty() {
            return;
        }
        let me = std::process::id() as i32;
        let left = if self.settings.pid_1 { others(me) } else { descendants(me) };
        let logger = self.services.iter().find(|(id, _)| self.is_catch_all(**id));
        let logger = logger.and_then(|(_, s)| s.processes.run).map(Pid::as_raw);
        let shows = self.output.pid().map(Pid::as_raw);
        let is_ours = |pid: &i32| Some(*pid) == logger || Some(*pid) == shows;
        if left.is_some_and(|left| left.iter().all(is_ours)) && self.output.let_services_end() {
            self.settings.catch_all.clear();
        }
    }

    /// Whether no process is left, but for the one that shows what they said.
    fn is_alone(&self) -> bool {
        let Some(shows) = self.output.pid() else {
            let others = self.settings.pid_1 && kill(-1, 0) != Err(Errno::ESRCH);
            return self.stray.childless && !others && self.output.due().is_none();
        };
        let me = std::process::id() as i32;
        let left = if self.settings.pid_1 { others(me) } else { descendants(me) };
        left.is_some_and(|left| left.iter().all(|pid| *pid == shows.as_raw()))
    }
}

/// Every process but one, by /proc.
fn others(than: i32) -> Option<Vec<i32>> {
    let entries = std::fs::read_dir("/proc").ok()?.flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse().ok());
    Some(pids.filter(|pid| *pid != than).collect())
}

/// Every living descendant of a process, by /proc; `None` where /proc cannot be read.
fn descendants(root: i32) -> Option<Vec<i32>> {
    let mut children: LiteMap<i32, Vec<i32>> = LiteMap::new();
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut todo = vec![root];
    while let Some(pid) = todo.pop() {
        let of_pid = children.remove(&pid).unwrap_or_default();
        found.extend(&of_pid);
        todo.extend(of_pid);
    }
    Some(found)
}

/// The parent, from /proc/PID/stat: the second word after the name, which ends at the last `)`.
pub(super) fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let after = stat.iter().rposition(|&b| b == b')')? + 1;
    let text = std::str::from_utf8(stat.get(after..)?).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_and_counts_us_among_its_descendants() {
        let me = std::process::id() as i32;
        let parent = parent(me).expect("we have a parent");
        assert_eq!(parent, nix::unistd::getppid().as_raw());
        assert!(descendants(parent).expect("/proc is there").contains(&me));
        assert!(!descendants(me).expect("/proc is there").contains(&parent));
    }
}
