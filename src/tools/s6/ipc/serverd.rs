//! s6-ipcserverd: accepts connections, and starts a program for each.
//! Reference: <https://skarnet.org/software/s6/s6-ipcserverd.html>.

use crate::sys::poll::{self, Deadline};
use crate::sys::process::{self as child, WaitStatus};
use crate::sys::signal;
use crate::sys::signalfd::Signals;
use crate::sys::{fd, ipc};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use litemap::LiteMap;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::sys::stat::fstat;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The most connections there can be, whatever the option says.
const MAX_CONNECTIONS: u32 = 16_384;

/// The signals that mean something.
const SIGNALS: [Signal; 5] =
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGABRT];

/// `s6-ipcserverd [ -v verbosity ] [ -1 ] [ -P | -p ] [ -c maxconn ] [ -C localmaxconn ] prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Pp1c:C:v:")?;
    let number = |letter, usual: u32| options.number(process, letter, usual);
    let looks_up = options.last_of("Pp") != Some('P');
    let max = number('c', 40)?.clamp(1, MAX_CONNECTIONS);
    let max_of_user = if looks_up { number('C', 40)?.min(max) } else { max };
    let verbosity = number('v', 1)?;
    let notifies = options.has('1');
    let program = options.rest();
    if program.first().is_none_or(Vec::is_empty) {
        return Err(process.usage());
    }
    take_stdio(process, notifies)?;
    signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
    let signals = Signals::catch(SigSet::from_iter(SIGNALS));
    let signals = signals.map_err(process.unable("trap signals"))?;
    let (children, users) = (LiteMap::new(), LiteMap::new());
    let mut server = Server {
        process,
        program,
        looks_up,
        max,
        max_of_user,
        verbosity,
        signals,
        children,
        users,
    };
    server.say("starting");
    server.say_status();
    if notifies {
        let _ = fd::write_all(1, b"\n");
        fd::close(1);
        fd::open_all(&[1]).map_err(process.unable("open /dev/null"))?;
    }
    server.serve().map_err(process.unable("serve"))?;
    server.say("exiting");
    Ok(Next::Exit(0))
}

/// Checks that stdin is a socket, and keeps stdout only if it is to be notified.
pub fn take_stdio(process: &Process, notifies: bool) -> Result<(), Exit> {
    let found = fstat(fd::borrow(0)).map_err(process.unable("fstat stdin"))?;
    if found.st_mode & libc::S_IFMT != libc::S_IFSOCK {
        return Err(process.fatal(100, "stdin is not a socket"));
    }
    if !notifies {
        fd::close(1);
    } else if !fd::is_open(1) {
        process.fatal_errno("called with option -1 but stdout said", Errno::EBADF);
        return Err(Exit(100));
    }
    fd::open_all(&[1, 2]).map_err(process.unable("open /dev/null"))
}

struct Server<'a> {
    process: &'a Process,
    program: Vec<Word>,
    /// Whether it is asked who connects.
    looks_up: bool,
    max: u32,
    max_of_user: u32,
    verbosity: u32,
    signals: Signals,
    /// The programs, and for which users they run.
    children: LiteMap<i32, u32>,
    /// The users, and how many programs run for them.
    users: LiteMap<u32, u32>,
}

