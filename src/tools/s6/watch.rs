//! Waiting for services: listen to their events first, then read where they stand, then wait.

use crate::format::status::Status;
use crate::sys::fifodir::{self, Listener};
use crate::sys::poll::{Deadline, readable};
use crate::tools::die::{errno, show};
use crate::tools::{Next, Options, Process, Word, path};
use nix::errno::Errno;
use std::ops::ControlFlow;

/// The states of services that are waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// Up, rather than down.
    pub up: bool,
    /// Ready too: its readiness notified, or its `finish` done.
    pub ready: bool,
    /// Down first, some time after the waiting began.
    pub restart: bool,
    /// One of them is enough.
    pub any: bool,
}

impl Goal {
    /// What one of the letters u, U, d, D, r and R asks of every service.
    pub fn from_letter(letter: char) -> Self {
        Self {
            up: !matches!(letter, 'd' | 'D'),
            ready: letter.is_ascii_uppercase(),
            restart: matches!(letter, 'r' | 'R'),
            any: false,
        }
    }
    /// What the options (those letters, and a and o) ask; u if nothing.
    pub fn from_options(options: &Options) -> Self {
        let any = options.last_of("ao") == Some('o');
        Self { any, ..Self::from_letter(options.last_of("uUdDrR").unwrap_or('u')) }
    }
}

/// The deadline that the option with this letter gives, in ms.
pub fn deadline(process: &Process, options: &Options, letter: char) -> Result<Deadline, Next> {
    let ms = options.value(letter).map_or(Ok(0), |word| process.number(word))?;
    Ok(Deadline::after_ms(ms))
}

/// Services that are watched.
#[derive(Debug)]
pub struct Watch {
    listeners: Vec<Listener>,
    services: Vec<Service>,
}

/// What is known of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Service {
    up: bool,
    ready: bool,
    has_been_down: bool,
    failed: bool,
}

impl Watch {
    /// Begins to watch: no event from now on is missed.
    pub fn begin(process: &Process, dirs: &[Word]) -> Result<Self, Next> {
        let mut watch = Self { listeners: Vec::new(), services: Vec::new() };
        for dir in dirs {
            watch.listeners.push(listen(process, dir)?);
            watch.services.push(Service::from(read_status(process, dir)?));
        }
        Ok(watch)
    }

    /// Waits until the goal is reached; how many services cannot reach it any more, because they
    /// have failed permanently or their supervisor has gone. Exit 99 when the time is over.
    pub fn wait(mut self, process: &Process, goal: Goal, deadline: Deadline) -> Result<u8, Next> {
        if !self.has_reached(goal) {
            let services = &mut self.services;
            let reached = each(&self.listeners, deadline, |place, events| {
                for event in events {
                    services.get_mut(place).map(|service| service.hear(*event, goal));
                    if reached(services, goal) {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            if !reached.map_err(|e| process.fatal_errno("unable to wait for events", e))? {
                return Err(process.fatal(99, "timed out"));
            }
        }
        let failed = self.services.iter().filter(|service| service.failed).count();
        Ok(u8::try_from(failed).unwrap_or(u8::MAX))
    }

    fn has_reached(&self, goal: Goal) -> bool {
        reached(&self.services, goal)
    }
}

fn reached(services: &[Service], goal: Goal) -> bool {
    let good = |service: &Service| service.failed || service.is(goal);
    if goal.any { services.iter().any(good) } else { services.iter().all(good) }
}

impl Service {
    fn is(&self, goal: Goal) -> bool {
        self.up == goal.up && (self.ready || !goal.ready) && (self.has_been_down || !goal.restart)
    }
    fn hear(&mut self, event: u8, goal: Goal) {
        match event {
            b'u' => self.becomes(true, false),
            b'U' => self.becomes(true, true),
            b'd' => self.becomes(false, false),
            b'D' => self.becomes(false, true),
            b'O' => self.failed |= goal.up,
            b'x' => self.failed |= !self.is(goal),
            _ => {}
        }
    }
    fn becomes(&mut self, up: bool, ready: bool) {
        (self.up, self.ready) = (up, ready);
        self.has_been_down |= !up;
    }
}

impl From<Status> for Service {
    fn from(status: Status) -> Self {
        let mut service = Self::default();
        service.becomes(status.is_up(), status.ready);
        service
    }
}

/// Listens to a service directory's events, making `event/` if need be.
pub fn listen(process: &Process, dir: &[u8]) -> Result<Listener, Next> {
    let events = [dir, b"/event"].concat();
    let _ = fifodir::make(&events, Some(nix::unistd::getegid()), false);
    Listener::subscribe(&events).map_err(|e| {
        process.fatal_errno(&format!("unable to subscribe to events for {}", show(dir)), e)
    })
}

/// What a service's supervisor says of it.
pub fn read_status(process: &Process, dir: &[u8]) -> Result<Status, Next> {
    let file = [dir, b"/supervise/status"].concat();
    let read = std::fs::read(path(&file)).map_err(|e| errno(&e));
    let status = read.and_then(|bytes| Status::decode(&bytes).ok_or(Errno::EPIPE));
    status.map_err(|e| process.fatal_errno(&format!("unable to read status for {}", show(dir)), e))
}

/// Hands over all events (with their listener's place) until told to stop: true. False: the
/// deadline has passed.
pub fn each(
    listeners: &[Listener],
    deadline: Deadline,
    mut hear: impl FnMut(usize, &[u8]) -> ControlFlow<()>,
) -> Result<bool, Errno> {
    let mut events = Vec::new();
    loop {
        let ready = readable(listeners, deadline)?;
        if ready.is_empty() {
            return Ok(false);
        }
        for place in ready {
            events.clear();
            listeners.get(place).map_or(Ok(()), |listener| listener.read(&mut events))?;
            if hear(place, &events).is_break() {
                return Ok(true);
            }
        }
    }
}
