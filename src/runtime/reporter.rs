//! What this process reports to people: on stderr as far as its verbosity goes, and to the journal,
//! which `sixtree logs` reads.

use super::Role;
use super::journal::Journal;
use super::poller::{Poller, Source};
use crate::sys::limits;
use nix::errno::Errno;
use std::fmt::Display;

/// Where reports go.
#[derive(Debug)]
pub(super) struct Reporter {
    /// stderr, and what is remembered.
    pub journal: Journal,
    verbosity: u8,
    /// Whether anybody could ask for what is remembered: nobody asks a mere supervisor.
    remembers: bool,
    /// Whether the poller watches stderr for room.
    watched: bool,
    /// It has been reported that there is no descriptor left.
    descriptors_said: bool,
}

impl Reporter {
    /// One of a process in this role that has this verbosity.
    pub(super) fn new(verbosity: u8, role: Role) -> Self {
        let remembers = role == Role::Container;
        Self {
            journal: Journal::new(),
            verbosity,
            remembers,
            watched: false,
            descriptors_said: false,
        }
    }

    /// Reports a line whatever the verbosity.
    pub(super) fn line(&mut self, text: &str) {
        self.journal.line(text);
    }

    /// Reports a line from this verbosity on. Below it, what is no mere decision is remembered.
    pub(super) fn say(&mut self, level: u8, text: &str) {
        if self.verbosity >= level {
            self.journal.line(text);
        } else if level <= 2 {
            self.remember(text);
        }
    }

    /// Reports a warning.
    pub(super) fn warn(&mut self, text: &str) {
        self.say(1, text);
    }

    /// Where an error is that PID 1 has no descriptor left, says so, once, with the limit.
    pub(super) fn warn_of_descriptors(&mut self, e: Errno) {
        if e != Errno::EMFILE || std::mem::replace(&mut self.descriptors_said, true) {
            return;
        }
        let limit = limits::soft().map_or_else(|_| "reached".to_owned(), |n| n.to_string());
        self.warn(&format!(
            "sixtree: warning: PID 1 has no descriptor left, and it needs two or more for each \
             service: its limit of open files is {limit}; raise the hard limit \
             (docker run --ulimit nofile=N:N, ulimit -n)"
        ));
    }

    /// Remembers what happened; at verbosity 3 it is reported as well.
    pub(super) fn info(&mut self, text: impl Display) {
        let line = format!("sixtree: info: {text}");
        match self.verbosity >= 3 {
            true => self.journal.line(&line),
            false => self.remember(&line),
        }
    }

    /// Remembers a line.
    pub(super) fn remember(&mut self, text: &str) {
        if self.remembers {
            self.journal.note(text);
        }
    }

    /// Has the poller watch stderr as long as lines wait for room there.
    pub(super) fn watch(&mut self, poller: &Poller) {
        let waiting = self.journal.waiting();
        if waiting && !self.watched {
            // Without it, the lines are written with the next one.
            let _ = poller.watch_output(self.journal.fd(), Source::Journal);
        } else if !waiting && self.watched {
            poller.forget(self.journal.fd());
        }
        self.watched = waiting;
    }
}