impl Server<'_> {
    fn serve(&mut self) -> Result<(), Errno> {
        loop {
            let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            if self.children.len() < self.max as usize {
                fds.push(PollFd::new(fd::borrow(0), PollFlags::POLLIN));
            }
            poll::wait(&mut fds, Deadline::NEVER)?;
            let connection = fds.get(1).and_then(PollFd::any).unwrap_or(false);
            if !self.hear_signals()? {
                return Ok(());
            }
            if connection {
                match ipc::accept(0, true) {
                    Ok(socket) => self.connected(&socket),
                    Err(Errno::EAGAIN | Errno::ECONNABORTED | Errno::EINTR) => {}
                    // It would be told again and again.
                    Err(e @ (Errno::EINVAL | Errno::EOPNOTSUPP)) => return Err(e),
                    Err(e) => self.warn("accept", e),
                }
            }
        }
    }

    /// Whether to go on.
    fn hear_signals(&mut self) -> Result<bool, Errno> {
        while let Some(number) = self.signals.next()? {
            let (name, effect, sent): (_, _, &[i32]) = match number {
                libc::SIGTERM => ("SIGTERM", "quitting", &[]),
                libc::SIGHUP => {
                    let effect = "sending SIGTERM+SIGCONT to all connections";
                    ("SIGHUP", effect, &[libc::SIGTERM, libc::SIGCONT])
                }
                libc::SIGQUIT => {
                    let effect = "sending SIGTERM+SIGCONT to all connections and quitting";
                    ("SIGQUIT", effect, &[libc::SIGTERM, libc::SIGCONT])
                }
                libc::SIGABRT => {
                    let effect = "sending SIGKILL to all connections and quitting";
                    ("SIGABRT", effect, &[libc::SIGKILL])
                }
                _ => {
                    self.reap()?;
                    continue;
                }
            };
            self.say(&format!("received {name}, {effect}"));
            for signal in sent {
                for pid in self.children.keys() {
                    let _ = child::kill(*pid, *signal as u8);
                }
            }
            if number != libc::SIGHUP {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn reap(&mut self) -> Result<(), Errno> {
        loop {
            match child::wait(-1, WaitPidFlag::WNOHANG) {
                Ok(Some((pid, status))) => self.ended(pid, status),
                Ok(None) | Err(Errno::ECHILD) => return Ok(()),
                Err(e) => return Err(e),
            }
        }
    }

    fn ended(&mut self, pid: Pid, status: WaitStatus) {
        let Some(user) = self.children.remove(&pid.as_raw()) else { return };
        let left = self.users.get(&user).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(self.users.remove(&user)),
            _ => drop(self.users.insert(user, left)),
        }
        let how = match status.signal() {
            Some(signal) => format!("signal {signal}"),
            None => format!("exitcode {}", status.code().unwrap_or(0)),
        };
        self.say(&format!("end pid {pid} uid {} {how}", self.shown(user)));
        self.say_status();
    }

    fn connected(&mut self, socket: &OwnedFd) {
        let (user, group) = match self.looks_up {
            false => (0, 0),
            true => match ipc::peer(socket.as_raw_fd()) {
                Ok(peer) => peer,
                Err(e) => return self.warn("getpeereid", e),
            },
        };
        let (shown_user, shown_group) = (self.shown(user), self.shown(group));
        let count = self.users.get(&user).copied().unwrap_or(0);
        if count >= self.max_of_user {
            let max = self.max_of_user;
            let text = format!("deny {shown_user}:{shown_group} count {}/{max}", self.shown(count));
            return self.process.info(&text);
        }
        match self.start(socket, user, group, count) {
            Ok(pid) => {
                self.children.insert(pid.as_raw(), user);
                self.users.insert(user, count + 1);
                let (count, max) = (self.shown(count + 1), self.max_of_user);
                self.say(&format!(
                    "allow {shown_user}:{shown_group} pid {pid} count {count}/{max}"
                ));
                self.say_status();
            }
            Err(e) => {
                let name = show(self.program.first().map_or(b"", Vec::as_slice));
                self.warn(&format!("spawn {name}"), e);
            }
        }
    }

    /// Starts the program, whose environment tells who has connected.
    fn start(&self, socket: &OwnedFd, user: u32, group: u32, count: u32) -> Result<Pid, Errno> {
        let mut child = self.process.clone();
        let env = &mut child.env;
        env.set(b"PROTO", b"IPC");
        for (name, id) in [(b"IPCREMOTEEUID", user), (b"IPCREMOTEEGID", group)] {
            match self.looks_up {
                true => env.set(name, id.to_string().as_bytes()),
                false => env.unset(name),
            }
        }
        // Differs: this connection counts, too, as documented; s6-connlimit is one too mild if not.
        let count = if self.looks_up { (count + 1).to_string() } else { String::new() };
        env.set(b"IPCCONNNUM", count.as_bytes());
        let remote = ipc::remote_path(socket.as_raw_fd()).ok().flatten().unwrap_or_default();
        env.set(b"IPCREMOTEPATH", &remote);
        child.spawn(self.program.clone().into(), &|| {
            fd::copy(0, socket.as_raw_fd())?;
            fd::copy(1, 0)?;
            self.signals.release()?;
            child::set_signal(Signal::SIGPIPE, SigHandler::SigDfl)
        })
    }

    /// What is known only if it is asked who connects.
    fn shown(&self, number: u32) -> String {
        if self.looks_up { number.to_string() } else { "?".to_string() }
    }

    fn say(&self, text: &str) {
        if self.verbosity > 1 {
            self.process.info(text);
        }
    }

    fn say_status(&self) {
        self.say(&format!("status: {}/{}", self.children.len(), self.max));
    }

    fn warn(&self, what: &str, e: Errno) {
        if self.verbosity > 0 {
            self.process.warn_errno(format_args!("unable to {what}"), e);
        }
    }
}
