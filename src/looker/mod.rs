//! The process that looks at services for PID 1: it asks whether they are ready and well, sums up
//! their memory, and receives what they say by sd_notify(3). PID 1 starts it when there is
//! something to look at, tells it what (`format/look.rs`), and decides about what it finds. It may
//! be killed at any time: the next one is told everything again.
//!
//! Each round of checks is made by a child, so that nothing that hangs holds up another one; there
//! are so many at a time, and none outlives its time.

mod notes;
mod round;
mod usage;
mod watched;

use crate::format::look::{LookerFinding, LookerOrder, MAX_LINE, Sighting, VERSION};
use crate::sys::poll::{self, Deadline};
use crate::sys::{exec, fd, process};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::wait::WaitPidFlag;
use notes::NotifyQueue;
use round::Round;
use std::collections::BTreeMap;
use std::os::fd::{AsFd, RawFd};
use std::time::{Duration, Instant};
use watched::Watched;

/// What it is called.
pub(crate) const NAME: &str = "sixtree-looker";

/// The socket to PID 1.
const ORDERS: RawFd = 3;

/// The socket to which services send messages.
const NOTES: RawFd = 4;

/// How many rounds of checks are made at a time.
const MAX_ROUNDS: usize = 16;

/// The most bytes that wait for PID 1 to read them.
const MAX_UNSENT: usize = 1 << 20;

/// Begins to look; comes back when PID 1 closes the socket, with the code to exit with.
pub(crate) fn run() -> i32 {
    exec::set_comm(NAME);
    let prepared = [ORDERS, NOTES].into_iter().try_for_each(|number| {
        fd::set_cloexec(number, true).and_then(|()| fd::set_nonblocking(number, true))
    });
    if prepared.is_err() {
        let text = "sixtree-looker: fatal: this is a part of /init, which starts it\n";
        // There is nobody else to tell.
        let _ = fd::write_all(2, text.as_bytes());
        return 100;
    }
    let mut looker = Looker::default();
    loop {
        match looker.turn() {
            Ok(true) => {}
            Ok(false) => return 0,
            Err(_) => return 111,
        }
    }
}

#[derive(Default)]
struct Looker {
    watched: BTreeMap<u32, Watched>,
    rounds: Vec<Round>,
    notes: NotifyQueue,
    sample: Duration,
    sample_at: Option<Instant>,
    received: Vec<u8>,
    unsent: Vec<u8>,
}

impl Looker {
    /// One wake-up. False: PID 1 has closed the socket.
    fn turn(&mut self) -> Result<bool, Errno> {
        let (orders, notes, ended) = self.wait()?;
        if orders && !self.read_orders()? {
            return Ok(false);
        }
        for place in ended.into_iter().rev() {
            self.end_round(place);
        }
        if notes {
            self.notes.receive(NOTES);
        }
        self.take_notes();
        let now = Instant::now();
        self.end_late_rounds(now);
        self.miss_watchdogs(now);
        if self.sample_at.is_some_and(|at| at <= now) {
            self.sample(now);
        }
        self.begin_rounds(now);
        self.reap();
        self.flush()?;
        Ok(true)
    }

    /// Waits for news: whether there are orders, and messages, and which rounds have ended.
    fn wait(&self) -> Result<(bool, bool, Vec<usize>), Errno> {
        let mut wanted = PollFlags::POLLIN;
        wanted.set(PollFlags::POLLOUT, !self.unsent.is_empty());
        let mut all = vec![
            PollFd::new(fd::borrow(&ORDERS), wanted),
            PollFd::new(fd::borrow(&NOTES), PollFlags::POLLIN),
        ];
        let pipes = self.rounds.iter().map(|r| PollFd::new(r.pipe.as_fd(), PollFlags::POLLIN));
        all.extend(pipes);
        let deadline = self.next_due().map_or(Deadline::NEVER, |at| {
            Deadline::after(at.saturating_duration_since(Instant::now()))
        });
        poll::wait(&mut all, deadline)?;
        let mut ready = all.iter().map(|fd| fd.any().unwrap_or(true));
        let (orders, notes) = (ready.next() == Some(true), ready.next() == Some(true));
        let ended = ready.enumerate().filter(|(_, ready)| *ready).map(|(place, _)| place).collect();
        Ok((orders, notes, ended))
    }

    /// When there is something to do though nothing has happened.
    fn next_due(&self) -> Option<Instant> {
        let has_room = self.rounds.len() < MAX_ROUNDS;
        let checks = self.watched.values().filter(|_| has_room).filter_map(Watched::due);
        let watchdogs = self.watched.values().filter_map(|watched| watched.watchdog_at);
        let rounds = self.rounds.iter().map(|round| round.deadline);
        let others = [self.sample_at, self.notes.due()].into_iter().flatten();
        checks.chain(watchdogs).chain(rounds).chain(others).min()
    }

