//! Starting processes and learning of their ends.

use super::script::{self, Invalid};
use super::service::stamp;
use super::{Runtime, poller::Source};
use crate::definition::{Kind, Word};
use crate::engine::{Event, Exit, NotSpawned, Process, Script, Spawned};
use crate::graph::ServiceId;
use crate::sys::process::{self, WaitStatus};
use crate::sys::spawn::{Child, Session, Spawner, spawn};
use crate::sys::why;
use litemap::LiteMap;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, RawFd};

/// Whose process a pid is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A script's.
    Script(Process),
    /// The container's CMD.
    Cmd,
}

/// The processes that were started here and have not been reaped.
#[derive(Debug, Default)]
pub struct Children {
    by_pid: LiteMap<i32, Whose>,
    /// The CMD's process.
    pub cmd: Option<Pid>,
    /// How they are started.
    pub spawner: Spawner,
}

/// How many ends one wake-up takes, so that a storm of orphans cannot starve the rest.
const REAP_BATCH: usize = 256;

/// The name of the catch-all logger in the scan directory.
const CATCH_ALL: &str = "s6-svscan-log";

/// The default `timeout-finish`, in ms.
const TIMEOUT_FINISH_MS: u32 = 5000;

impl Children {
    /// Stops caring whose a process is: it runs on, and is reaped like an orphan.
    pub fn forget(&mut self, process: Process) {
        self.by_pid.retain(|_, whose| *whose != Whose::Script(process));
    }
    /// The pids that were started here.
    pub fn pids(&self) -> impl Iterator<Item = i32> {
        self.by_pid.keys().copied()
    }
}

/// The descriptors of a process: (number there, number here).
#[derive(Default)]
struct Streams {
    /// Those that stay what they are here.
    lasting: Vec<(RawFd, RawFd)>,
    /// Those that may be closed here.
    passing: Vec<(RawFd, RawFd)>,
}

/// What a script's process is given, beside its program.
struct Plan {
    argv: Vec<Word>,
    env: Vec<Word>,
    streams: Streams,
    new_pid_namespace: bool,
    /// `lock-fd`: taken in the child, which may have to wait for it.
    lock_fd: Option<RawFd>,
}

impl Runtime {
    /// Starts a script; the answer for the engine.
    pub(super) fn spawn(&mut self, process: Process) -> Event {
        let answer = match process.script {
            Script::Run => self.spawn_run(process),
            Script::Finish => self.spawn_finish(process),
            Script::Up | Script::Down | Script::Reload => return self.spawn_oneshot(process),
        };
        match answer {
            Ok(spawned) => Event::Spawned(process, spawned),
            Err(why) => Event::NotSpawned(process, why),
        }
    }

    fn spawn_run(&mut self, process: Process) -> Result<Spawned, NotSpawned> {
        let id = process.service;
        let name = self.enter(id).ok_or(NotSpawned::Refused)?;
        let notification = self.fd_number(&name, "notification-fd");
        let lock_fd = self.fd_number(&name, "lock-fd");
        if notification.is_some() && notification == lock_fd {
            self.warn(&format!(
                "s6-supervise {name}: warning: notification-fd and lock-fd are the same: the \
                 service is not started; change one of them, then s6-svc -u"
            ));
            return Err(NotSpawned::Invalid);
        }
        let pipe = match notification {
            Some(_) => Some(nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(|_| NotSpawned::Refused)?),
            None => None,
        };
        let mut streams = self.streams(id);
        if let (Some(number), Some((_, write))) = (notification, &pipe) {
            streams.passing.push((number, write.as_raw_fd()));
        }
        let plan = Plan {
            argv: vec![b"./run".to_vec(), name.clone().into_bytes()],
            env: self.settings.env.clone(),
            streams,
            new_pid_namespace: script::flag("flag-newpidns"),
            lock_fd,
        };
        let pid = self.start(plan, Session::New).map_err(|e| {
            // Differs: s6-supervise tries again as we do, and does not say why.
            let why = why::unable_to_exec(b"./run", e);
            self.warn(&format!(
                "s6-supervise {name}: warning: unable to spawn ./run (waiting 60 seconds): {why}"
            ));
            NotSpawned::Refused
        })?;
        self.children.by_pid.insert(pid.as_raw(), Whose::Script(process));
        if let Some(service) = self.services.get_mut(&id) {
            service.processes.run = Some(pid);
            service.status.stamp = stamp();
            service.readiness = None;
            if let Some((read, _)) = pipe {
                let _ = crate::sys::fd::set_nonblocking(read.as_raw_fd(), true);
                let _ = self.poller.watch(&read, Source::Readiness(id));
                service.readiness = Some(read);
            }
        }
        Ok(Spawned { notifies: notification.is_some(), timeout_ms: 0 })
    }

