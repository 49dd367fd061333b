//! Starting the scripts of services, and the CMD: their words, descriptors and limits.

use super::Runtime;
use super::children::{Children, ProcessPlan, Streams, Whose};
use super::directory::{Inside, ServiceDirectory, Unreachable};
use super::health::ServiceHealth;
use super::output::Writer;
use super::poller::Source;
use super::reporter::Reporter;
use super::service::stamp;
use super::settings::RuntimeSettings;
use super::supervisors::ShownSupervisor;
use crate::definition::health::HealthPolicy;
use crate::definition::{Kind, Word};
use crate::engine::{Event, Exit, NotSpawned, Process, RETRY_FOR_MS, Script, Spawned};
use crate::graph::ServiceId;
use crate::sys::fd;
use crate::sys::process::WaitStatus;
use crate::sys::spawn::Session;
use crate::sys::why::{self, StartError};
use nix::fcntl::OFlag;
use nix::unistd::Pid;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// What a longrun's scripts get: an instance knows which one it is.
fn environment(env: &[Word], instance: Option<u32>) -> Vec<Word> {
    let mut env = env.to_vec();
    env.extend(instance.map(|number| format!("SIXTREE_INSTANCE={number}").into_bytes()));
    env
}

/// The name of the catch-all logger in the scan directory.
const CATCH_ALL: &str = "s6-svscan-log";

/// Under which name the CMD is shown.
const CMD: &str = "cmd";
/// The variables of a service with `notify`.
const NOTIFY_VARIABLES: [&[u8]; 2] = [b"NOTIFY_SOCKET=", b"WATCHDOG_USEC="];

/// The default `timeout-finish`, in ms.
const TIMEOUT_FINISH_MS: u32 = 5000;

/// The two numbers that a service's directory may set for `run`.
struct ScriptDescriptors {
    notification: Option<RawFd>,
    lock: Option<RawFd>,
}

impl Children {
    /// Starts a `run`: the child of a supervisor of its own, where one is to be shown and can be.
    fn start_run(
        &mut self,
        whose: Whose,
        plan: ProcessPlan,
        settings: &RuntimeSettings,
        name: &str,
        directory: &Inside,
    ) -> Result<(Pid, Option<ShownSupervisor>), StartError> {
        if settings.supervisors {
            let shown = self.start_supervised(whose, plan.clone(), settings, name, directory)?;
            if let Some((pid, supervisor)) = shown {
                return Ok((pid, Some(supervisor)));
            }
        }
        Ok((self.start(whose, plan, settings, directory)?, None))
    }
}

impl Runtime {
    /// Starts a script; the answer for the engine.
    pub(super) fn spawn(&mut self, process: Process) -> Event {
        let answer = match process.script {
            Script::Run => self.spawn_run(process),
            Script::Finish => self.spawn_finish(process).inspect_err(|_| {
                // Nothing is left to wait for: it is down and ready from now on.
                if let Some(service) = self.services.get_mut(&process.service) {
                    service.status.ready_stamp = stamp();
                }
            }),
            Script::Stop => self.spawn_stop(process),
            Script::Up | Script::Down | Script::Reload => return self.spawn_oneshot(process),
        };
        match answer {
            Ok(spawned) => Event::Spawned(process, spawned),
            Err(why) => Event::NotSpawned(process, why),
        }
    }

    fn spawn_run(&mut self, process: Process) -> Result<Spawned, NotSpawned> {
        let id = process.service;
        let streams = self.streams(id);
        let policy = self.health_policy(id);
        let rules = policy.as_ref().map(|policy| policy.rules);
        let env = self.env_with(policy.as_ref());
        let Some((service, directory)) = self.services.enter(id) else {
            return Err(NotSpawned::Invalid);
        };
        let reporter = &mut self.reporter;
        let directory = directory
            .map_err(|e| unreachable(reporter, &service.name, "run", &e, &mut service.refused))?;
        let numbers = numbers(&directory, reporter)?;
        let pipe = numbers.notification.map(|_| nix::unistd::pipe2(OFlag::O_CLOEXEC)).transpose();
        let pipe =
            pipe.map_err(|e| refused(&directory, reporter, "run", e.into(), &mut service.refused))?;
        let argv = vec![b"./run".to_vec(), service.name.clone().into_bytes()];
        let env = environment(&env, service.instance);
        let mut plan = ProcessPlan::new(argv, env, streams);
        if let (Some(number), Some((_, write))) = (numbers.notification, &pipe) {
            plan.streams.passing.push((number, write.as_raw_fd()));
        }
        plan.new_pid_namespace = directory.flag("flag-newpidns");
        plan.lock_fd = numbers.lock;
        let (whose, settings) = (Whose::Script(process), &self.settings);
        let started = self.children.start_run(whose, plan, settings, &service.name, &directory);
        let (pid, supervisor) =
            started.map_err(|e| refused(&directory, reporter, "run", e, &mut service.refused))?;
        service.processes.run = Some(pid);
        service.refused = None;
        service.status.stamp = stamp();
        service.readiness = None;
        service.health = policy.map(|policy| Box::new(ServiceHealth::new(policy)));
        if let Some((read, _)) = pipe {
            self.watch_readiness(id, read);
        }
        match supervisor {
            Some(supervisor) => self.follow_supervisor(id, supervisor),
            None if self.settings.supervisors => self.show_supervisor_later(id),
            None => {}
        }
        let asked = rules.is_some_and(|rules| rules.awaits_ready);
        let notifies = numbers.notification.is_some() || asked;
        Ok(Spawned { notifies, timeout_ms: 0, health: rules })
    }

