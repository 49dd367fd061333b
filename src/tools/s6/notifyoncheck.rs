//! s6-notifyoncheck: asks again and again whether a daemon is ready, and says so when it is.
//! Reference: <https://skarnet.org/software/s6/s6-notifyoncheck.html>.

use crate::execline::lexer;
use crate::format::decimal;
use crate::sys::fifodir::Listener;
use crate::sys::poll::{Deadline, readable};
use crate::sys::process;
use crate::sys::signalfd::SignalQueue;
use crate::sys::{fd, lock};
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

const LONG: &[(&str, char)] = &[
    ("doublefork", 'd'),
    ("notification-fd", '3'),
    ("initial-sleep", 's'),
    ("global-timeout", 'T'),
    ("local-timeout", 't'),
    ("waiting-time", 'w'),
    ("tries", 'n'),
    ("check-program", 'c'),
];

/// How often to ask, and how long.
struct Policy {
    /// How long to wait before the first check.
    initial_sleep: Duration,
    /// How long to wait between two checks.
    pause: Duration,
    /// How many milliseconds one check may take; 0 is any time.
    local_timeout_ms: u64,
    /// When to give up.
    global: Deadline,
    /// After how many failed checks to give up; 0 is never.
    tries: u32,
}

/// Why the watch is over. The exit codes only tell them apart: nobody waits for the watcher.
#[derive(Clone, Copy)]
enum Over {
    Ready = 0,
    NeverReady = 1,
    DaemonDied = 2,
    TimedOut = 3,
}

/// `s6-notifyoncheck [ -d ] [ -3 fd ] [ -s ms ] [ -T ms ] [ -t ms ] [ -w ms ] [ -n tries ]
/// [ -c checkprog ] prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "d3:s:T:t:w:n:c:", LONG)?;
    if options.words().is_empty() {
        return Err(process.usage());
    }
    let notification = notification_fd(process, &options)?;
    let policy = policy(process, &options)?;
    let check = match options.value('c') {
        None => vec![b"./data/check".to_vec()],
        Some(line) => lexer::words(line).unwrap_or_else(|e| {
            // As with the original, the daemon runs all the same, and is never ready.
            process.warn(format_args!("invalid check-program: {e}"));
            vec![b"false".to_vec()]
        }),
    };
    let twice = options.has('d');
    let program = options.rest();
    require_supervisor(process)?;
    let (notified, notify) = fd::pipe_above_2().map_err(process.unable("pipe"))?;
    let notified_fd = notified.as_raw_fd();
    let watcher = || {
        fd::close(notified_fd);
        let over = watch(process, &check, &policy, notify.as_raw_fd());
        if matches!(over, Ok(Over::Ready)) {
            // A supervisor that has gone need not know.
            let _ = fd::write_all(notification, b"\n");
        }
        over.map_or(111, |over| over as i32)
    };
    let forked = match twice {
        true => process::fork_orphan_to(watcher),
        false => process::fork_to(watcher).map(drop),
    };
    forked.map_err(process.unable("fork"))?;
    drop(notify);
    fd::close(notification);
    // Otherwise the daemon could die before anybody listens.
    match fd::read(notified.as_raw_fd(), &mut [0]) {
        Ok(1) => Ok(program.into()),
        _ => Err(process.fatal(111, "unable to synchronize with child")),
    }
}

/// The descriptor that tells the supervisor: an option, or the file that tells the supervisor.
fn notification_fd(process: &Process, options: &Options) -> Result<RawFd, Exit> {
    let number = match options.value('3') {
        Some(word) => unsigned(process, "notification-fd", word)?,
        None => {
            let content = std::fs::read("notification-fd")
                .map_err(|e| process.fatal_errno("unable to read ./notification-fd", errno(&e)))?;
            let line = content.split(|&b| b == b'\n').next().unwrap_or_default();
            let number = decimal::parse(line);
            number.ok_or_else(|| process.fatal(100, "invalid ./notification-fd"))?
        }
    };
    match RawFd::try_from(number) {
        Ok(number) if fd::is_open(number) => Ok(number),
        _ => Err(process.fatal_errno("notification-fd sanity check failed", Errno::EBADF)),
    }
}

fn policy(process: &Process, options: &Options) -> Result<Policy, Exit> {
    let value = |letter, name, default| {
        options.value(letter).map_or(Ok(default), |word| unsigned(process, name, word))
    };
    let ms = |n: u32| Duration::from_millis(n.into());
    Ok(Policy {
        initial_sleep: ms(value('s', "initial-sleep", 10)?),
        pause: ms(value('w', "waiting-time", 1000)?),
        local_timeout_ms: value('t', "local-timeout", 0)?.into(),
        global: Deadline::after_ms(value('T', "global-timeout", 0)?),
        tries: value('n', "tries", 7)?,
    })
}

