//! The output process: it reads what services say, shows it in whole lines that tell who said them,
//! and keeps the last of it. PID 1 starts it where `SIXTREE_LOG` or a service's file `log` asks for
//! that, starts it again when it dies, and holds all that must outlive it: both ends of every pipe,
//! and the memory.
//!
//! It can be killed at any moment. Bytes stay in a service's pipe (they are only looked at, by
//! tee(2)) until they are passed on, and what is passed on goes through a pipe too. Between the two
//! a step is recorded, which the next process ends.

mod clients;
mod cut;
mod memory;
mod peek;
mod sink;
mod source;
mod turn;

use crate::format::output::{FromOutput, LogColour, LogTime, MAX_MESSAGE, ToOutput};
use crate::sys::exec::set_comm;
use crate::sys::{fd, limits, signal, socket};
use clients::{LogClients, Places};
use litemap::LiteMap;
use memory::Memory;
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags};
use nix::sys::signal::Signal;
use peek::Peeker;
use sink::{HeldPipe, Sink, SinkProgress};
use source::{OutputSource, StreamId};
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Instant;

/// What this process is called.
pub(crate) const NAME: &str = "sixtree-output";

/// The descriptor of its socket to PID 1.
pub(crate) const CONTROL: RawFd = 3;

/// What can have news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutputNews {
    Control,
    Listener,
    Sink(usize),
    Client(u32),
    Stream(StreamId),
}

impl OutputNews {
    fn encode(self) -> u64 {
        let (tag, value) = match self {
            Self::Control => (0, 0),
            Self::Listener => (1, 0),
            Self::Sink(number) => (2, number as u64),
            Self::Client(number) => (3, number.into()),
            Self::Stream(StreamId { source, stream }) => {
                (4, u64::from(source) << 1 | stream as u64)
            }
        };
        tag << 40 | value
    }

    fn decode(data: u64) -> Self {
        let value = data & 0xff_ffff_ffff;
        match data >> 40 {
            1 => Self::Listener,
            2 => Self::Sink(value as usize),
            3 => Self::Client(value as u32),
            4 => {
                let (source, stream) = ((value >> 1) as u32, (value & 1) as usize);
                Self::Stream(StreamId { source, stream })
            }
            _ => Self::Control,
        }
    }
}

/// All of it.
struct OutputProcess {
    epoll: Epoll,
    /// The socket to PID 1. `None`: that one has gone.
    control: Option<OwnedFd>,
    time: Option<LogTime>,
    colour: LogColour,
    listener: Option<OwnedFd>,
    memory: Option<Memory>,
    sinks: Vec<OpenSink>,
    sources: LiteMap<u32, OutputSource>,
    places: Places,
    clients: LogClients,
    /// What is seen in the pipes of services.
    peeker: Peeker,
    /// What is seen in those on the way to a sink.
    sink_peeker: Peeker,
    /// The lines that are being made.
    out: Vec<u8>,
    /// How wide names are in colours.
    width: usize,
    /// Streams in which there is something to read.
    ready: VecDeque<StreamId>,
    /// When lines without an end are late, the next one first.
    late: VecDeque<(Instant, StreamId)>,
    /// What PID 1 has not been told yet.
    unsent: VecDeque<FromOutput>,
    is_finishing: bool,
}

/// A sink, and who waits for it.
struct OpenSink {
    sink: Sink,
    /// Streams that have something for it.
    waiting: Vec<StreamId>,
    is_watched: bool,
}

/// Runs it; the code to exit with.
pub(crate) fn run() -> i32 {
    set_comm(NAME);
    match begin() {
        Ok(process) => process.run(),
        Err(e) => {
            let text = "fatal: /init starts this program itself (SIXTREE_LOG)";
            let line = format!("{NAME}: {text}: {}\n", e.desc());
            // There is nobody else to tell.
            let _ = fd::write_all(2, line.as_bytes());
            100
        }
    }
}

fn begin() -> Result<OutputProcess, Errno> {
    let control = fd::duplicate(fd::borrow(&CONTROL), CONTROL + 1)?;
    let kind = nix::sys::socket::getsockopt(&control, nix::sys::socket::sockopt::SockType)?;
    if kind != nix::sys::socket::SockType::SeqPacket {
        return Err(Errno::ENOTSOCK);
    }
    fd::close(CONTROL);
    // A container that stops, or a terminal, signals everybody; this one ends when all is read.
    for which in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        signal::ignore(which)?;
    }
    signal::ignore(Signal::SIGPIPE)?;
    limits::raise();
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(&control, EpollEvent::new(EpollFlags::EPOLLIN, OutputNews::Control.encode()))?;
    Ok(OutputProcess {
        epoll,
        control: Some(control),
        time: None,
        colour: LogColour::Auto,
        listener: None,
        memory: None,
        sinks: Vec::new(),
        sources: LiteMap::new(),
        places: LiteMap::new(),
        clients: LogClients::default(),
        peeker: Peeker::new()?,
        sink_peeker: Peeker::new()?,
        out: Vec::new(),
        width: 0,
        ready: VecDeque::new(),
        late: VecDeque::new(),
        unsent: VecDeque::new(),
        is_finishing: false,
    })
}