    /// The environment of `run`: with the socket for its messages, if it has one.
    fn env_with(&mut self, policy: Option<&HealthPolicy>) -> Vec<Word> {
        let variables = policy.map(|policy| self.notify_variables(policy)).unwrap_or_default();
        let mut env = self.settings.env.clone();
        if !variables.is_empty() {
            let is_ours =
                |entry: &Word| NOTIFY_VARIABLES.iter().any(|name| entry.starts_with(name));
            env.retain(|entry| !is_ours(entry));
            env.extend(variables);
        }
        env
    }

    /// Waits for the newline by which a service reports its readiness.
    fn watch_readiness(&mut self, id: ServiceId, pipe: OwnedFd) {
        let Some(service) = self.services.get_mut(&id) else { return };
        let watched = fd::set_nonblocking(pipe.as_raw_fd(), true)
            .and_then(|()| self.poller.watch(&pipe, Source::Readiness(id)));
        if let Err(e) = watched {
            let name = &service.name;
            self.reporter.warn(&format!(
                "s6-supervise {name}: warning: unable to wait for its readiness: {}",
                crate::sys::errno::text(e)
            ));
        }
        service.readiness = Some(pipe);
    }

    fn spawn_finish(&mut self, process: Process) -> Result<Spawned, NotSpawned> {
        let id = process.service;
        let streams = self.streams(id);
        let Some((service, directory)) = self.services.enter(id) else {
            return Err(NotSpawned::Absent);
        };
        let reporter = &mut self.reporter;
        let directory = directory.map_err(|e| {
            unreachable(reporter, &service.name, "finish", &e, &mut service.refused)
        })?;
        if !directory.flag("finish") {
            return Err(NotSpawned::Absent);
        }
        let ended = WaitStatus(i32::from(service.status.wait_status));
        let last_run = service.processes.last_run.map_or(0, Pid::as_raw);
        let code = ended.code().map_or(256, u32::from);
        let signal = ended.signal().unwrap_or(0);
        let words = ["./finish".to_owned(), code.to_string(), signal.to_string()];
        let argv = words.into_iter().chain([service.name.clone(), last_run.to_string()]);
        let argv = argv.map(String::into_bytes).collect();
        let plan =
            ProcessPlan::new(argv, environment(&self.settings.env, service.instance), streams);
        let timeout_ms = directory.number("timeout-finish", reporter).unwrap_or(TIMEOUT_FINISH_MS);
        let started = self.children.start(Whose::Script(process), plan, &self.settings, &directory);
        let pid = started.map_err(|e| {
            let failure = if e.is_temporary() { delayed } else { refused };
            failure(&directory, reporter, "finish", e, &mut service.refused)
        })?;
        service.refused = None;
        service.processes.finish = Some(pid);
        Ok(Spawned { timeout_ms, ..Spawned::default() })
    }