fn unsigned(process: &Process, name: &str, word: &[u8]) -> Result<u32, Exit> {
    let value = decimal::parse(word);
    value.ok_or_else(|| process.fatal(100, format_args!("{name} must be an unsigned integer")))
}

fn require_supervisor(process: &Process) -> Result<(), Exit> {
    match lock::is_locked(b"supervise/lock") {
        Ok(true) => Ok(()),
        Ok(false) => Err(process.fatal(100, "s6-supervise not running.")),
        Err(e) => Err(process.fatal_errno("unable to sanity-check current service directory", e)),
    }
}

/// What the child does: listens for the daemon's death, lets the parent go on, and asks.
fn watch(process: &Process, check: &[Word], policy: &Policy, notify: RawFd) -> Result<Over, Exit> {
    let subscribed = Listener::subscribe(b"event");
    let listener = subscribed.map_err(process.unable("subscribe to event fifodir"))?;
    let chld = SigSet::from_iter([Signal::SIGCHLD]);
    let signals = SignalQueue::catch(chld).map_err(process.unable("trap SIGCHLD"))?;
    fd::write_all(notify, b"\n").map_err(process.unable("synchronize with parent"))?;
    fd::close(notify);
    let mut watcher = Watcher { process, check, policy, listener, signals };
    watcher.ask_until_ready().map_err(process.unable("wait"))
}

struct Watcher<'a> {
    process: &'a Process,
    check: &'a [Word],
    policy: &'a Policy,
    listener: Listener,
    signals: SignalQueue,
}

impl Watcher<'_> {
    fn ask_until_ready(&mut self) -> Result<Over, Errno> {
        let mut asked = 0;
        let mut pause = self.policy.initial_sleep;
        while self.policy.tries == 0 || asked < self.policy.tries {
            if let Some(over) = self.sleep(pause)? {
                return Ok(over);
            }
            if let Some(over) = self.ask()? {
                return Ok(over);
            }
            pause = self.policy.pause;
            asked = asked.saturating_add(1);
        }
        Ok(Over::NeverReady)
    }

    /// Waits before the next check.
    fn sleep(&self, span: Duration) -> Result<Option<Over>, Errno> {
        let deadline = self.policy.global.or_sooner(Deadline::after(span));
        while !readable(&[self.listener.as_fd()], deadline)?.is_empty() {
            if self.daemon_died()? {
                return Ok(Some(Over::DaemonDied));
            }
        }
        Ok(self.policy.global.has_passed().then_some(Over::TimedOut))
    }

    /// Runs one check. `None`: it has failed.
    fn ask(&self) -> Result<Option<Over>, Errno> {
        let spawned = self.process.spawn(self.check.to_vec().into(), &|| self.signals.release());
        let child = match spawned {
            Ok(child) => child,
            Err(e) => {
                let name = show(self.check.first().map_or(b"", Vec::as_slice));
                self.process.warn_errno(format_args!("unable to spawn {name}"), e);
                return Ok(None);
            }
        };
        let local = Deadline::after_ms(self.policy.local_timeout_ms);
        let deadline = self.policy.global.or_sooner(local);
        let both = [self.signals.as_fd(), self.listener.as_fd()];
        loop {
            if readable(&both, deadline)?.is_empty() {
                let _ = kill(child, Signal::SIGTERM);
                return Ok(self.policy.global.has_passed().then_some(Over::TimedOut));
            }
            if let Some(success) = self.ended(child)? {
                return Ok(success.then_some(Over::Ready));
            }
            if self.daemon_died()? {
                let _ = kill(child, Signal::SIGTERM);
                return Ok(Some(Over::DaemonDied));
            }
        }
    }

    /// Whether the check has succeeded, once it has ended. Those that came too late are reaped too.
    fn ended(&self, child: Pid) -> Result<Option<bool>, Errno> {
        while self.signals.next()?.is_some() {}
        loop {
            match process::wait(-1, WaitPidFlag::WNOHANG) {
                Ok(Some((pid, status))) if pid == child => {
                    return Ok(Some(status.code() == Some(0)));
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(Errno::ECHILD) => return Ok(None),
                Err(e) => return Err(e),
            }
        }
    }

    fn daemon_died(&self) -> Result<bool, Errno> {
        let mut events = Vec::new();
        self.listener.read(&mut events)?;
        Ok(events.contains(&b'd'))
    }
}
