//! The loop of the output process: from news to lines that are passed on.

use super::clients::LogClient;
use super::cut::{Cut, Cutter};
use super::memory::{Memory, UnfinishedStep};
use super::source::{OutputStream, StreamId};
use super::{OutputNews, OutputProcess};
use crate::format::output::{FromOutput, LogRecord};
use crate::sys::{clock, socket};
use nix::errno::Errno;
use nix::sys::epoll::{EpollEvent, EpollFlags, EpollTimeout};
use std::time::{Duration, Instant};

/// How long a line may be without an end until it is passed on.
const LATE: Duration = Duration::from_millis(100);

/// How much news is taken at a time.
const BATCH: usize = 64;

impl OutputProcess {
    /// Runs until PID 1 has gone, and all that there was is passed on.
    pub(super) fn run(mut self) -> i32 {
        while !self.is_over() {
            let mut events = [EpollEvent::empty(); BATCH];
            let count = self.epoll.wait(&mut events, self.timeout()).unwrap_or(0);
            let news: Vec<_> =
                events.iter().take(count).map(|e| OutputNews::decode(e.data())).collect();
            self.hear_control();
            news.into_iter().for_each(|news| self.take(news));
            self.look_at_late();
            for _ in 0..self.ready.len() {
                if let Some(id) = self.ready.pop_front() {
                    self.pass_on(id);
                }
            }
            self.serve_clients();
            self.send_unsent();
        }
        0
    }

    fn is_over(&mut self) -> bool {
        if self.is_finishing && self.sources.keys().all(|id| *id == 0) {
            // The catch-all logger reads to the end of what it reads when nobody else writes to it.
            let is_done = self.sinks.iter().skip(2).all(|open| open.sink.is_empty());
            self.sinks.truncate(if is_done { 2 } else { self.sinks.len() });
        }
        let is_empty = self.sinks.iter().all(|open| open.sink.is_empty());
        self.control.is_none() && self.sources.is_empty() && is_empty
    }

    fn timeout(&self) -> EpollTimeout {
        if !self.ready.is_empty() {
            return EpollTimeout::ZERO;
        }
        let Some((at, _)) = self.late.front() else { return EpollTimeout::NONE };
        let left = at.saturating_duration_since(Instant::now()).as_nanos().div_ceil(1_000_000);
        EpollTimeout::try_from(left as u64).unwrap_or(EpollTimeout::ZERO)
    }

    fn take(&mut self, news: OutputNews) {
        match news {
            OutputNews::Control => {}
            OutputNews::Listener => self.accept(),
            OutputNews::Sink(number) => self.flush(number),
            OutputNews::Client(number) => {
                if let Some(client) = self.clients.all.get_mut(&number) {
                    client.hear(&self.places);
                }
            }
            OutputNews::Stream(id) => self.queue(id),
        }
    }

    /// Has a stream looked at.
    fn queue(&mut self, id: StreamId) {
        let Some(stream) = self.stream(id) else { return };
        if !std::mem::replace(&mut stream.is_queued, true) {
            self.ready.push_back(id);
        }
    }

    /// Has those looked at whose last line has had no end for too long.
    fn look_at_late(&mut self) {
        let now = Instant::now();
        while let Some((_, id)) = self.late.front().copied().filter(|(at, _)| *at <= now) {
            self.late.pop_front();
            self.queue(id);
        }
    }

    /// Passes on what is whole of a stream, as much as there is room for.
    fn pass_on(&mut self, id: StreamId) {
        let Some(room) = self.room_for(id) else { return };
        let seen = match self.peek(id) {
            Ok(0) => return self.close_stream(id),
            Ok(seen) => seen,
            Err(Errno::EAGAIN) => return,
            Err(e) => {
                self.tell(FromOutput::Unreadable { source: id.source, errno: e as i32 });
                return self.close_stream(id);
            }
        };
        let now = clock::utc();
        let cut = self.cut(id, seen, room, now);
        if cut.taken == 0 {
            return self.await_end(id);
        }
        let sink = self.shown_in(id);
        if let Some(open) = sink.and_then(|sink| self.sinks.get_mut(sink)) {
            let (parts, mark) = (cut.parts, self.peeker.mark(cut.taken));
            let step = UnfinishedStep {
                source: id.source,
                stream: id.kind(),
                count: cut.taken,
                mark,
                parts,
            };
            self.memory.iter().for_each(|memory| memory.begin(&step));
            open.sink.put(&self.out);
        }
        self.take_out(id, &cut);
        self.memory.iter().for_each(Memory::end);
        self.remember(id, seen, &cut, now);
        sink.into_iter().for_each(|sink| self.flush(sink));
        // Nothing else would tell that the pipe is at its end.
        match cut.taken < seen && !cut.is_short && seen < super::peek::MOST {
            true => self.await_end(id),
            false => self.queue(id),
        }
    }

    fn stream(&mut self, id: StreamId) -> Option<&mut OutputStream> {
        self.sources.get_mut(&id.source)?.streams.get_mut(id.stream)
    }

