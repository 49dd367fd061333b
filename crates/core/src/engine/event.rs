//! All that the engine, which decides, and the runtime, which acts, say to each other.

pub use super::exit::{EndDefaults, Exit, FailureRow, Rest};
pub use crate::format::request::Outcome;

use crate::definition::EndPolicy;
use crate::definition::health::{HealthRules, Reaction};
use crate::graph::ServiceId;
use std::sync::Arc;

/// Milliseconds on a clock that never goes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

/// The first number of a scanned directory: the numbers below are for trees, those that are still
/// to come as well.
pub const FIRST_SCANNED: u32 = 1 << 31;

/// For how long starting a process is tried again where the kernel refuses one for now, in ms.
pub const RETRY_FOR_MS: u64 = 5_000;

/// A script of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Script {
    /// A longrun's `run`.
    Run,
    /// A longrun's `finish`.
    Finish,
    /// A longrun's `stop`.
    Stop,
    /// A oneshot's `up`.
    Up,
    /// A oneshot's `down`.
    Down,
    /// A oneshot's `reload`.
    Reload,
}

/// A process that the engine asked for. There is at most one per service and script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Whose it is.
    pub service: ServiceId,
    /// What it runs.
    pub script: Script,
}

/// Whom a signal is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A process alone.
    Process,
    /// Its process group.
    Group,
}

/// What to send to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// TERM.
    Term,
    /// KILL, to its process group.
    KillGroup,
    /// STOP.
    Pause(Target),
    /// CONT.
    Continue(Target),
    /// The signal of this number, which somebody has asked for by its letter.
    Number(u8),
    /// What its `down-signal` says (TERM). Answered by `Event::Stopping`.
    Down,
    /// What its `reload-signal` says (HUP).
    Reload,
    /// Its `timeout-kill` or `timeout-finish` is over: KILL then CONT, to the process, or to its
    /// group where `flag-timeout-killpg` says so.
    TimedOut,
}

/// One byte of `supervise/control` (s6-svc's letters).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// `u`, and `U` (which also removes `./down`).
    Up {
        /// `U`.
        permanently: bool,
    },
    /// `d`, and `D` (which also creates `./down`).
    Down {
        /// `D`.
        permanently: bool,
    },
    /// `o`: start now if it is down, and do not restart.
    Once,
    /// `O`, and `Q` (which also creates `./down`): do not restart.
    AtMostOnce {
        /// `Q`.
        permanently: bool,
    },
    /// `x`: the supervisor leaves when the service is down.
    Exit,
    /// `r`: `down-signal`, without wanting it down.
    Restart,
    /// `l`: `reload-signal`.
    Reload,
    /// `p`, and `P` (which is for the process group).
    Pause(Target),
    /// `c`, and `C` (which is for the process group).
    Continue(Target),
    /// `K`: KILL to the process group.
    KillGroup,
    /// A letter that is just a signal.
    Signal(u8),
}

/// What the listeners of a service's `event/` are notified of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A supervisor has started.
    Supervised,
    /// `run` runs.
    Up,
    /// `run` has notified its readiness.
    Ready,
    /// `run` has died.
    Died,
    /// `finish` exited 125: it is not started again.
    GaveUp,
    /// `finish` has ended, or there is none.
    Down,
    /// The supervisor has left.
    Unsupervised,
}

/// Who asked: the boot, a client of the control socket, or the shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u32);

/// The change of the boot. Its reports go to the container's stderr.
pub const BOOT: RequestId = RequestId(0);
/// The change of the shutdown. Its reports go to the container's stderr.
pub const SHUTDOWN: RequestId = RequestId(1);

/// `s6-rc change`, in the words of its options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The services named (bundles resolved), before any closure.
    pub selection: Vec<ServiceId>,
    /// `-d` or `-D` rather than `-u`.
    pub down: bool,
    /// `-p`.
    pub prune: bool,
    /// `-a`: every service that is up is selected too.
    pub all: bool,
    /// `-e` or `-D`: essential services may be stopped.
    pub essential: bool,
    /// `-t`, in ms; 0 is for ever.
    pub timeout_ms: u64,
    /// `-b`: wait for a change under way, rather than fail as busy.
    pub wait: bool,
    /// `-n`: report what would be done, and do nothing.
    pub dry_run: bool,
}

/// How the container is to be run: what /init learned from its arguments and the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    /// What to bring up (the bundle `top`), before any closure.
    pub top: Vec<ServiceId>,
    /// `S6_CMD_WAIT_FOR_SERVICES_MAXTIME`, in ms; 0 is for ever.
    pub boot_timeout_ms: u64,
    /// `S6_BEHAVIOUR_IF_STAGE2_FAILS`: 0 go on, 1 warn, 2 stop.
    pub if_boot_fails: u8,
    /// Whether there is a CMD. Without one the container runs until it is stopped.
    pub has_cmd: bool,
    /// `S6_CMD_RECEIVE_SIGNALS`.
    pub cmd_receives_signals: bool,
    /// `S6_KILL_GRACETIME`: the longest time between the last TERM and KILL, in ms.
    pub kill_grace_ms: u64,
    /// `SIXTREE_SHUTDOWN_MAXTIME`: the longest that stopping the services may take, in ms; 0 is
    /// for ever.
    pub shutdown_timeout_ms: u64,
    /// What an end means where a service does not say it.
    pub ends: EndDefaults,
}