    /// Runs `stop NAME PID`. The service has `timeout-stop`, or else `timeout-kill`, from now on.
    fn spawn_stop(&mut self, process: Process) -> Result<Spawned, NotSpawned> {
        let id = process.service;
        let streams = self.children.no_pipes(self.settings.outputs);
        let Some((service, Ok(directory))) = self.services.enter(id) else {
            return Err(NotSpawned::Invalid);
        };
        let reporter = &mut self.reporter;
        let pid = service.processes.run.map_or(0, Pid::as_raw);
        let argv = ["./stop".to_owned(), service.name.clone(), pid.to_string()];
        let argv = argv.map(String::into_bytes).to_vec();
        let plan = ProcessPlan::new(argv, self.settings.env.clone(), streams);
        let limit = directory.number("timeout-stop", reporter);
        let limit = limit.or_else(|| directory.number("timeout-kill", reporter));
        let started = self.children.start(Whose::Script(process), plan, &self.settings, &directory);
        let pid = started.map_err(|e| {
            let text =
                format!("unable to spawn ./stop: {}; sending the down signal", e.reason(b"./stop"));
            directory.warn(reporter, &text);
            NotSpawned::Refused
        })?;
        service.processes.stop = Some(pid);
        Ok(Spawned { timeout_ms: limit.unwrap_or(0), ..Spawned::default() })
    }

    /// Runs a line of a oneshot, with the stdio of whoever asked for the change.
    fn spawn_oneshot(&mut self, process: Process) -> Event {
        let id = process.service;
        let argv = self.line(process);
        let Some(program) = argv.first() else {
            return Event::NotSpawned(process, NotSpawned::Absent);
        };
        let (word, program) = (program.clone(), why::name(program));
        let streams = match self.clients.stdio_for(id) {
            Some(stdio) => Streams { passing: (0..).zip(stdio).collect(), ..Streams::default() },
            None => self.shown_streams(id, self.settings.outputs),
        };
        let Some((service, directory)) = self.services.enter(id) else {
            return Event::NotSpawned(process, NotSpawned::Invalid);
        };
        let directory = match directory {
            Ok(directory) => directory,
            Err(e) => {
                let text = format!("unable to run {program} for {}: {e}", service.name);
                self.report_for(id, &format!("s6-rc-oneshot-run: fatal: {text}"));
                return Event::NotSpawned(process, NotSpawned::Invalid);
            }
        };
        let mut env = self.settings.env.clone();
        env.push([b"RC_NAME=", service.name.as_bytes()].concat());
        let plan = ProcessPlan::new(argv, env, streams);
        match self.children.start(Whose::Script(process), plan, &self.settings, &directory) {
            Ok(pid) => {
                service.refused = None;
                service.processes.oneshot = Some(pid);
                service.status.stamp = stamp();
                Event::Spawned(process, Spawned::default())
            }
            Err(e) if e.is_temporary() => {
                let why = e.reason(&word);
                let text = format!("unable to run {program}{}: {why}", again());
                if service.refused.replace(why).is_none() {
                    self.report_for(id, &format!("s6-rc-oneshot-run: warning: {text}"));
                }
                Event::NotSpawned(process, NotSpawned::Delayed)
            }
            Err(e) => {
                let text = format!("unable to exec {program}: {}", e.reason(&word));
                self.report_for(id, &format!("s6-rc-oneshot-run: fatal: {text}"));
                self.pending_exit(process, e.exit_code())
            }
        }
    }

