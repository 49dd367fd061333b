//! epoll, with names for what it watches.

use crate::graph::ServiceId;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use std::os::fd::AsFd;

/// A source of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The signal descriptor.
    Signals,
    /// A service's `supervise/control`.
    Control(ServiceId),
    /// A service's notification pipe.
    Readiness(ServiceId),
    /// The process that shows itself as a service's supervisor.
    Supervisor(ServiceId),
    /// The process that looks at services.
    Looker,
    /// The scan directory's `.s6-svscan/control`.
    Scan,
    /// The FIFO that `halt` writes to.
    Halt,
    /// A client of the control socket. One that leaves makes room for the next.
    Client(u32),
    /// The control socket.
    Listener,
    /// stderr can take more of the journal.
    Journal,
    /// The output process.
    Output,
}

impl Source {
    fn encode(self) -> u64 {
        let (tag, id) = match self {
            Self::Signals => (0, 0),
            Self::Control(id) => (1, id.0),
            Self::Readiness(id) => (2, id.0),
            Self::Scan => (3, 0),
            Self::Halt => (4, 0),
            Self::Listener => (5, 0),
            Self::Client(id) => (6, id),
            Self::Journal => (7, 0),
            Self::Supervisor(id) => (8, id.0),
            Self::Output => (9, 0),
            Self::Looker => (10, 0),
        };
        (tag << 32) | u64::from(id)
    }

    fn decode(data: u64) -> Self {
        let id = data as u32;
        match data >> 32 {
            1 => Self::Control(ServiceId(id)),
            2 => Self::Readiness(ServiceId(id)),
            3 => Self::Scan,
            4 => Self::Halt,
            5 => Self::Listener,
            6 => Self::Client(id),
            7 => Self::Journal,
            8 => Self::Supervisor(ServiceId(id)),
            9 => Self::Output,
            10 => Self::Looker,
            _ => Self::Signals,
        }
    }
}

/// Everything that the loop waits for.
#[derive(Debug)]
pub(super) struct Poller(Epoll);

/// How many sources are handled at a time, so that none of them can starve the others.
const BATCH: usize = 64;

impl Poller {
    /// A poller that watches nothing yet.
    pub(super) fn new() -> Result<Self, Errno> {
        Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map(Self)
    }

    /// Watches a descriptor for input. It is forgotten when it is closed.
    pub(super) fn watch(&self, fd: impl AsFd, source: Source) -> Result<(), Errno> {
        self.0.add(fd, EpollEvent::new(EpollFlags::EPOLLIN, source.encode()))
    }

    /// Watches a descriptor for room to write.
    pub(super) fn watch_output(&self, fd: impl AsFd, source: Source) -> Result<(), Errno> {
        self.0.add(fd, EpollEvent::new(EpollFlags::EPOLLOUT, source.encode()))
    }

    /// Watches for input, and for room to write, where these say so; in any case for the end.
    pub(super) fn change(
        &self,
        fd: impl AsFd,
        source: Source,
        (input, output): (bool, bool),
    ) -> Result<(), Errno> {
        let mut flags = EpollFlags::empty();
        flags.set(EpollFlags::EPOLLIN, input);
        flags.set(EpollFlags::EPOLLOUT, output);
        let mut event = EpollEvent::new(flags, source.encode());
        self.0.modify(fd, &mut event)
    }

    /// Stops watching.
    pub(super) fn forget(&self, fd: impl AsFd) {
        // It may not be watched.
        let _ = self.0.delete(fd);
    }

    /// Waits until some sources are ready, at most so many ms (`None`: for ever). Signals come
    /// first.
    pub(super) fn wait(&self, timeout_ms: Option<u64>) -> Vec<Source> {
        let limit = timeout_ms.map_or(EpollTimeout::NONE, |ms| {
            EpollTimeout::try_from(i32::try_from(ms).unwrap_or(i32::MAX))
                .unwrap_or(EpollTimeout::ZERO)
        });
        let mut events = [EpollEvent::empty(); BATCH];
        let count = self.0.wait(&mut events, limit).unwrap_or(0);
        let mut sources: Vec<_> =
            events.iter().take(count).map(|e| Source::decode(e.data())).collect();
        sources.sort_unstable();
        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_come_back_as_they_went() {
        let all = [
            Source::Signals,
            Source::Control(ServiceId(7)),
            Source::Readiness(ServiceId(u32::MAX)),
            Source::Supervisor(ServiceId(5)),
            Source::Looker,
            Source::Scan,
            Source::Halt,
            Source::Listener,
            Source::Client(3),
            Source::Journal,
            Source::Output,
        ];
        all.iter().for_each(|s| assert_eq!(Source::decode(s.encode()), *s));
    }
}
