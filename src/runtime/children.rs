//! The child processes: how they are started and reaped.

use super::Runtime;
use super::directory::Inside;
use super::service::stamp;
use super::settings::RuntimeSettings;
use crate::definition::Word;
use crate::engine::{Event, Exit, Process, Script};
use crate::graph::ServiceId;
use crate::sys::process::{self, WaitStatus};
use crate::sys::spawn::{Child, Program, Session, Spawner, spawn};
use crate::sys::why::StartError;
use litemap::LiteMap;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Whose process a pid is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// A script's.
    Script(Process),
    /// The container's CMD.
    Cmd,
    /// That which shows what services say.
    Output,
    /// That of the process that looks at services.
    Looker,
}

/// The processes that were started here and have not been reaped.
#[derive(Debug)]
pub(super) struct Children {
    by_pid: LiteMap<i32, Whose>,
    /// The CMD's process.
    pub cmd: Option<Pid>,
    /// It has been reported that the kernel refuses a process for the CMD.
    pub cmd_delayed: bool,
    /// How they are started.
    pub spawner: Spawner,
    /// The stdin of programs that have nothing to read.
    null: OwnedFd,
    /// There may be more processes to reap.
    pub reap_again: bool,
}

/// How many children are reaped at a time, so that a storm of orphans cannot starve the rest.
const REAP_BATCH: usize = 256;

/// The descriptors that a process gets: (number in the process, number here).
#[derive(Clone, Debug, Default)]
pub(super) struct Streams {
    /// Those that stay open here under the same number.
    pub lasting: Vec<(RawFd, RawFd)>,
    /// Those that may be closed here.
    pub passing: Vec<(RawFd, RawFd)>,
}

/// What a process is given, beside the directory it starts in.
#[derive(Clone)]
pub(super) struct ProcessPlan {
    /// The words of its program.
    pub argv: Vec<Word>,
    /// Its environment.
    pub env: Vec<Word>,
    /// Its descriptors.
    pub streams: Streams,
    /// Its session or process group.
    pub session: Session,
    /// Whether it is PID 1 of a new PID namespace.
    pub new_pid_namespace: bool,
    /// `lock-fd`: taken in the child, which may have to wait for it.
    pub lock_fd: Option<RawFd>,
}

impl ProcessPlan {
    /// A process that leads a session of its own.
    pub(super) fn new(argv: Vec<Word>, env: Vec<Word>, streams: Streams) -> Self {
        Self { argv, env, streams, session: Session::New, new_pid_namespace: false, lock_fd: None }
    }

    /// The program, behind the lock if there is to be one.
    pub(super) fn behind_lock(&self, program: Program) -> Program {
        match self.lock_fd {
            None => program,
            Some(lock_fd) => behind_lock(program, lock_fd),
        }
    }
}

impl Children {
    /// No process yet.
    pub(super) fn new() -> Result<Self, Errno> {
        Ok(Self {
            by_pid: LiteMap::new(),
            cmd: None,
            cmd_delayed: false,
            spawner: Spawner::default(),
            null: open_null()?,
            reap_again: false,
        })
    }

    /// Starts a process in the current directory, and records whose it is.
    pub(super) fn start(
        &mut self,
        whose: Whose,
        plan: ProcessPlan,
        settings: &RuntimeSettings,
        directory: &Inside,
    ) -> Result<Pid, StartError> {
        let pid = self.start_unwatched(plan, settings, directory)?;
        self.record(pid.as_raw(), whose);
        Ok(pid)
    }

    /// The same for a process whose end nobody waits for.
    pub(super) fn start_unwatched(
        &mut self,
        plan: ProcessPlan,
        settings: &RuntimeSettings,
        directory: &Inside,
    ) -> Result<Pid, StartError> {
        let launch = || (settings.launch)(plan.argv.clone(), &plan.env);
        let program = directory.spare.lend(|e| *e, launch)?;
        let child = Child {
            session: plan.session,
            fds: &plan.streams.lasting,
            passing: &plan.streams.passing,
            nofile: settings.nofile,
            new_pid_namespace: plan.new_pid_namespace,
        };
        Ok(match plan.lock_fd {
            None => self.spawner.spawn(&child, program)?,
            Some(lock_fd) => spawn(&child, behind_lock(program, lock_fd))?,
        })
    }