    fn spawn_finish(&mut self, process: Process) -> Result<Spawned, NotSpawned> {
        let id = process.service;
        let name = self.enter(id).ok_or(NotSpawned::Refused)?;
        if !script::flag("finish") {
            return Err(NotSpawned::Absent);
        }
        let service = self.services.get(&id).ok_or(NotSpawned::Absent)?;
        let ended = WaitStatus(i32::from(service.status.wait_status));
        let last_run = service.processes.last_run.map_or(0, Pid::as_raw);
        let code = ended.code().map_or(256, u32::from);
        let signal = ended.signal().unwrap_or(0);
        let words = ["./finish".to_owned(), code.to_string(), signal.to_string()];
        let argv = words.into_iter().chain([name.clone(), last_run.to_string()]);
        let streams = self.streams(id);
        let plan = Plan {
            argv: argv.map(String::into_bytes).collect(),
            env: self.settings.env.clone(),
            streams,
            new_pid_namespace: false,
            lock_fd: None,
        };
        let timeout_ms = self.number(&name, "timeout-finish").unwrap_or(TIMEOUT_FINISH_MS);
        let pid = self.start(plan, Session::New).map_err(|e| {
            let why = why::unable_to_exec(b"./finish", e);
            self.warn(&format!("s6-supervise {name}: warning: unable to spawn ./finish: {why}"));
            NotSpawned::Refused
        })?;
        self.children.by_pid.insert(pid.as_raw(), Whose::Script(process));
        if let Some(service) = self.services.get_mut(&id) {
            service.processes.finish = Some(pid);
        }
        Ok(Spawned { notifies: false, timeout_ms })
    }

    /// Runs a line of a oneshot, with the stdio of whoever asked for the change.
    fn spawn_oneshot(&mut self, process: Process) -> Event {
        let id = process.service;
        let argv = self.line(process);
        if argv.is_empty() {
            return Event::NotSpawned(process, NotSpawned::Absent);
        }
        let name = self.enter(id).unwrap_or_default();
        let mut env = self.settings.env.clone();
        env.push([b"RC_NAME=", name.as_bytes()].concat());
        let streams = match self.clients.stdio_for(id) {
            Some(stdio) => Streams { passing: (0..).zip(stdio).collect(), ..Streams::default() },
            None => self.no_pipes(self.settings.outputs),
        };
        let program = String::from_utf8_lossy(argv.first().map_or(b"", |w| w)).into_owned();
        let plan = Plan { argv, env, streams, new_pid_namespace: false, lock_fd: None };
        match self.start(plan, Session::New) {
            Ok(pid) => {
                self.children.by_pid.insert(pid.as_raw(), Whose::Script(process));
                if let Some(service) = self.services.get_mut(&id) {
                    service.processes.oneshot = Some(pid);
                    service.status.stamp = stamp();
                }
                Event::Spawned(process, Spawned::default())
            }
            Err(e) => {
                let text = format!("unable to exec {program}: {}", e.desc());
                self.tell_for(id, &format!("s6-rc-oneshot-run: fatal: {text}"));
                self.pending_exit(process, if e == Errno::ENOENT { 127 } else { 126 })
            }
        }
    }