impl OutputProcess {
    /// Hears what PID 1 has to say.
    fn hear_control(&mut self) {
        let mut buffer = vec![0; MAX_MESSAGE];
        while let Some(control) = &self.control {
            let mut fds = Vec::new();
            match socket::receive(control.as_fd(), &mut buffer, &mut fds) {
                Ok(0) => self.control = None,
                Ok(count) => {
                    let message = ToOutput::decode(buffer.get(..count).unwrap_or_default());
                    message.into_iter().for_each(|message| self.obey(message, &mut fds));
                }
                Err(Errno::EAGAIN) => return,
                Err(_) => self.control = None,
            }
        }
    }

    fn obey(&mut self, message: ToOutput, fds: &mut Vec<OwnedFd>) {
        let mut fds = fds.drain(..);
        match message {
            ToOutput::Begin { keep, time, colour } => {
                (self.time, self.colour) = (time, colour);
                self.memory = Memory::new(fds.next(), keep).ok();
            }
            ToOutput::Sink => {
                let (Some(read), Some(write)) = (fds.next(), fds.next()) else { return };
                let (number, owned) = (self.sinks.len(), fds.next());
                let target = owned.as_ref().map_or(number as RawFd + 1, AsRawFd::as_raw_fd);
                let sink = Sink::new(target, owned, HeldPipe { read, write });
                self.sinks.push(OpenSink { sink, waiting: Vec::new(), is_watched: false });
                self.flush(number);
            }
            ToOutput::Listen => {
                self.listener = fds.next();
                let event = EpollEvent::new(EpollFlags::EPOLLIN, OutputNews::Listener.encode());
                // Without it nobody is answered, and all else goes on.
                let _ = self.listener.as_ref().map(|listener| self.epoll.add(listener, event));
            }
            ToOutput::Source(told) => {
                if let (Some(stdout), Some(stderr)) = (fds.next(), fds.next()) {
                    self.add_source(told, [stdout, stderr]);
                }
            }
            ToOutput::Finish => self.is_finishing = true,
        }
    }

    /// Tells PID 1 what it should know.
    fn tell(&mut self, message: FromOutput) {
        self.unsent.push_back(message);
        self.send_unsent();
    }

    fn send_unsent(&mut self) {
        let Some(control) = &self.control else { return };
        while let Some(message) = self.unsent.front() {
            match socket::send(control.as_fd(), &message.encode(), &[]) {
                Err(Errno::EAGAIN) => return,
                Ok(_) | Err(_) => drop(self.unsent.pop_front()),
            }
        }
    }

    /// Moves on what is for a sink. When that has room again, those who wait for it go on.
    fn flush(&mut self, number: usize) {
        let Some(open) = self.sinks.get_mut(number) else { return };
        let progress = open.sink.flush(&mut self.sink_peeker);
        self.follow(number, progress);
    }

    fn follow(&mut self, number: usize, progress: SinkProgress) {
        let Some(open) = self.sinks.get_mut(number) else { return };
        match progress {
            SinkProgress::Full if !open.is_watched => {
                let event =
                    EpollEvent::new(EpollFlags::EPOLLOUT, OutputNews::Sink(number).encode());
                open.is_watched = self.epoll.add(open.sink.fd(), event).is_ok();
            }
            SinkProgress::Full => {}
            SinkProgress::Empty | SinkProgress::Lost(_) => {
                if std::mem::take(&mut open.is_watched) {
                    // It was added.
                    let _ = self.epoll.delete(open.sink.fd());
                }
                self.ready.extend(open.waiting.drain(..));
            }
        }
        if let SinkProgress::Lost(why) = progress {
            self.tell(FromOutput::Lost { sink: number as u32, errno: why as i32 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_come_back_as_they_went() {
        let stream = StreamId { source: u32::MAX, stream: 1 };
        let all = [
            OutputNews::Control,
            OutputNews::Listener,
            OutputNews::Sink(2),
            OutputNews::Client(u32::MAX),
            OutputNews::Stream(stream),
        ];
        all.iter().for_each(|news| assert_eq!(OutputNews::decode(news.encode()), *news));
    }
}
