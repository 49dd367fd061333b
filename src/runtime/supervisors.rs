//! `SIXTREE_SUPERVISORS=1`: a process `s6-supervise NAME` for each longrun, which is the parent of
//! its `run`, for scripts that look for one. Nothing else depends on it: PID 1 supervises.
//!
//! For a start, PID 1 forks the supervisor with all that `run` gets. That one forks `run`, says its
//! pid, and then executes this program again under its name, so that it has the words that `ps`
//! shows. It looks at the end of its child without taking it (WNOWAIT), says what it was, and takes
//! it when PID 1 has answered. Whenever the supervisor dies, `run` or what is left of it becomes a
//! child of PID 1, which is its reaper, and no end is lost: the second report of one is ignored.
//! Another supervisor is then shown in its place, a second later, as s6-svscan starts one again.
//! The supervisor of the start before leaves when PID 1 closes its socket, and so does one whose
//! service is supervised no more. One that is stopped cannot report; it is continued with every
//! signal that `run` gets, so that it holds up no stop.

use super::Runtime;
use super::children::{Children, ProcessPlan, Whose};
use super::directory::Inside;
use super::poller::Source;
use super::service::Service;
use super::settings::RuntimeSettings;
use crate::engine::Time;
use crate::graph::ServiceId;
use crate::sys::exec::{Execve, set_comm};
use crate::sys::poll::{self, Deadline};
use crate::sys::process::{self, WaitStatus};
use crate::sys::spawn::{Child, Program, SpawnError, spawn};
use crate::sys::why::StartError;
use crate::sys::{errno, fd};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::socket::{AddressFamily, Shutdown, SockFlag, SockType, shutdown, socketpair};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus as Waited, waitid};
use nix::unistd::{Pid, pipe2, setsid};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};

/// The variable that makes s6-supervise such a process: the descriptor of its socket.
pub(crate) const REPORTS_TO: &str = "SIXTREE_REPORTS_TO";

/// How long PID 1 waits for a supervisor to fork its child, in ms. It has nothing else to do; where
/// it does not come to that, PID 1 starts `run` itself.
const FORK_MS: u64 = 250;

/// How long after the death of a supervisor another one is shown, in ms.
const SHOW_AGAIN_MS: u64 = 1_000;

/// What the supervisor reports: the pid of its child, and how it ended; `STARTED` when it begins.
type SupervisorReport = (i32, i32);

const STARTED: i32 = -1;

/// The process that shows itself as a service's supervisor.
#[derive(Debug)]
pub(crate) struct ShownSupervisor {
    /// Its end comes when the process has gone.
    socket: OwnedFd,
    pid: Pid,
}

impl ShownSupervisor {
    /// Lets it report the end of its child if somebody has stopped it.
    pub(super) fn resume(&self) {
        // It may have gone.
        let _ = process::kill(self.pid.as_raw(), nix::libc::SIGCONT as u8);
    }
}

/// The services whose supervisors have died, and when they get others.
#[derive(Debug, Default)]
pub(crate) struct Bereaved(VecDeque<(Time, ServiceId)>);

impl Bereaved {
    /// When the next one gets one.
    pub(crate) fn due(&self) -> Option<Time> {
        self.0.front().map(|(at, _)| *at)
    }
}

impl Children {
    /// Starts `run` as the child of a supervisor of its own; its pid, and the supervisor. `None`:
    /// that one did not come to start it, and will not.
    pub(super) fn start_supervised(
        &mut self,
        whose: Whose,
        mut plan: ProcessPlan,
        settings: &RuntimeSettings,
        name: &str,
        _: &Inside,
    ) -> Result<Option<(Pid, ShownSupervisor)>, StartError> {
        let (ours, theirs) = socket_pair()?;
        let argv = std::mem::take(&mut plan.argv);
        let program = plan.behind_lock((settings.launch)(argv, &plan.env)?);
        let namespace = std::mem::take(&mut plan.new_pid_namespace);
        let supervisor = fork_supervisor(plan, settings, name, &theirs, move |report| {
            start_run(program, namespace, report)
        })?;
        drop(theirs);
        let said = poll::readable(&[&ours], Deadline::after_ms(FORK_MS));
        if !said.is_ok_and(|ready| !ready.is_empty()) {
            // From here on its word does not arrive, and without it, the child that it may have by
            // now does not go on.
            let _ = shutdown(ours.as_raw_fd(), Shutdown::Read);
            let _ = process::kill(supervisor.as_raw(), nix::libc::SIGKILL as u8);
        }
        match receive(&ours) {
            Ok(Some((pid, STARTED))) if pid > 0 => {
                self.record(pid, whose);
                let shown = ShownSupervisor { socket: ours, pid: supervisor };
                Ok(Some((Pid::from_raw(pid), shown)))
            }
            Ok(Some((_, e))) => Err(SpawnError::Process(Errno::from_raw(e)).into()),
            Ok(None) | Err(_) => Ok(None),
        }
    }
}

