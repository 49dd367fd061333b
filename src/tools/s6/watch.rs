//! Waiting for services: listen to their events first, then read where they stand, then wait.

use crate::format::status::Status;
use crate::sys::fifodir::{self, Listener};
use crate::sys::poll::{Deadline, readable};
use crate::sys::{file, limits};
use crate::tools::die::show;
use crate::tools::{Exit, Options, Process, Word};
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
    // Differs: the original waits until all services are down at the same moment.
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
pub fn deadline(process: &Process, options: &Options, letter: char) -> Result<Deadline, Exit> {
    Ok(Deadline::after_ms(options.number(process, letter, 0u32)?))
}

/// Services that are watched.
#[derive(Debug)]
pub struct Watch {
    listeners: Vec<Listener>,
    services: Vec<Service>,
    /// What RLIMIT_NOFILE was before it was raised for so many listeners.
    limits: Option<(u64, u64)>,
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
    pub fn begin(process: &Process, dirs: &[Word]) -> Result<Self, Exit> {
        let limits = limits::raise();
        let mut watch = Self { listeners: Vec::new(), services: Vec::new(), limits };
        for dir in dirs {
            watch.listeners.push(listen(process, dir)?);
            watch.services.push(Service::from(read_status(process, dir)?));
        }
        Ok(watch)
    }

    /// Starts a program whose doings are to be heard; its own end is not waited for.
    pub fn spawn(&self, process: &Process, program: Vec<Word>) -> Result<(), Exit> {
        let name = program.first().map(|word| show(word).to_string()).unwrap_or_default();
        let limits = self.limits;
        let spawned = process.spawn(program.into(), &|| limits.map_or(Ok(()), limits::restore));
        spawned.map(drop).map_err(process.unable(format_args!("spawn {name}")))
    }

    /// Waits until the goal is reached; how many services cannot reach it any more, because they
    /// have failed permanently or their supervisor has gone. Exit 99 when the time is over.
    pub fn wait(mut self, process: &Process, goal: Goal, deadline: Deadline) -> Result<u8, Exit> {
        if !self.has_reached(goal) {
            let services = &mut self.services;
            let reached = each(&self.listeners, deadline, |place, events| {
                for event in events {
                    if let Some(service) = services.get_mut(place) {
                        service.hear(*event, goal);
                    }
                    if reached(services, goal) {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            if !reached.map_err(process.unable("wait for events"))? {
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
    // Nothing is waited for where there is nothing.
    services.is_empty()
        || if goal.any { services.iter().any(good) } else { services.iter().all(good) }
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
            // Differs: with several services, the original forgets a failure at the next event,
            // and counts the supervisor of a service that is down and finished for one under -d.
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
pub fn listen(process: &Process, dir: &[u8]) -> Result<Listener, Exit> {
    let events = [dir, b"/event"].concat();
    let _ = fifodir::make(&events, Some(nix::unistd::getegid()), false);
    let listener = Listener::subscribe(&events);
    listener.map_err(process.unable(format_args!("subscribe to events for {}", show(dir))))
}

/// More than a status has.
const STATUS_BYTES: usize = 256;

/// What a service's supervisor says of it.
pub fn read_status(process: &Process, dir: &[u8]) -> Result<Status, Exit> {
    let name = [dir, b"/supervise/status"].concat();
    // The folder may be another user's, who may have put a FIFO there.
    let read = file::head(&name, STATUS_BYTES);
    let status = read.and_then(|bytes| Status::decode(&bytes).ok_or(Errno::EPIPE));
    status.map_err(process.unable(format_args!("read status for {}", show(dir))))
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

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Service = Service { up: true, ready: false, has_been_down: false, failed: false };
    const DOWN: Service = Service { up: false, ready: true, has_been_down: true, failed: false };

    /// How many of the events (of one service) it takes, and whether the service has failed.
    fn wait(mut service: Service, letter: char, events: &str) -> Option<(usize, bool)> {
        let goal = Goal::from_letter(letter);
        let mut heard = 0;
        let mut events = events.bytes();
        while !reached(&[service], goal) {
            service.hear(events.next()?, goal);
            heard += 1;
        }
        Some((heard, service.failed))
    }

    #[test]
    fn a_state_that_is_there_already_is_not_waited_for() {
        assert_eq!(wait(UP, 'u', ""), Some((0, false)));
        assert_eq!(wait(UP, 'U', "dDuU"), Some((4, false)));
        assert_eq!(wait(DOWN, 'D', ""), Some((0, false)));
        assert_eq!(wait(DOWN, 'd', ""), Some((0, false)));
    }

    #[test]
    fn a_restart_is_down_and_then_up() {
        assert_eq!(wait(UP, 'r', "U"), None);
        assert_eq!(wait(UP, 'r', "dDu"), Some((3, false)));
        assert_eq!(wait(UP, 'R', "dDuU"), Some((4, false)));
        assert_eq!(wait(DOWN, 'R', "uU"), Some((2, false)));
    }

    #[test]
    fn what_cannot_come_any_more_is_a_failure() {
        assert_eq!(wait(UP, 'U', "dOD"), Some((2, true)));
        assert_eq!(wait(UP, 'D', "dOD"), Some((3, false)));
        assert_eq!(wait(UP, 'd', "x"), Some((1, true)));
        assert_eq!(wait(DOWN, 'u', "x"), Some((1, true)));
        assert_eq!(wait(UP, 'r', "dDx"), Some((3, true)));
    }

    #[test]
    fn one_of_several_or_all() {
        let all = Goal::from_letter('u');
        assert!(!reached(&[UP, DOWN], all));
        assert!(reached(&[UP, DOWN], Goal { any: true, ..all }));
        assert!(reached(&[], all), "no service at all is all of them");
    }
}
