//! What outlives the output process, and what it is told of it.

use super::{CATCH_ALL, LEAST, Writer};
use crate::engine::Time;
use crate::format::output::{FromOutput, LogMode, LogSettings, LogSource, MAX_MESSAGE, ToOutput};
use crate::graph::ServiceId;
use crate::output::{CONTROL, NAME};
use crate::sys::exec::Execve;
use crate::sys::poll::{self, Deadline};
use crate::sys::spawn::{Child, Program, Session, SpawnError, spawn};
use crate::sys::{fd, process, shared, socket};
use litemap::LiteMap;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, shutdown, socketpair};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::{Pid, pipe2};
use std::collections::VecDeque;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

/// How much should be on its way to a sink at a time, in bytes.
const ON_THE_WAY: i32 = 256 << 10;

/// What exists once something is shown by it.
#[derive(Debug)]
pub(super) struct OutputParts {
    pub(super) sinks: Vec<(OwnedFd, OwnedFd)>,
    pub(super) catch_all: Option<OwnedFd>,
    pub(super) memory: Option<OwnedFd>,
    pub(super) listener: Option<OwnedFd>,
    /// By their numbers.
    pub(super) sources: Vec<Option<HeldSource>>,
    /// Those of which the process does not know yet.
    pub(super) untold: VecDeque<u32>,
    pub(super) by_service: LiteMap<ServiceId, u32>,
    pub(super) cmd: Option<u32>,
    pub(super) process: Option<OutputChild>,
    pub(super) start_at: Option<Time>,
    pub(super) is_finishing: bool,
}

/// The process, and how much it has been told.
#[derive(Debug)]
pub(super) struct OutputChild {
    pub(super) pid: Pid,
    pub(super) socket: OwnedFd,
    pub(super) has_begun: bool,
    pub(super) sinks_told: usize,
    pub(super) is_listening: bool,
    pub(super) is_told_to_finish: bool,
    /// The poller watches it, and for room to tell it more.
    pub(super) awaited: Option<bool>,
}

/// The pipes of a service.
#[derive(Debug)]
pub(super) struct HeldSource {
    pub(super) name: String,
    pub(super) mode: LogMode,
    pub(super) sinks: [usize; 2],
    pub(super) read: [OwnedFd; 2],
    /// `None`: the service has gone, and what is left is read.
    pub(super) write: Option<[OwnedFd; 2]>,
}

impl HeldSource {
    pub(super) fn new(name: &str, mode: LogMode, sinks: [usize; 2]) -> Result<Self, Errno> {
        let (stdout, stderr) = (pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?);
        // Programs of other users open /dev/stderr anew.
        [&stdout.1, &stderr.1].into_iter().for_each(fd::open_to_writers);
        Ok(Self {
            name: name.to_owned(),
            mode,
            sinks,
            read: [stdout.0, stderr.0],
            write: Some([stdout.1, stderr.1]),
        })
    }
}

impl OutputParts {
    pub(super) fn new() -> Result<Self, Errno> {
        let sink = || {
            let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
            // Less will do as well.
            let _ = fcntl(&write, FcntlArg::F_SETPIPE_SZ(ON_THE_WAY));
            Ok::<_, Errno>((read, write))
        };
        Ok(Self {
            sinks: vec![sink()?, sink()?],
            catch_all: None,
            // Without it, what is kept ends with the process.
            memory: shared::memory_file(NAME).ok(),
            listener: None,
            sources: Vec::new(),
            untold: VecDeque::new(),
            by_service: LiteMap::new(),
            cmd: None,
            process: None,
            start_at: Some(Time(0)),
            is_finishing: false,
        })
    }

    pub(super) fn listen(&mut self, path: &Path) {
        // Without it only `sixtree logs` has less to show, and says so.
        self.listener = socket::listen(path).ok();
    }

    pub(super) fn add_catch_all(&mut self, fifo: Option<RawFd>) -> Result<(), Errno> {
        let Some(fifo) = fifo.filter(|_| self.catch_all.is_none()) else { return Ok(()) };
        let target = fd::duplicate(fd::borrow(&fifo), LEAST)?;
        self.sinks.push(pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?);
        self.catch_all = Some(target);
        Ok(())
    }

    /// The number of whoever writes, if they are known by this name.
    pub(super) fn known(&self, writer: Writer, name: &str) -> Option<u32> {
        let id = match writer {
            Writer::Service(service) => self.by_service.get(&service).copied(),
            Writer::Cmd => self.cmd,
        }?;
        let held = self.sources.get(id as usize)?.as_ref()?;
        (held.name == name && held.write.is_some()).then_some(id)
    }

    pub(super) fn add(&mut self, held: HeldSource) -> u32 {
        let free = self.sources.iter().skip(1).position(Option::is_none).map(|at| at + 1);
        let id = free.unwrap_or(self.sources.len());
        match self.sources.get_mut(id) {
            Some(place) => *place = Some(held),
            None => self.sources.push(Some(held)),
        }
        self.untold.push_back(id as u32);
        id as u32
    }

    pub(super) fn writes(&self, id: u32) -> Option<(RawFd, RawFd)> {
        let [stdout, stderr] = self.sources.get(id as usize)?.as_ref()?.write.as_ref()?;
        Some((stdout.as_raw_fd(), stderr.as_raw_fd()))
    }