fn socket_pair() -> Result<(OwnedFd, OwnedFd), SpawnError> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let pair = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags);
    let (ours, theirs) = pair.map_err(SpawnError::Process)?;
    fd::set_nonblocking(ours.as_raw_fd(), true).map_err(SpawnError::Process)?;
    Ok((ours, theirs))
}

/// Forks a process that has what a plan says, does something, and becomes a supervisor.
fn fork_supervisor(
    plan: ProcessPlan,
    settings: &RuntimeSettings,
    name: &str,
    socket: &OwnedFd,
    first: impl FnOnce(RawFd) -> Result<(), Errno> + 'static,
) -> Result<Pid, SpawnError> {
    let streams = plan.streams;
    let given = streams.lasting.iter().chain(&streams.passing).map(|&(to, _)| to);
    let kept: Vec<RawFd> = given.chain(plan.lock_fd).collect();
    let report = kept.iter().copied().max().unwrap_or(2).max(2) + 1;
    let words = [b"s6-supervise".to_vec(), name.as_bytes().to_vec()];
    let env = [format!("{REPORTS_TO}={report}").into_bytes()];
    let execve = Execve::new(b"/proc/self/exe", &words, &env).map_err(SpawnError::Process)?;
    let body = move || {
        if let Err(e) = first(report) {
            // If PID 1 has gone, nobody waits for it.
            let _ = send(report, (0, e as i32));
            return 111;
        }
        kept.into_iter().for_each(fd::close);
        // Without /proc it is not called so, and watches all the same.
        execve.attempt();
        watch_child(report)
    };
    let mut passing = streams.passing;
    passing.push((report, socket.as_raw_fd()));
    let child = Child {
        session: plan.session,
        fds: &streams.lasting,
        passing: &passing,
        nofile: settings.nofile,
        new_pid_namespace: false,
    };
    spawn(&child, Program::Here(Box::new(body)))
}

/// In the supervisor: forks `run`, which goes on when its pid has been said and the supervisor has
/// its name: the end of the pipe for that word stands beside its socket.
fn start_run(program: Program, namespace: bool, report: RawFd) -> Result<(), Errno> {
    let (wait, go) = pipe2(OFlag::O_CLOEXEC)?;
    let (wait_fd, go_fd) = (wait.as_raw_fd(), go.as_raw_fd());
    let run = || {
        fd::close(go_fd);
        fd::close(report);
        let go = fd::read(wait_fd, &mut [0]);
        fd::close(wait_fd);
        // It leads no process group yet, so that this cannot fail.
        let _ = setsid();
        if go == Ok(1) { program.go() } else { 111 }
    };
    let pid = match namespace {
        true => process::fork_into_pid_namespace_to(run)?,
        false => process::fork_to(run)?,
    };
    send(report, (pid.as_raw(), STARTED))?;
    // Its number may be the one that is needed.
    drop(wait);
    fd::r#move(report + 1, go.into_raw_fd())
}

fn send(socket: RawFd, (pid, status): SupervisorReport) -> Result<(), Errno> {
    fd::write_all(socket, &[pid.to_ne_bytes(), status.to_ne_bytes()].concat())
}

/// The next report. `None`: the supervisor has gone.
fn receive(socket: &OwnedFd) -> Result<Option<SupervisorReport>, Errno> {
    let mut bytes = [0; 8];
    if fd::read(socket.as_raw_fd(), &mut bytes)? < bytes.len() {
        return Ok(None);
    }
    let [a, b, c, d, e, f, g, h] = bytes;
    Ok(Some((i32::from_ne_bytes([a, b, c, d]), i32::from_ne_bytes([e, f, g, h]))))
}