    /// The words of a oneshot's line.
    fn line(&self, process: Process) -> Vec<Word> {
        match self.engine.graph().definition(process.service).map(|d| &d.kind) {
            Some(Kind::Oneshot(o)) => match process.script {
                Script::Down => o.down.clone(),
                Script::Reload => o.reload.clone(),
                Script::Up | Script::Run | Script::Finish => o.up.clone(),
            },
            Some(Kind::Longrun(_) | Kind::Bundle(_)) | None => Vec::new(),
        }
    }

    /// A oneshot whose program could not be executed ends as a shell would have it: 126 or 127.
    fn pending_exit(&mut self, process: Process, code: u8) -> Event {
        if let Some(service) = self.services.get_mut(&process.service) {
            service.script_ended(Exit::Code(code));
        }
        self.later.push_back(Event::Exited(process, Exit::Code(code)));
        Event::Spawned(process, Spawned::default())
    }

    /// Starts the CMD; an end at once if it cannot be.
    pub(super) fn start_cmd(&mut self) -> Option<Event> {
        let cmd = self.settings.cmd.as_ref()?;
        let plan = Plan {
            argv: cmd.argv.clone(),
            env: cmd.env.clone(),
            streams: Streams {
                lasting: vec![(0, 0), (1, cmd.outputs.0), (2, cmd.outputs.1)],
                ..Streams::default()
            },
            new_pid_namespace: false,
            lock_fd: None,
        };
        let name = String::from_utf8_lossy(cmd.argv.first().map_or(b"", |w| w)).into_owned();
        let directory = cmd.directory.clone();
        let entered = nix::unistd::chdir(&directory);
        self.here = None;
        match entered.and_then(|()| self.start(plan, Session::Foreground)) {
            Ok(pid) => {
                self.children.by_pid.insert(pid.as_raw(), Whose::Cmd);
                self.children.cmd = Some(pid);
                self.note_cmd(&name, pid);
                self.write_cmd_pid(pid);
                None
            }
            Err(e) => {
                let code = if e == Errno::ENOENT { 127 } else { 126 };
                let why = why::unable_to_exec(name.as_bytes(), e);
                self.journal.line(&format!("sixtree: fatal: unable to run the CMD {name}: {why}"));
                Some(Event::CmdExited(Exit::Code(code)))
            }
        }
    }

    fn start(&mut self, plan: Plan, session: Session) -> Result<Pid, Errno> {
        let program = (self.settings.launch)(plan.argv, &plan.env)?;
        let child = Child {
            session,
            fds: &plan.streams.lasting,
            passing: &plan.streams.passing,
            nofile: self.settings.nofile,
            new_pid_namespace: plan.new_pid_namespace,
        };
        let Some(lock_fd) = plan.lock_fd else {
            return self.children.spawner.spawn(&child, program);
        };
        spawn(&child, move || {
            match crate::sys::lock::wait_for(b"supervise/service-lock", lock_fd) {
                Ok(()) => program.go(),
                Err(_) => 111,
            }
        })
    }

    /// A small file's number; a bad one is warned of and counts as absent.
    fn number(&mut self, name: &str, file: &'static str) -> Option<u32> {
        script::number(file).unwrap_or_else(|Invalid(file)| {
            self.warn(&format!("s6-supervise {name}: warning: invalid {file}: not a number"));
            None
        })
    }

    fn fd_number(&mut self, name: &str, file: &'static str) -> Option<RawFd> {
        let number = self.number(name, file)?;
        let fd = RawFd::try_from(number).ok().filter(|fd| (1..1 << 20).contains(fd));
        if fd.is_none() {
            self.warn(&format!("s6-supervise {name}: warning: invalid {file}: {number}"));
        }
        fd
    }

