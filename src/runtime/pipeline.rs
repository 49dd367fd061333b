//! The pipes between producers and their consumers. PID 1 holds both ends of each, so that either
//! side can die and be restarted, and no line is lost.
//!
//! Differs: s6-rc has a service for that, s6rc-fdholder.

use crate::graph::ServiceId;
use crate::sys::fd;
use litemap::LiteMap;
use nix::fcntl::OFlag;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Which pipes a service reads from and writes to.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    /// The consumer of each producer.
    consumer_of: LiteMap<ServiceId, ServiceId>,
    /// The pipe before each consumer: read end, write end. Made when first needed.
    pipes: LiteMap<ServiceId, Option<(OwnedFd, OwnedFd)>>,
}

/// The ends of pipes that a service has as stdin and stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PipelineEnds {
    /// Its stdin.
    pub input: Option<RawFd>,
    /// Its stdout.
    pub output: Option<RawFd>,
}

impl Pipelines {
    /// Sends the output of `producer` to `consumer`.
    pub(super) fn connect(&mut self, producer: ServiceId, consumer: ServiceId) {
        self.consumer_of.insert(producer, consumer);
        self.pipes.entry(consumer).or_default();
    }

    /// Makes the pipe before a consumer, though nothing may write into it yet.
    pub(super) fn make(&mut self, consumer: ServiceId) {
        self.pipes.entry(consumer).or_default();
    }

    /// Replaces the pipes of the tree by these; `of_tree` says whether a service belongs to the
    /// tree, now or formerly. A pipe that stays keeps its content.
    pub(super) fn rewire(
        &mut self,
        pairs: &[(ServiceId, ServiceId)],
        consumers: &[ServiceId],
        of_tree: impl Fn(ServiceId) -> bool,
    ) {
        self.consumer_of.retain(|producer, _| !of_tree(*producer));
        self.pipes.retain(|consumer, _| !of_tree(*consumer) || consumers.contains(consumer));
        consumers.iter().for_each(|id| self.make(*id));
        pairs.iter().for_each(|(producer, consumer)| self.connect(*producer, *consumer));
    }

    /// Forgets a service that has gone, and its pipe.
    pub(super) fn remove(&mut self, id: ServiceId) {
        self.consumer_of.remove(&id);
        self.pipes.remove(&id);
    }

    /// The ends for a process of this service. If a pipe cannot be made (too many open files),
    /// the service goes without: its output is not lost, it goes to the container's.
    pub(super) fn ends(&mut self, id: ServiceId) -> PipelineEnds {
        let input = self.pipe(id).map(|(read, _)| read);
        let consumer = self.consumer_of.get(&id).copied();
        let output = consumer.and_then(|c| self.pipe(c)).map(|(_, write)| write);
        PipelineEnds { input, output }
    }

    fn pipe(&mut self, consumer: ServiceId) -> Option<(RawFd, RawFd)> {
        let slot = self.pipes.get_mut(&consumer)?;
        if slot.is_none() {
            *slot = nix::unistd::pipe2(OFlag::O_CLOEXEC).ok();
            slot.iter().for_each(|(_, write)| fd::open_to_writers(write));
        }
        slot.as_ref().map(|(read, write)| (read.as_raw_fd(), write.as_raw_fd()))
    }

    /// Lets go of a consumer's pipe: it reads what is left in it, and then its end.
    pub(super) fn close(&mut self, consumer: ServiceId) {
        self.pipes.remove(&consumer);
    }
}