/// The supervisor's life, after its execve; its exit code.
pub(crate) fn watch_child(socket: RawFd) -> i32 {
    set_comm("s6-supervise");
    // A supervisor that only shows itself has nobody to wait for it.
    let _ = fd::write_all(socket + 1, b"\n");
    fd::close(socket + 1);
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
    let mut answer = [0; 1];
    loop {
        let (pid, status) = match waitid(Id::All, flags) {
            Ok(Waited::Exited(pid, code)) => (pid, code << 8),
            Ok(Waited::Signaled(pid, signal, core)) => {
                (pid, signal as i32 | if core { 0x80 } else { 0 })
            }
            Ok(_) | Err(Errno::EINTR) => continue,
            Err(_) => break,
        };
        if send(socket, (pid.as_raw(), status)).is_err() {
            return 0;
        }
        let answered = fd::read(socket, &mut answer);
        // Whose end is known may go.
        let _ = process::wait(pid.as_raw(), WaitPidFlag::WNOHANG);
        if answered != Ok(1) {
            return 0;
        }
    }
    // There is no child. PID 1 closes the socket when there is no more to show.
    while let Ok(1) = fd::read(socket, &mut answer) {}
    0
}

impl Runtime {
    /// Shows a supervisor for a service whose `run` is not, or no longer, the child of one.
    pub(super) fn show_supervisor(&mut self, id: ServiceId) {
        if !self.settings.supervisors {
            return;
        }
        let Some((service, Ok(_))) = self.services.enter(id) else { return };
        let plan = ProcessPlan::new(Vec::new(), Vec::new(), self.children.no_pipes((1, 2)));
        let shown = socket_pair().and_then(|(ours, theirs)| {
            let pid = fork_supervisor(plan, &self.settings, &service.name, &theirs, |_| Ok(()))?;
            Ok(ShownSupervisor { socket: ours, pid })
        });
        match shown {
            Ok(supervisor) => self.follow_supervisor(id, supervisor),
            Err(e) => {
                let text = format!("unable to show a supervisor: {e}");
                self.reporter.warn(&format!("s6-supervise {}: warning: {text}", service.name));
            }
        }
    }

    /// Waits for what a supervisor says of its child. The one of the start before leaves.
    pub(super) fn follow_supervisor(&mut self, id: ServiceId, supervisor: ShownSupervisor) {
        let Some(service) = self.services.get_mut(&id) else { return };
        if let Err(e) = self.poller.watch(&supervisor.socket, Source::Supervisor(id)) {
            let why = errno::text(e);
            self.reporter.warn(&format!(
                "s6-supervise {}: warning: unable to wait for its supervisor: {why}",
                service.name
            ));
        }
        service.supervisor = Some(supervisor);
    }

    /// Reads what a supervisor says: how `run` ended.
    pub(super) fn read_supervisor(&mut self, id: ServiceId) {
        let Some(service) = self.services.get_mut(&id) else { return };
        let Some(supervisor) = &service.supervisor else { return };
        match receive(&supervisor.socket) {
            Ok(Some((pid, status))) => {
                // One that has died meanwhile needs no answer.
                let _ = nix::unistd::write(&supervisor.socket, b"\n");
                self.ended(Pid::from_raw(pid), WaitStatus(status));
            }
            Err(Errno::EAGAIN) => {}
            Ok(None) | Err(_) => {
                service.supervisor = None;
                self.show_supervisor_later(id);
            }
        }
    }

    /// Has another supervisor shown for a service that is without one.
    pub(super) fn show_supervisor_later(&mut self, id: ServiceId) {
        let at = Time(self.now().0 + SHOW_AGAIN_MS);
        self.bereaved.0.push_back((at, id));
    }

    /// Shows the supervisors whose time has come, for services that are still supervised.
    pub(super) fn show_supervisors_if_due(&mut self) {
        let now = self.now();
        while let Some(&(_, id)) = self.bereaved.0.front().filter(|(at, _)| *at <= now) {
            self.bereaved.0.pop_front();
            let is_without =
                |service: &Service| service.supervision.is_some() && service.supervisor.is_none();
            if !self.is_ending() && self.services.get(&id).is_some_and(is_without) {
                self.show_supervisor(id);
            }
        }
    }
}