    /// The sink of a stream, if it is shown.
    fn shown_in(&self, id: StreamId) -> Option<usize> {
        let source = self.sources.get(&id.source)?;
        let is_shown = source.streams.get(id.stream)?.style.is_shown();
        source.told.sinks().get(id.stream).copied().filter(|_| is_shown)
    }

    /// How much of a stream can be shown now. `None`: nothing; it waits for its sink.
    fn room_for(&mut self, id: StreamId) -> Option<usize> {
        let Some(sink) = self.shown_in(id) else { return Some(usize::MAX) };
        let open = self.sinks.get_mut(sink)?;
        if !open.sink.is_empty() {
            open.waiting.push(id);
            return None;
        }
        Some(open.sink.capacity())
    }

    fn peek(&mut self, id: StreamId) -> Result<usize, Errno> {
        let source = self.sources.get_mut(&id.source);
        let stream = source.and_then(|s| s.streams.get_mut(id.stream)).ok_or(Errno::EAGAIN)?;
        stream.is_queued = false;
        let seen = self.peeker.peek(stream.pipe.as_ref().ok_or(Errno::EAGAIN)?);
        if seen == Err(Errno::EAGAIN) {
            stream.late_at = None;
        }
        seen
    }

    /// Makes lines of what was seen.
    fn cut(&mut self, id: StreamId, seen: usize, room: usize, now: Duration) -> Cut {
        self.out.clear();
        let source = self.sources.get(&id.source);
        let Some(stream) = source.and_then(|s| s.streams.get(id.stream)) else {
            return Cut::default();
        };
        let time = stream.style.time(now);
        let is_late = stream.late_at.is_some_and(|at| at <= Instant::now());
        let (style, parts) = (&stream.style, stream.parts);
        let cutter = Cutter { style, time: &time, parts, is_late, room };
        cutter.cut(self.peeker.seen(seen), &mut self.out)
    }

    /// Takes out of a stream's pipe what is passed on. This comes last, since its writer may go on
    /// from here, and not we.
    fn take_out(&mut self, id: StreamId, cut: &Cut) {
        let source = self.sources.get_mut(&id.source);
        let Some(stream) = source.and_then(|s| s.streams.get_mut(id.stream)) else { return };
        (stream.parts, stream.late_at) = (cut.parts, None);
        // So much has been seen in it.
        let _ = stream.pipe.as_ref().map(|pipe| self.peeker.take(pipe, cut.taken));
        if let Some((_, place)) = self.places.get(&id.source) {
            place.set_parts(id.kind(), cut.parts);
        }
    }

    /// Keeps it.
    fn remember(&mut self, id: StreamId, seen: usize, cut: &Cut, now: Duration) {
        let (Some((_, place)), Some(memory)) = (self.places.get(&id.source), &self.memory) else {
            return;
        };
        for piece in &cut.pieces {
            let text = self.peeker.seen(seen).get(piece.range.clone()).unwrap_or_default();
            let record = LogRecord {
                service: String::new(),
                stream: id.kind(),
                time_ns: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
                number: memory.next_number(),
                before: piece.before,
                is_open: piece.is_open,
                length: text.len() as u32,
            };
            place.add(&record, text);
        }
    }

    /// Waits for the end of a line.
    fn await_end(&mut self, id: StreamId) {
        let Some(stream) = self.stream(id) else { return };
        if stream.late_at.is_none() {
            let at = Instant::now() + LATE;
            stream.late_at = Some(at);
            self.late.push_back((at, id));
        }
    }

    /// Nobody can write to a stream any more.
    fn close_stream(&mut self, id: StreamId) {
        let Some(source) = self.sources.get_mut(&id.source) else { return };
        if let Some(pipe) = source.streams.get_mut(id.stream).and_then(|s| s.pipe.take()) {
            // PID 1 has it too, so that closing it is not enough.
            let _ = self.epoll.delete(&pipe);
        }
        if source.streams.iter().all(|stream| stream.pipe.is_none()) {
            self.sources.remove(&id.source);
            self.tell(FromOutput::Gone(id.source));
        }
    }

    fn accept(&mut self) {
        while let Some(listener) = &self.listener {
            let Ok(Some(socket)) = socket::accept(listener) else { return };
            // Whoever is one too many sees an end at once.
            let Some(number) = self.clients.add(socket) else { continue };
            let client = self.clients.all.get(&number);
            let event = EpollEvent::new(wanted(client), OutputNews::Client(number).encode());
            let watched = client.map(|client| self.epoll.add(&client.socket, event));
            if watched.is_none_or(|watched| watched.is_err()) {
                self.clients.all.remove(&number);
            }
        }
    }

    fn serve_clients(&mut self) {
        if self.clients.is_empty() {
            return;
        }
        self.clients.serve(&self.places);
        for (number, client) in &self.clients.all {
            let mut event =
                EpollEvent::new(wanted(Some(client)), OutputNews::Client(*number).encode());
            // It was added; without the change it is served with the next lines.
            let _ = self.epoll.modify(&client.socket, &mut event);
        }
    }
}

/// What a client is watched for.
fn wanted(client: Option<&LogClient>) -> EpollFlags {
    let mut flags = EpollFlags::EPOLLIN;
    flags.set(EpollFlags::EPOLLOUT, client.is_some_and(LogClient::is_behind));
    flags
}