    /// Records whose process a pid is.
    pub(super) fn record(&mut self, pid: i32, whose: Whose) {
        self.by_pid.insert(pid, whose);
    }

    /// Forgets whose a process is: it runs on, and is reaped like an orphan.
    pub(super) fn forget(&mut self, process: Process) {
        self.by_pid.retain(|_, whose| *whose != Whose::Script(process));
    }

    /// Whose process this is, if it was started here.
    pub(super) fn whose(&self, pid: i32) -> Option<Whose> {
        self.by_pid.get(&pid).copied()
    }

    /// The pids that were started here.
    pub(super) fn pids(&self) -> impl Iterator<Item = i32> {
        self.by_pid.keys().copied()
    }

    /// /dev/null as stdin, and as stdout and stderr what the output process reads, or else these.
    pub(super) fn streams(&self, plain: (RawFd, RawFd), shown: Option<(RawFd, RawFd)>) -> Streams {
        let Some((stdout, stderr)) = shown else { return self.no_pipes(plain) };
        let lasting = vec![(0, self.null.as_raw_fd())];
        Streams { lasting, passing: vec![(1, stdout), (2, stderr)] }
    }

    /// /dev/null as stdin, and these as stdout and stderr.
    pub(super) fn no_pipes(&self, (stdout, stderr): (RawFd, RawFd)) -> Streams {
        let lasting = vec![(0, self.null.as_raw_fd()), (1, stdout), (2, stderr)];
        Streams { lasting, passing: Vec::new() }
    }

    /// Nothing to read, nowhere to write to, and this for errors.
    pub(crate) fn no_input_or_output(&self, stderr: RawFd) -> Streams {
        self.no_pipes((self.null.as_raw_fd(), stderr))
    }
}

/// A program that takes `supervise/service-lock` first, at this descriptor.
fn behind_lock(program: Program, lock_fd: RawFd) -> Program {
    let locked = move || match crate::sys::lock::wait_for(b"supervise/service-lock", lock_fd) {
        Ok(()) => program.go(),
        Err(_) => 111,
    };
    Program::Here(Box::new(locked))
}

/// Opens /dev/null, or a pipe at its end in a container that has no /dev/null.
fn open_null() -> Result<OwnedFd, Errno> {
    use nix::fcntl::open;
    let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC;
    open("/dev/null", flags, nix::sys::stat::Mode::empty())
        .or_else(|_| nix::unistd::pipe2(OFlag::O_CLOEXEC).map(|(read, _)| read))
}

impl Runtime {
    /// Reaps the children that have ended.
    pub(super) fn reap(&mut self) {
        for _ in 0..REAP_BATCH {
            match process::wait(-1, WaitPidFlag::WNOHANG) {
                Ok(Some((pid, status))) => self.ended(pid, status),
                Ok(None) => return,
                Err(_) => return self.note_alone(),
            }
        }
        // There may be more. Other events are handled first.
        self.children.reap_again = true;
    }

    pub(super) fn ended(&mut self, pid: Pid, status: WaitStatus) {
        let exit = match status.code() {
            Some(code) => Exit::Code(code),
            None => Exit::Signal(status.signal().unwrap_or(0)),
        };
        self.children.spawner.has_ended(pid);
        let whose = self.children.by_pid.remove(&pid.as_raw());
        whose.into_iter().for_each(|whose| self.note_process(whose, pid, exit));
        match whose {
            Some(Whose::Script(process)) => {
                if process.script == Script::Run {
                    // It may have notified its readiness before it ended.
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
            Some(Whose::Output) => self.output_ended(exit),
            Some(Whose::Looker) => self.looker_ended(status),
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
                // It counts as ready since its death, unless a finish script follows.
                service.status.ready_stamp = service.status.stamp;
                service.readiness = None;
            }
            Script::Finish => {
                service.processes.finish = None;
                service.status.ready_stamp = stamp();
            }
            Script::Stop => service.processes.stop = None,
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
            Ok(n) if buffer[..n].contains(&b'\n') => {
                service.readiness = None;
                service.status.ready_stamp = stamp();
                self.feed(Event::Ready(id));
            }
            Ok(_) => {}
        }
    }
}