    /// A longrun's stdin, stdout and stderr: its pipes, if it has any. The catch-all logger is the
    /// one service that speaks to the container's own.
    fn streams(&mut self, id: ServiceId) -> Streams {
        let pipes = self.pipelines.ends(id);
        let outputs = match self.is_catch_all(id) {
            true => (1, 2),
            false => self.settings.outputs,
        };
        let Streams { mut lasting, mut passing } = self.no_pipes(outputs);
        for (number, end) in [(0, pipes.input), (1, pipes.output)] {
            if let Some(end) = end {
                lasting.retain(|&(to, _)| to != number);
                passing.push((number, end));
            }
        }
        Streams { lasting, passing }
    }

    /// Nothing to read, and so much to write to.
    fn no_pipes(&self, outputs: (RawFd, RawFd)) -> Streams {
        let lasting = vec![(0, self.null.as_raw_fd()), (1, outputs.0), (2, outputs.1)];
        Streams { lasting, passing: Vec::new() }
    }

    /// Whether a service is the catch-all logger.
    pub(super) fn is_catch_all(&self, id: ServiceId) -> bool {
        !self.settings.catch_all.is_empty()
            && self.services.get(&id).is_some_and(|s| s.name == CATCH_ALL)
    }

    /// Takes the ends of all processes that have ended.
    pub(super) fn reap(&mut self) {
        for _ in 0..REAP_BATCH {
            match process::wait(-1, WaitPidFlag::WNOHANG) {
                Ok(Some((pid, status))) => self.ended(pid, status),
                Ok(None) => return,
                Err(_) => return self.note_alone(),
            }
        }
        // There may be more. All other news come first.
        self.reap_again = true;
    }

    fn ended(&mut self, pid: Pid, status: WaitStatus) {
        let exit = match status.code() {
            Some(code) => Exit::Code(code),
            None => Exit::Signal(status.signal().unwrap_or(0)),
        };
        let whose = self.children.by_pid.remove(&pid.as_raw());
        whose.into_iter().for_each(|whose| self.note_process(whose, pid, exit));
        match whose {
            Some(Whose::Script(process)) => {
                if process.script == Script::Run {
                    // What it said of its readiness came before its end.
                    self.read_readiness(process.service);
                }
                self.note_end(process, pid, status, exit);
                self.feed(Event::Exited(process, exit));
            }
            Some(Whose::Cmd) => {
                self.children.cmd = None;
                self.remove_cmd_pid();
                self.feed(Event::CmdExited(exit));
            }
            None => {}
        }
    }

    fn note_end(&mut self, process: Process, pid: Pid, status: WaitStatus, exit: Exit) {
        let Some(service) = self.services.get_mut(&process.service) else { return };
        match process.script {
            Script::Run => {
                service.processes.run = None;
                service.processes.last_run = Some(pid);
                service.status.wait_status = status.0 as u16;
                service.status.stamp = stamp();
                service.readiness = None;
            }
            Script::Finish => {
                service.processes.finish = None;
                service.status.ready_stamp = stamp();
            }
            Script::Up | Script::Down | Script::Reload => service.script_ended(exit),
        }
    }

    /// Reads a notification pipe: a newline means ready, the end of it that it never will be.
    pub(super) fn read_readiness(&mut self, id: ServiceId) {
        let Some(service) = self.services.get_mut(&id) else { return };
        let Some(pipe) = &service.readiness else { return };
        let mut buffer = [0; 4096];
        match crate::sys::fd::read(pipe.as_raw_fd(), &mut buffer) {
            Err(Errno::EAGAIN) => {}
            Ok(0) | Err(_) => service.readiness = None,
            Ok(n) if buffer.iter().take(n).any(|&b| b == b'\n') => {
                service.readiness = None;
                service.status.ready_stamp = stamp();
                self.feed(Event::Ready(id));
            }
            Ok(_) => {}
        }
    }
}
