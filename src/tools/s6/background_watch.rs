//! s6-background-watch: stands in the foreground for a daemon that goes to the background.
//! Reference: <https://skarnet.org/software/s6/s6-background-watch.html>.

use crate::format::decimal;
use crate::sys::fd;
use crate::sys::poll::{Deadline, readable};
use crate::sys::process::{self, WaitStatus};
use crate::sys::signalfd::SignalQueue;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;

const LONG: &[(&str, char)] = &[("timeout-ready", 't'), ("notification-fd", 'd')];

/// `s6-background-watch [ -t timeout ] [ -d notif ] pidfile prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "t:d:", LONG)?;
    if options.words().len() < 2 {
        return Err(process.usage());
    }
    let timeout_ms = options.value('t').map_or(Ok(0), |t| process.number::<u32>(t))?;
    let notification = notification(process, &options)?;
    let mut words = options.rest().into_iter();
    let pidfile = words.next().ok_or_else(|| process.usage())?;
    let program: Vec<Word> = words.collect();
    let name = show(program.first().ok_or_else(|| process.usage())?).to_string();

    let signals = SignalQueue::catch(SigSet::all()).map_err(process.unable("trap all signals"))?;
    set_child_subreaper(true).map_err(process.unable("prctl with PR_SET_CHILD_SUBREAPER"))?;
    let parent = process.spawn(program.into(), &|| signals.release()).map_err(|e| {
        process.fatal_errno(format_args!("unable to spawn {name}"), e);
        Exit(if e == Errno::ENOEXEC { 126 } else { 127 })
    })?;
    let watch = Watch { process, signals, name, pidfile };
    watch.until_parent_exits(parent, Deadline::after_ms(timeout_ms))?;
    let daemon = watch.daemon()?;
    if let Some(notification) = notification {
        let _ = fd::write_all(notification, b"\n");
        fd::close(notification);
    }
    let status = watch.wait_for(daemon, Deadline::NEVER)?;
    Ok(Next::Exit(status.map_or(0, WaitStatus::approximation)))
}

fn notification(process: &Process, options: &Options) -> Result<Option<RawFd>, Exit> {
    let number = options.value('d').map(|word| process.descriptor(word)).transpose()?;
    if number.is_some_and(|number| number < 3) {
        return Err(process.fatal(100, "notification-fd cannot be 0, 1 or 2"));
    }
    let failed = |e| process.fatal_errno("unable to check notification-fd", e);
    number.map_or(Ok(()), |number| fd::set_cloexec(number, true)).map_err(failed)?;
    Ok(number)
}

struct Watch<'a> {
    process: &'a Process,
    signals: SignalQueue,
    /// The program's name.
    name: String,
    pidfile: Word,
}

impl Watch<'_> {
    /// Waits for the program itself, which is to exit 0 when its daemon is in the background.
    fn until_parent_exits(&self, parent: Pid, deadline: Deadline) -> Result<(), Exit> {
        let name = &self.name;
        let status = match self.wait_for(parent, deadline)? {
            Some(status) => Some(status),
            None => {
                let text = "did not exit before timeout-ready, killing it";
                self.process.warn(format_args!("{name} (parent) {text}"));
                let _ = process::kill(parent.as_raw(), libc::SIGKILL as u8);
                self.wait_for(parent, Deadline::NEVER)?
            }
        };
        let Some(status) = status.filter(|status| status.code() != Some(0)) else { return Ok(()) };
        let _ = std::fs::remove_file(OsStr::from_bytes(&self.pidfile));
        let how = match status.code() {
            Some(code) => format!("exited {code}"),
            None => format!("crashed with signal {}", status.signal().unwrap_or(0)),
        };
        Err(self.process.fatal(status.approximation(), format_args!("{name} (parent) {how}")))
    }

    /// The daemon that the pidfile tells of.
    fn daemon(&self) -> Result<Pid, Exit> {
        let (name, file) = (&self.name, show(&self.pidfile));
        let content =
            std::fs::read(OsStr::from_bytes(&self.pidfile)).map_err(|e| match errno(&e) {
                Errno::ENOENT => {
                    let text = format!("{name} (parent) exited but pidfile {file} does not exist");
                    self.process.fatal(104, &text)
                }
                e => self.process.fatal_errno(format_args!("unable to open {file}"), e),
            })?;
        let line = content.split(|&b| b == b'\n').next().unwrap_or_default();
        let pid = decimal::parse(line.trim_ascii());
        let pid = pid.filter(|pid: &i32| *pid > 0).map(Pid::from_raw).ok_or_else(|| {
            self.process.fatal(104, format_args!("pidfile {file} does not contain a valid pid"))
        })?;
        process::kill(pid.as_raw(), 0).map_err(|e| {
            self.process.fatal_errno("unable to check daemon with a null signal", e)
        })?;
        Ok(pid)
    }

    /// Waits until a process has ended, and hands it all signals that come; `None`: too late.
    /// Others that have ended, such as the daemon's orphans, are reaped on the way.
    fn wait_for(&self, pid: Pid, deadline: Deadline) -> Result<Option<WaitStatus>, Exit> {
        loop {
            while let Some((ended, status)) =
                process::wait(-1, WaitPidFlag::WNOHANG).map_err(self.process.unable("wait"))?
            {
                if ended == pid {
                    return Ok(Some(status));
                }
            }
            if readable(&[&self.signals], deadline).map_err(self.process.unable("poll"))?.is_empty()
            {
                return Ok(None);
            }
            while let Some(number) =
                self.signals.next().map_err(self.process.unable("read signals"))?
            {
                self.hand_on(pid, number);
            }
        }
    }

    fn hand_on(&self, pid: Pid, number: c_int) {
        if number != Signal::SIGCHLD as c_int {
            let _ = process::kill(pid.as_raw(), number as u8);
        }
    }
}
