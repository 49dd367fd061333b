//! Signals to this process: which are watched, and what each of them asks for.

use super::{Role, Runtime};
use crate::engine::{Control, Event};
use crate::sys::{bug, fd, process, signal};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io::IsTerminal;
use std::ops::RangeInclusive;

/// The signals that mean something to every supervisor.
const WATCHED: &[Signal] = &[
    Signal::SIGCHLD,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGPWR,
    Signal::SIGWINCH,
    Signal::SIGALRM,
    Signal::SIGABRT,
];

/// systemd's halt, poweroff, reboot and kexec: SIGRTMIN+3 to +6. systemd-nspawn, Docker and Podman
/// send what glibc calls so (37 to 40), a `kill` that was built against musl one more (38 to 41).
const SYSTEMD_STOPS: RangeInclusive<u8> = 37..=41;

/// Blocks the signals that are to be watched, and those of a terminal. PID 1 would lose them until
/// then. SIGCHLD may have been ignored by whoever started us: the ends of children would go unseen.
///
/// Differs: a container's programs heed the signals that whoever started /init ignores.
pub(crate) fn hold(role: Role) -> Result<(), Errno> {
    match role {
        Role::Container => signal::set_all_default(),
        Role::Scan | Role::Supervise => signal::set_default(Signal::SIGCHLD)?,
    }
    bug::guard_children();
    let terminal = [Signal::SIGTTOU, Signal::SIGTTIN, Signal::SIGTSTP];
    let held = set(watched(role).chain(terminal.map(|signal| signal as u8)));
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), None)
}

/// The signals that end the start of a container, before its loop runs.
pub(crate) fn stops() -> impl Iterator<Item = u8> {
    let kept = [Signal::SIGCHLD, Signal::SIGHUP, Signal::SIGALRM].map(|signal| signal as u8);
    let window = Signal::SIGWINCH as u8;
    watched(Role::Container)
        .filter(move |number| !kept.contains(number))
        .filter(move |number| *number != window || !has_terminal())
}

fn watched(role: Role) -> impl Iterator<Item = u8> {
    let systemd = match role {
        Role::Container => Some(SYSTEMD_STOPS),
        Role::Scan | Role::Supervise => None,
    };
    WATCHED.iter().map(|signal| *signal as u8).chain(systemd.into_iter().flatten())
}

fn set(numbers: impl Iterator<Item = u8>) -> SigSet {
    signal::set(&numbers.collect::<Vec<_>>())
}

/// Whether one of our standard descriptors is a terminal, whose size changes then send a WINCH.
fn has_terminal() -> bool {
    [0, 1, 2].into_iter().any(|number| fd::borrow(&number).is_terminal())
}

/// The watched signals, blocked everywhere else.
#[derive(Debug)]
pub(super) struct WatchedSignals(SignalFd);

impl WatchedSignals {
    /// Blocks the signals of a supervisor and those of a terminal, and ignores SIGPIPE.
    pub(super) fn watch(role: Role) -> Result<Self, Errno> {
        hold(role)?;
        signal::ignore(Signal::SIGPIPE)?;
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        SignalFd::with_flags(&set(watched(role)), flags).map(Self)
    }

    /// The number of the next signal that has come, if any, and the pid of its sender: 0 is not of
    /// our namespace.
    pub(super) fn next(&mut self) -> Option<(u8, u32)> {
        let info = self.0.read_signal().ok()??;
        Some((u8::try_from(info.ssi_signo).ok()?, info.ssi_pid))
    }

    /// The descriptor to wait on.
    pub(super) fn fd(&self) -> &SignalFd {
        &self.0
    }
}

impl Runtime {
    /// Handles the signals that have come.
    pub(super) fn take_signals(&mut self) {
        while let Some((number, sender)) = self.signals.next() {
            match Signal::try_from(i32::from(number)) {
                Ok(Signal::SIGCHLD) => self.reap(),
                Ok(signal) => {
                    self.note_signal(number, sender);
                    self.handle_signal(signal);
                }
                // A real-time signal.
                Err(_) => {
                    self.note_signal(number, sender);
                    self.container_signal(number, true);
                }
            }
        }
    }

    fn handle_signal(&mut self, signal: Signal) {
        let role = self.settings.role;
        match signal {
            _ if role == Role::Supervise => self.supervisor_signal(signal),
            Signal::SIGALRM => self.rescan(),
            Signal::SIGABRT if role != Role::Container => self.leave(false, true),
            _ if self.scan.run_signal_script(signal) => self.start_signal_script(signal),
            Signal::SIGHUP => self.rescan_and_prune(),
            _ if role == Role::Container => {
                let stops = signal != Signal::SIGWINCH || !has_terminal();
                self.container_signal(signal as u8, stops);
            }
            Signal::SIGTERM | Signal::SIGINT => self.leave(false, false),
            Signal::SIGQUIT => self.leave(true, false),
            _ => {}
        }
    }

    /// What signals mean to s6-supervise: TERM is `xd`, HUP is `x`, QUIT leaves the service behind,
    /// and INT takes its process group along.
    fn supervisor_signal(&mut self, signal: Signal) {
        let Some(id) = self.services.iter().next().map(|(id, _)| *id) else { return };
        match signal {
            Signal::SIGTERM => {
                self.feed(Event::Control(id, Control::Exit));
                self.feed(Event::Control(id, Control::Down { permanently: false }));
            }
            Signal::SIGHUP => self.feed(Event::Control(id, Control::Exit)),
            Signal::SIGQUIT => self.left = true,
            Signal::SIGINT => {
                let run = self.services.get(&id).and_then(|s| s.processes.run);
                if let Some(run) = run {
                    // It may have gone.
                    let _ = process::kill(-run.as_raw(), Signal::SIGINT as u8);
                }
                self.left = true;
            }
            _ => {}
        }
    }

    /// Differs: QUIT, WINCH (without a terminal), INT, USR1, PWR and SIGRTMIN+3 to +6 stop the
    /// container as TERM does: they are the STOPSIGNAL of common base images, or ask for a reboot
    /// that no container can have.
    fn container_signal(&mut self, number: u8, stops: bool) {
        self.feed(Event::Signal { number, stops });
    }
}
