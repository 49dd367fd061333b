//! The services whose output is read here: their streams, and how their lines are shown.

use super::{OutputNews, OutputProcess};
use crate::format::logline::LineStyle;
use crate::format::output::{LogColour, LogMode, LogSource, LogStream};
use nix::sys::epoll::{EpollEvent, EpollFlags};
use std::os::fd::OwnedFd;
use std::time::Instant;

/// No name makes others stand further to the right than this.
const WIDEST: usize = 30;

/// One of a service's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StreamId {
    pub(super) source: u32,
    pub(super) stream: usize,
}

impl StreamId {
    /// Which of the two it is.
    pub(super) fn kind(self) -> LogStream {
        if self.stream == 0 { LogStream::Stdout } else { LogStream::Stderr }
    }
}

/// A service.
#[derive(Debug)]
pub(super) struct OutputSource {
    pub(super) told: LogSource,
    pub(super) streams: [OutputStream; 2],
}

/// What a service writes to one of its descriptors.
#[derive(Debug)]
pub(super) struct OutputStream {
    /// `None`: it has come to its end.
    pub(super) pipe: Option<OwnedFd>,
    pub(super) kind: LogStream,
    pub(super) style: LineStyle,
    /// How many parts of an unfinished line have been passed on.
    pub(super) parts: u32,
    /// Whether somebody will look at it: it is in the queue, or waits for its sink.
    pub(super) is_queued: bool,
    /// When what has no end is passed on.
    pub(super) late_at: Option<Instant>,
}

impl OutputProcess {
    /// Reads a service's pipes from now on.
    pub(super) fn add_source(&mut self, told: LogSource, pipes: [OwnedFd; 2]) {
        let id = told.id;
        // What PID 1 itself says is in its journal.
        let place = match &self.memory {
            Some(memory) if id > 0 => memory.place(id, &told.name).ok(),
            _ => None,
        };
        let mut kinds = LogStream::BOTH.into_iter();
        let streams = pipes.map(|pipe| {
            let kind = kinds.next().unwrap_or(LogStream::Stderr);
            OutputStream {
                pipe: Some(pipe),
                kind,
                style: LineStyle::none(),
                parts: place.as_ref().map_or(0, |place| place.parts(kind)),
                is_queued: false,
                late_at: None,
            }
        });
        place.into_iter().for_each(|place| {
            self.places.insert(id, (told.name.clone(), place));
        });
        self.sources.insert(id, OutputSource { told, streams });
        self.dress(id);
        self.end_step(id);
        for stream in 0..2 {
            self.watch_stream(StreamId { source: id, stream });
        }
    }

    /// Does what is left of what the process before this one did with a stream of this service.
    fn end_step(&mut self, id: u32) {
        let Some(memory) = &self.memory else { return };
        let Some(step) = memory.step().filter(|step| step.source == id) else { return };
        memory.end();
        let Some(source) = self.sources.get_mut(&id) else { return };
        let pairs = source.streams.iter_mut().zip(source.told.sinks());
        let Some((stream, sink)) = pairs.into_iter().find(|(s, _)| s.kind == step.stream) else {
            return;
        };
        if !self.sinks.get(sink).is_some_and(|open| open.sink.had_some()) {
            return;
        }
        let seen = stream.pipe.as_ref().map(|pipe| self.peeker.peek(pipe));
        let is_there = matches!(seen, Some(Ok(seen)) if seen >= step.count);
        if is_there && self.peeker.mark(step.count) == step.mark {
            // So much has been seen in it.
            let _ = stream.pipe.as_ref().map(|pipe| self.peeker.take(pipe, step.count));
        }
        stream.parts = step.parts;
        if let Some((_, place)) = self.places.get(&id) {
            place.set_parts(step.stream, step.parts);
        }
    }

    fn watch_stream(&mut self, id: StreamId) {
        let Some(source) = self.sources.get_mut(&id.source) else { return };
        let Some(stream) = source.streams.get_mut(id.stream) else { return };
        let Some(pipe) = &stream.pipe else { return };
        // What is left in it, because its line has no end yet, must not wake us again and again.
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLET;
        if self.epoll.add(pipe, EpollEvent::new(flags, OutputNews::Stream(id).encode())).is_err() {
            return;
        }
        stream.is_queued = true;
        self.ready.push_back(id);
    }

    /// Gives the streams of a service their style. In colours names are as wide as the widest, and
    /// when that changes all of them get a new one.
    fn dress(&mut self, id: u32) {
        let name = self.sources.get(&id).map_or(0, |source| source.told.name.chars().count());
        let is_widest = name.min(WIDEST) > self.width;
        self.width = self.width.max(name.min(WIDEST));
        let (time, width, colour) = (self.time, self.width, self.colour);
        let sources = self.sources.iter_mut();
        for (_, source) in sources.filter(|(other, _)| is_widest || **other == id) {
            let LogSource { id, name, mode, .. } = &source.told;
            for (stream, sink) in source.streams.iter_mut().zip(source.told.sinks()) {
                let is_terminal = || self.sinks.get(sink).is_some_and(|s| s.sink.is_terminal());
                let has_colour = match colour {
                    LogColour::Always => true,
                    LogColour::Auto => is_terminal(),
                    LogColour::Never => false,
                };
                stream.style = match mode {
                    LogMode::Json => LineStyle::json(name, stream.kind, time, *id == 0),
                    LogMode::Prefix => LineStyle::prefix(name, has_colour.then_some(width), time),
                    LogMode::Plain | LogMode::None => LineStyle::none(),
                };
            }
        }
    }
}