    /// The words of a oneshot's line.
    fn line(&self, process: Process) -> Vec<Word> {
        match self.engine.graph().definition(process.service).map(|d| &d.kind) {
            Some(Kind::Oneshot(o)) => match process.script {
                Script::Down => o.down.clone(),
                Script::Reload => o.reload.clone(),
                Script::Up | Script::Run | Script::Finish | Script::Stop => o.up.clone(),
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
        let plain = cmd.outputs;
        let shown = self.shown_ends(Writer::Cmd, CMD, None, plain);
        let cmd = self.settings.cmd.as_ref()?;
        let mut streams = self.children.streams(plain, shown);
        streams.lasting.retain(|(number, _)| *number != 0);
        streams.lasting.push((0, 0));
        let mut plan = ProcessPlan::new(cmd.argv.clone(), cmd.env.clone(), streams);
        plan.session = Session::Foreground;
        let word = cmd.argv.first().cloned().unwrap_or_default();
        let name = why::name(&word);
        let started = match self.services.working.enter_other(&cmd.directory) {
            Ok(inside) => self
                .children
                .start(Whose::Cmd, plan, &self.settings, &inside)
                .map_err(|e| (Some(e), e.exit_code(), e.reason(&word))),
            Err(e) => Err((None, StartError::Exec(e.errno).exit_code(), e.to_string())),
        };
        match started {
            Ok(pid) => {
                self.children.cmd = Some(pid);
                self.note_cmd(&name, pid);
                self.write_cmd_pid(pid);
                None
            }
            Err((Some(e), _, why)) if e.is_temporary() => {
                if !std::mem::replace(&mut self.children.cmd_delayed, true) {
                    let text = format!("unable to run the CMD {name}{}: {why}", again());
                    self.reporter.line(&format!("sixtree: warning: {text}"));
                }
                Some(Event::CmdDelayed)
            }
            Err((_, code, why)) => {
                self.reporter.line(&format!("sixtree: fatal: unable to run the CMD {name}: {why}"));
                Some(Event::CmdExited(Exit::Code(code)))
            }
        }
    }

    /// A longrun's stdin, stdout and stderr: its pipes, if it has any. The catch-all logger is the
    /// one service that writes to the container's own.
    fn streams(&mut self, id: ServiceId) -> Streams {
        let pipes = self.pipelines.ends(id);
        let Streams { mut lasting, mut passing } = match self.is_catch_all(id) {
            true => self.children.no_pipes(self.output.container()),
            false => self.shown_streams(id, self.settings.outputs),
        };
        for (number, end) in [(0, pipes.input), (1, pipes.output)] {
            if let Some(end) = end {
                lasting.retain(|&(to, _)| to != number);
                passing.retain(|&(to, _)| to != number);
                passing.push((number, end));
            }
        }
        Streams { lasting, passing }
    }

    /// Nothing to read, and to write to what a service is shown by: the output process, or these.
    fn shown_streams(&mut self, id: ServiceId, plain: (RawFd, RawFd)) -> Streams {
        let definition = self.engine.graph().definition(id);
        let of_tree = definition.and_then(|definition| definition.log);
        let Some(service) = self.services.get(&id) else { return self.children.no_pipes(plain) };
        let (name, mode) = (service.name.clone(), of_tree.or(service.log));
        let shown = self.shown_ends(Writer::Service(id), &name, mode, plain);
        self.children.streams(plain, shown)
    }

    /// Whether a service is the catch-all logger.
    pub(super) fn is_catch_all(&self, id: ServiceId) -> bool {
        !self.settings.catch_all.is_empty()
            && self.services.get(&id).is_some_and(|s| s.name == CATCH_ALL)
    }
}

fn numbers(
    directory: &ServiceDirectory,
    reporter: &mut Reporter,
) -> Result<ScriptDescriptors, NotSpawned> {
    let notification = directory.descriptor("notification-fd", reporter);
    let lock = directory.descriptor("lock-fd", reporter);
    if notification.is_some() && notification == lock {
        let text = "notification-fd and lock-fd are the same: the service is not started; change \
                    one of them, then s6-svc -u";
        directory.warn(reporter, text);
        return Err(NotSpawned::Invalid);
    }
    Ok(ScriptDescriptors { notification, lock })
}

/// Reports that a script of a longrun is not started because its directory cannot be entered.
fn unreachable(
    reporter: &mut Reporter,
    name: &str,
    script: &str,
    why: &Unreachable,
    refused: &mut Option<String>,
) -> NotSpawned {
    reporter.warn(&format!("s6-supervise {name}: warning: unable to spawn ./{script}: {why}"));
    *refused = Some(why.to_string());
    NotSpawned::Invalid
}

/// The end of a message about a process that the kernel refuses for now.
fn again() -> String {
    format!(" (trying again for {} seconds)", RETRY_FOR_MS / 1000)
}

/// Reports that the kernel refuses a process of a longrun for now; once, until one could be
/// started.
fn delayed(
    directory: &ServiceDirectory,
    reporter: &mut Reporter,
    script: &str,
    e: StartError,
    refused: &mut Option<String>,
) -> NotSpawned {
    let why = e.reason(format!("./{script}").as_bytes());
    let text = format!("unable to spawn ./{script}{}: {why}", again());
    if refused.replace(why).is_none() {
        directory.warn(reporter, &text);
    }
    NotSpawned::Delayed
}

/// Reports that the system does not start a script of a longrun.
///
/// Differs: s6-supervise tries again as we do, and does not say why.
fn refused(
    directory: &ServiceDirectory,
    reporter: &mut Reporter,
    script: &str,
    e: StartError,
    refused: &mut Option<String>,
) -> NotSpawned {
    let why = e.reason(format!("./{script}").as_bytes());
    let when = if script == "run" { " (waiting 60 seconds)" } else { "" };
    directory.warn(reporter, &format!("unable to spawn ./{script}{when}: {why}"));
    reporter.warn_of_descriptors(e.errno());
    *refused = Some(why);
    NotSpawned::Refused
}