    fn read_orders(&mut self) -> Result<bool, Errno> {
        let mut buffer = [0; 16 << 10];
        loop {
            match fd::read(ORDERS, &mut buffer) {
                Ok(0) => return Ok(false),
                Ok(n) => self.received.extend_from_slice(buffer.get(..n).unwrap_or_default()),
                Err(Errno::EAGAIN) => break,
                Err(e) => return Err(e),
            }
        }
        while let Some(end) = self.received.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            self.obey(LookerOrder::decode(&line).ok_or(Errno::EPROTO)?)?;
        }
        if self.received.len() > MAX_LINE { Err(Errno::EMSGSIZE) } else { Ok(true) }
    }

    fn obey(&mut self, order: LookerOrder) -> Result<(), Errno> {
        let now = Instant::now();
        match order {
            LookerOrder::Hello { version, .. } if version != VERSION => return Err(Errno::EPROTO),
            LookerOrder::Hello { sample_ms, .. } => {
                self.sample = Duration::from_millis(sample_ms.max(1).into());
            }
            LookerOrder::Watch(watch) => {
                let former = self.watched.remove(&watch.service);
                self.watched.insert(watch.service, Watched::new(*watch, former, now));
            }
            LookerOrder::Forget(service) => drop(self.watched.remove(&service)),
        }
        let samples = self.watched.values().any(|watched| watched.watch.memory.is_some());
        self.sample_at = match self.sample_at {
            _ if !samples => None,
            None => Some(now + self.sample),
            at => at,
        };
        Ok(())
    }

    /// Begins the rounds that are due, the one that has waited longest first.
    fn begin_rounds(&mut self, now: Instant) {
        while self.rounds.len() < MAX_ROUNDS {
            let due = self.watched.values_mut().filter(|watched| watched.due() <= Some(now));
            let due = due.filter(|watched| watched.due().is_some());
            let Some(watched) = due.min_by_key(|watched| watched.due()) else { return };
            let about = watched.about(now);
            watched.is_asked = true;
            match Round::begin(&watched.watch, about, now) {
                Ok(round) => self.rounds.push(round),
                // No room for a process: it is tried again as after any round.
                Err(_) => watched.is_asked = watched.put_off(about, now),
            }
        }
    }

    /// A round has ended, or its child has closed the pipe.
    fn end_round(&mut self, place: usize) {
        let Some(round) = self.rounds.get_mut(place) else { return };
        if !round.read() {
            return;
        }
        let round = self.rounds.swap_remove(place);
        let watched = self.watched.get_mut(&round.service);
        if let Some(watched) = watched.filter(|watched| watched.watch.serial == round.serial) {
            let found = watched.asked(round.about, round.outcome(), Instant::now());
            let (service, serial) = (round.service, round.serial);
            found.into_iter().for_each(|what| self.report(service, serial, what));
        }
    }

    /// A child keeps its own time; this is for one that cannot.
    fn end_late_rounds(&mut self, now: Instant) {
        for place in (0..self.rounds.len()).rev() {
            if self.rounds.get(place).is_some_and(|round| round.deadline <= now) {
                if let Some(round) = self.rounds.get_mut(place) {
                    round.kill();
                }
                self.end_round(place);
            }
        }
    }

    fn take_notes(&mut self) {
        for (service, what) in self.notes.take(&mut self.watched, Instant::now()) {
            if let Some(serial) = self.watched.get(&service).map(|w| w.watch.serial) {
                self.report(service, serial, what);
            }
        }
    }

    fn miss_watchdogs(&mut self, now: Instant) {
        let mut missed = Vec::new();
        for watched in self.watched.values_mut() {
            if watched.watchdog_at.take_if(|at| *at <= now).is_some() {
                missed.push((
                    watched.watch.service,
                    watched.watch.serial,
                    watched.watch.watchdog_ms,
                ));
                watched.pat(now);
            }
        }
        for (service, serial, ms) in missed {
            self.report(service, serial, Sighting::WatchdogMissed(ms));
        }
    }

    fn sample(&mut self, now: Instant) {
        self.sample_at = Some(now + self.sample);
        let limited = self.watched.values().map(|watched| &watched.watch);
        for (service, serial, used, limit) in usage::over_limit(limited) {
            self.report(service, serial, Sighting::TooMuchMemory { used, limit });
        }
    }

    fn report(&mut self, service: u32, serial: u32, what: Sighting) {
        self.unsent.extend(LookerFinding { service, serial, what }.encode());
    }

    /// Sends what there is room for.
    fn flush(&mut self) -> Result<(), Errno> {
        while !self.unsent.is_empty() {
            match crate::sys::socket::send(fd::borrow(&ORDERS), &self.unsent, &[]) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(Errno::EAGAIN) if self.unsent.len() < MAX_UNSENT => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn reap(&self) {
        while let Ok(Some(_)) = process::wait(-1, WaitPidFlag::WNOHANG) {}
    }
}