/// News from the world.
///
/// The answer to a command comes before any other event, and answers come in the order of their
/// commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The answer to `Command::Spawn`: it runs.
    Spawned(Process, Spawned),
    /// The answer to `Command::Spawn`: it does not.
    NotSpawned(Process, NotSpawned),
    /// A process ended. Never sent for one that was not spawned.
    Exited(Process, Exit),
    /// A longrun wrote a newline to its notification descriptor.
    Ready(ServiceId),
    /// The answer to `Signal::Down`: its `timeout-kill`, in ms (0: never).
    Stopping(ServiceId, u32),
    /// A byte came through `supervise/control`.
    Control(ServiceId, Control),
    /// The answer to `Command::Draw`: any number, each as likely as the next.
    Drawn(ServiceId, u32),
    /// Somebody has looked at `run`, as `Command::Look` says.
    Checked(ServiceId, Checked),
    /// `run` asks for so many milliseconds more, from now on, for what it is doing.
    ExtendTimeout(ServiceId, u32),

    /// A change is asked for. Answered by `Command::Done`, sooner or later.
    Change(RequestId, Change),
    /// `s6-rc reload` of the selection, without any closure; of the options, `timeout_ms`, `wait`
    /// and `dry_run` matter. Answered by `Command::Done`.
    Reload(RequestId, Change),
    /// Whoever asked has gone, or gave up: what has not started need not start.
    Abort(RequestId),

    /// The answer to `Command::Supervise`: it is supervised.
    Supervised(ServiceId, Supervised),
    /// The answer to `Command::Supervise`: it is not, and runtime has said why (for one, another
    /// supervisor holds the lock). Tried again every second while its directory is there.
    NotSupervised(ServiceId),
    /// A service directory appeared in the scan directory, or came back to it: it is to be
    /// supervised. (A longrun of the graph is there from the boot on, without this.)
    Appeared(ServiceId, Scanned),
    /// A scanned directory has gone from the scan directory; its service runs on until `Prune`.
    Vanished(ServiceId),
    /// `s6-svscanctl -n` or `-N`: services whose directories have gone are stopped, and dropped
    /// when they are down. Loggers are not stopped: they end by themselves when their stdin does.
    Prune {
        /// `-N`: loggers get a TERM too.
        loggers: bool,
    },
    /// The scan directory is left (`s6-svscanctl -t`, `-q`, `-b`), where there is no container.
    Leave {
        /// `-q`: loggers get a TERM too.
        loggers: bool,
        /// `-b`: without stopping anything.
        at_once: bool,
    },

    /// The container starts: every longrun of the graph is supervised, then all comes up.
    Boot(Container),
    /// The CMD ended (127 or 126 if it could not even start).
    CmdExited(Exit),
    /// The answer to `Command::StartCmd` where there is no room for another process now.
    CmdDelayed,
    /// A stop is asked for: TERM and its kind to PID 1, or `halt`.
    Stop,
    /// A signal came that the CMD may want (`S6_CMD_RECEIVE_SIGNALS`); else it is a `Stop` if
    /// `stops` is true, and nothing if not.
    Signal {
        /// The signal's number.
        number: u8,
        /// Whether it stops the container when the CMD does not take it.
        stops: bool,
    },
    /// No process is left but this one.
    Alone,
    /// The deadline has passed.
    Timeout,
}

/// What is known once a process runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spawned {
    /// For `run`: whether `notification-fd` was there to be set up.
    pub notifies: bool,
    /// For `finish`: `timeout-finish`, for `stop`: `timeout-stop`, in ms (0: never). Otherwise 0.
    pub timeout_ms: u32,
    /// For `run`: how its health is judged, where somebody is to look at it.
    pub health: Option<HealthRules>,
}

/// What was found by looking at a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// All of its health checks have passed.
    Passed,
    /// One has failed.
    Failed,
    /// It has not given the sign of life that it must give, or says itself that it is unwell.
    WatchdogMissed,
    /// It uses more memory than it may.
    TooMuchMemory,
}

/// What to look at of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing: it has ended.
    Nothing,
    /// Whether it is ready.
    Readiness,
    /// Whether it is well, and what it uses.
    Health,
    /// Only what it says by itself: it is paused, or was told to end.
    Words,
}

/// Why there is no process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSpawned {
    /// There is no such script (a service without `finish`): nothing is wrong.
    Absent,
    /// The system refused: runtime has said why.
    Refused,
    /// There is no room for another process now (a limit of the container, or no memory). Oneshots
    /// and `finish` are tried again for `RETRY_FOR_MS`, and what depends on them waits.
    Delayed,
    /// The service directory is wrong in a way that only a change of it can mend (for one,
    /// notification-fd equal to lock-fd): no retry until a control letter asks for one.
    Invalid,
}

