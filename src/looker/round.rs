//! A round of checks of one service, made by a child.

use super::{NOTES, ORDERS};
use crate::format::look::{Check, LookerWatch};
use crate::sys::{exec, fd, process};
use crate::tools::net::probe::probe;
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How much later than it should a child may end, before it is killed.
const GRACE: Duration = Duration::from_secs(1);

/// The longest reason that is told, in bytes: a pipe takes it whole.
const LONGEST: usize = 1000;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// Whether it is ready.
    Readiness,
    /// Whether it is well.
    Health,
}

/// A round that is under way.
pub(crate) struct Round {
    pub(crate) service: u32,
    pub(crate) serial: u32,
    pub(crate) about: About,
    /// Where the child says how it went.
    pub(crate) pipe: OwnedFd,
    /// When the child must have ended.
    pub(crate) deadline: Instant,
    child: Pid,
    said: Vec<u8>,
}

impl Round {
    /// Begins to ask.
    pub(crate) fn begin(watch: &LookerWatch, about: About, now: Instant) -> Result<Self, Errno> {
        let checks: Vec<Check> = match about {
            About::Readiness => watch.ready.iter().cloned().collect(),
            About::Health => watch.health.clone(),
        };
        let (pipe, tell) = fd::pipe_above_2()?;
        let whole = Duration::from_millis(watch.timeout_ms.into()) * checks.len() as u32;
        let child = process::fork_to(|| ask(&checks, watch, tell.as_raw_fd()))?;
        fd::set_nonblocking(pipe.as_raw_fd(), true)?;
        Ok(Self {
            service: watch.service,
            serial: watch.serial,
            about,
            pipe,
            deadline: now + whole + GRACE,
            child,
            said: Vec::new(),
        })
    }

    /// Reads what the child says; whether that is all.
    pub(crate) fn read(&mut self) -> bool {
        let mut buffer = [0; LONGEST + 1];
        match fd::read(self.pipe.as_raw_fd(), &mut buffer) {
            Err(Errno::EAGAIN) => false,
            Ok(n) => {
                self.said.extend_from_slice(buffer.get(..n).unwrap_or_default());
                true
            }
            Err(_) => true,
        }
    }

    /// Ends the child, which says nothing any more.
    pub(crate) fn kill(&mut self) {
        let _ = process::kill(self.child.as_raw(), Signal::SIGKILL as u8);
        self.said = b"-the check hangs: it was killed".to_vec();
    }

    /// How the checks went.
    pub(crate) fn outcome(&self) -> Result<(), String> {
        match self.said.split_first() {
            Some((b'+', _)) => Ok(()),
            Some((_, why)) => Err(String::from_utf8_lossy(why).into_owned()),
            None => Err("the check was killed".to_owned()),
        }
    }
}

/// The child's life: all must hold, and the first that does not is told.
fn ask(checks: &[Check], watch: &LookerWatch, tell: i32) -> i32 {
    exec::set_comm("sixtree-check");
    // What only the looker has. Who reads the socket would see no end of it while a check goes on.
    [ORDERS, NOTES].into_iter().for_each(fd::close);
    // Without its directory only a program in it fails, and says so.
    let _ = nix::unistd::chdir(watch.directory.as_str());
    let why = checks.iter().find_map(|check| {
        probe(check, watch.timeout_ms).err().map(|failure| format!("{check}: {failure}"))
    });
    let mut text = why.map_or_else(|| "+".to_owned(), |why| format!("-{why}"));
    let end = (0..=text.len().min(LONGEST)).rev().find(|at| text.is_char_boundary(*at));
    text.truncate(end.unwrap_or(0));
    // A looker that has gone meanwhile needs no word.
    let _ = fd::write_all(tell, text.as_bytes());
    0
}