    /// Starts the process, which has been told nothing yet.
    pub(super) fn start(&mut self, container: (RawFd, RawFd)) -> Result<Pid, Errno> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        let argv = [NAME.as_bytes().to_vec()];
        let execve = Execve::new(b"/proc/self/exe", &argv, &[])?;
        let child = Child {
            session: Session::New,
            fds: &[(0, 0), (1, container.0), (2, container.1)],
            passing: &[(CONTROL, theirs.as_raw_fd())],
            nofile: None,
            new_pid_namespace: false,
        };
        let pid = spawn(&child, Program::File(execve)).map_err(SpawnError::errno)?;
        self.start_at = None;
        self.untold = (0..).zip(&self.sources).filter(|(_, s)| s.is_some()).map(|s| s.0).collect();
        self.process = Some(OutputChild {
            pid,
            socket: ours,
            sinks_told: 0,
            has_begun: false,
            is_listening: false,
            is_told_to_finish: false,
            awaited: None,
        });
        Ok(pid)
    }

    /// Tells the process what it has not been told yet, as far as there is room for it.
    pub(super) fn tell(&mut self, settings: LogSettings) {
        while let Some((message, fds)) = self.next_message(settings) {
            let Some(process) = &mut self.process else { return };
            if socket::send(process.socket.as_fd(), &message.encode(), &fds).is_err() {
                // There is no room now; or it has ended, which is learned of in another way.
                return;
            }
            match message {
                ToOutput::Begin { .. } => process.has_begun = true,
                ToOutput::Sink => process.sinks_told += 1,
                ToOutput::Listen => process.is_listening = true,
                ToOutput::Source(_) => drop(self.untold.pop_front()),
                ToOutput::Finish => process.is_told_to_finish = true,
            }
        }
    }

    pub(super) fn next_message(&mut self, settings: LogSettings) -> Option<(ToOutput, Vec<RawFd>)> {
        let process = self.process.as_ref()?;
        if !process.has_begun {
            let LogSettings { keep, time, colour, .. } = settings;
            let memory = self.memory.iter().map(AsRawFd::as_raw_fd).collect();
            return Some((ToOutput::Begin { keep, time, colour }, memory));
        }
        if let Some((read, write)) = self.sinks.get(process.sinks_told) {
            let target = self.catch_all.as_ref().filter(|_| process.sinks_told == CATCH_ALL);
            let fds = [read, write].into_iter().chain(target).map(AsRawFd::as_raw_fd).collect();
            return Some((ToOutput::Sink, fds));
        }
        if let Some(listener) = self.listener.as_ref().filter(|_| !process.is_listening) {
            return Some((ToOutput::Listen, vec![listener.as_raw_fd()]));
        }
        while let Some(&id) = self.untold.front() {
            let Some(Some(held)) = self.sources.get(id as usize) else {
                self.untold.pop_front();
                continue;
            };
            let (name, mode) = (held.name.clone(), held.mode);
            let [stdout, stderr] = held.sinks.map(|sink| sink as u32);
            let fds = held.read.iter().map(AsRawFd::as_raw_fd).collect();
            return Some((ToOutput::Source(LogSource { id, name, mode, stdout, stderr }), fds));
        }
        (self.is_finishing && !process.is_told_to_finish).then(|| (ToOutput::Finish, Vec::new()))
    }

    /// Whether there is something to tell.
    pub(super) fn is_behind(&mut self, settings: LogSettings) -> bool {
        self.next_message(settings).is_some()
    }

    /// What the process has told. `false`: nothing more comes.
    pub(super) fn read(&mut self, told: &mut Vec<FromOutput>) -> bool {
        let Some(process) = &self.process else { return false };
        let mut buffer = [0; MAX_MESSAGE];
        loop {
            match fd::read(process.socket.as_raw_fd(), &mut buffer) {
                Err(Errno::EAGAIN) => return true,
                Ok(0) | Err(_) => return false,
                Ok(count) => {
                    // It is a process of ours, but a broken one must not harm us.
                    told.extend(FromOutput::decode(&buffer[..count]));
                }
            }
        }
    }

    /// How much is in all pipes.
    pub(super) fn left(&self) -> usize {
        let of_sources = self.sources.iter().flatten().flat_map(|held| &held.read);
        let pipes = of_sources.chain(self.sinks.iter().map(|(read, _)| read));
        pipes.filter_map(|pipe| fd::readable_bytes(pipe.as_raw_fd()).ok()).sum()
    }

    /// Waits so long for the process to end by itself. Whether it has.
    pub(super) fn wait_for_end(&mut self, span: Duration) -> bool {
        let settings = LogSettings::default();
        if self.is_behind(settings) {
            // It reads on, and is told more.
            std::thread::sleep(Duration::from_millis(1));
            return false;
        }
        let Some(process) = &self.process else { return false };
        // It goes when it has read all, and we have gone.
        let _ = shutdown(process.socket.as_raw_fd(), Shutdown::Write);
        let pid = process.pid;
        let _ = poll::readable(&[&process.socket], Deadline::after(span));
        if self.read(&mut Vec::new()) {
            return false;
        }
        let ended = process::wait(pid.as_raw(), WaitPidFlag::empty());
        self.process = None;
        // Who was killed has left something.
        !matches!(ended, Ok(Some((_, status))) if status.code() != Some(0))
    }

    pub(super) fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            let _ = process::kill(process.pid.as_raw(), Signal::SIGKILL as u8);
            let _ = process::wait(process.pid.as_raw(), WaitPidFlag::empty());
        }
    }
}