/// What is known of a directory that appeared in the scan directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// It is the `log` of another one.
    pub logger: bool,
}

/// What is known of a directory once it is supervised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supervised {
    /// It has a `down` file: it is not started for now. (A longrun of the graph has one until a
    /// change has brought it up.)
    pub down: bool,
    /// What its end means, where files of a scanned directory say so. (Of a longrun of the graph,
    /// its definition says it.)
    pub ends: Option<Arc<EndPolicy>>,
    /// A scanned directory has a `stop` script.
    pub has_stop: bool,
}

/// What is to be done. Runtime does it at once, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start a process. Answered by `Event::Spawned` or `Event::NotSpawned`.
    Spawn(Process),
    /// Signal a process, or its group.
    Signal(Process, Signal),
    /// Stop caring about a process: a oneshot's script whose time is over. It gets a TERM, and may
    /// run on.
    Forget(Process),
    /// Rewrite `supervise/status` from `Engine::longrun`.
    Status(ServiceId),
    /// Notify the listeners of `event/` of all of these, in one write.
    Notify(ServiceId, &'static [Notice]),
    /// Append a death of `run` to `supervise/death_tally`.
    Tally(ServiceId, Exit),
    /// Draw a number. Answered by `Event::Drawn`.
    Draw(ServiceId),
    /// Look at this of `run` from now on, and send what is found as `Event::Ready` and
    /// `Event::Checked`. Only for one that came with `HealthRules`.
    Look(ServiceId, Look),
    /// Report that a service is unwell, why, and what is done about it.
    Unwell(ServiceId, Checked, Reaction),
    /// Create (true) or remove (false) the `down` file of the live service directory.
    DownFile(ServiceId, bool),
    /// Supervise a directory (again): take the lock, open the FIFO, empty the tally, and look for
    /// a `down` file. Answered by `Event::Supervised` or `Event::NotSupervised`.
    Supervise(ServiceId),
    /// End the supervision of a directory: close the FIFO, give up the lock.
    Unsupervise(ServiceId),
    /// The service has gone for good: forget all that is known of it.
    Drop(ServiceId),

    /// Report to whoever made the request.
    Report(RequestId, Report),
    /// The request has come to its end.
    Done(RequestId, Outcome),

    /// Start the CMD. Answered by `Event::CmdDelayed`, or, when it ends, by `Event::CmdExited`.
    StartCmd,
    /// Signal the CMD.
    SignalCmd(u8),
    /// Make this the container's exit code.
    ExitCode(u8),
    /// A service has ended by failure: report it. Not every end of a row is.
    ReportFailures(ServiceId, FailureRow),
    /// A service is given up: report it.
    ReportRest(ServiceId, Rest),
    /// This service stops the container: say so, and make the code of its end the container's,
    /// unless a script has set one.
    StopFor(ServiceId, Rest),
    /// TERM (and CONT) to every process but this one. From now on runtime sends `Event::Alone`.
    TermAll,
    /// KILL to every process but this one.
    KillAll,
    /// Leave the loop.
    Exit,
}

/// What happened in the course of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// `service X: starting`.
    Starting(ServiceId),
    /// `service X successfully started`.
    Started(ServiceId),
    /// `unable to start service X: …`.
    NotStarted(ServiceId, Failure),
    /// `service X: stopping`.
    Stopping(ServiceId),
    /// `service X successfully stopped`.
    Stopped(ServiceId),
    /// `unable to stop service X: …`.
    NotStopped(ServiceId, Failure),
    /// `service X: already up`.
    AlreadyUp(ServiceId),
    /// `service X: already down`.
    AlreadyDown(ServiceId),
    /// `service X is marked as essential, not stopping it`.
    Essential(ServiceId),
    /// The service is being reloaded. (s6-rc has no word for it.)
    Reloading(ServiceId),
    /// `service X successfully reloaded`.
    Reloaded(ServiceId),
    /// `unable to reload service X: …`.
    NotReloaded(ServiceId, Failure),
    /// The shutdown waits no longer for this service, which runs although it is not up.
    Left(ServiceId),
    /// The shutdown has waited for 2 s (and then every 10 s) for this service.
    StillWaiting(ServiceId),
    /// The boot did not bring all services up (said if `if_boot_fails` is above 0).
    BootFailed,
    /// And so the container stops.
    BootFatal,
    /// `SIXTREE_SHUTDOWN_MAXTIME` is over; this service was late.
    Late(ServiceId),
}

/// Why a transition failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its script exited with this code.
    Exited(u8),
    /// A signal killed its script.
    Crashed(u8),
    /// It did not make it in `timeout-up` or `timeout-down`.
    TimedOut,
    /// Its `finish` exited 125, or its supervisor left.
    Permanent,
    /// Its script could not be started.
    NotSpawned,
    /// The change was given up (a signal, or a stop of the container).
    Aborted,
}
