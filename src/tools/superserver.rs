//! Programs that start another one for each connection to the socket that is their stdin.

use super::die::show;
use super::{Exit, Options, Process, Word};
use crate::sys::poll::{self, Deadline};
use crate::sys::process::{self as child, WaitStatus};
use crate::sys::signalfd::SignalQueue;
use crate::sys::{fd, signal};
use litemap::LiteMap;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::fstat;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The most connections there can be, whatever the option says.
const MAX_CONNECTIONS: u32 = 16_384;

/// How many connections are accepted before signals are looked at again.
const BATCH: usize = 64;

/// The signals that mean something.
const SIGNALS: [Signal; 5] =
    [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGABRT];

/// A connection.
pub struct Client {
    /// Its socket.
    pub socket: OwnedFd,
    /// Who is on the other side, where connections of one are counted.
    pub peer: u128,
    /// What messages call it.
    pub name: String,
    /// What the program is told of it, apart from the count.
    pub variables: Vec<(Word, Option<Word>)>,
}

/// How a program that serves connections puts things.
pub struct Wording {
    /// What happens to a connection that is served.
    pub served: &'static str,
    /// What happens to one that is not.
    pub refused: &'static str,
    /// From which verbosity on that is reported.
    pub refused_from: u32,
    /// The variable for the number of connections.
    pub count: &'static str,
    /// What is sent by HUP and QUIT.
    pub term_and_cont: &'static str,
}

/// A kind of connections.
pub trait Kind {
    /// How the program that serves them puts things.
    fn wording(&self) -> &'static Wording;
    /// Accepts a connection that is waiting.
    fn accept(&self) -> Result<Client, Errno>;
    /// Whether connections of one peer are counted.
    fn counts(&self) -> bool;
    /// The number that the program is told, where there are so many other connections of the peer.
    fn count(&self, others: u32) -> u32;
    /// What follows `end pid PID`.
    fn end(&self, peer: u128, how: &str, count: &str) -> String;
}

/// What the options say.
pub struct Plan {
    max: u32,
    max_of_peer: u32,
    verbosity: u32,
}

impl Plan {
    /// Reads -c, -C (if `counts`) and -v.
    pub fn from_options(process: &Process, options: &Options, counts: bool) -> Result<Self, Exit> {
        let number = |letter, usual: u32| options.number(process, letter, usual);
        let max = number('c', 40)?.clamp(1, MAX_CONNECTIONS);
        let max_of_peer = if counts { number('C', 40)?.min(max) } else { max };
        Ok(Self { max, max_of_peer, verbosity: number('v', 1)? })
    }
}

/// The words of the serving program `name`, as the options of the one in front of it want it.
pub fn command(process: &Process, options: &Options, name: &str) -> Result<Vec<Word>, Exit> {
    let mut words = vec![name.as_bytes().to_vec()];
    match options.last_of("qQv") {
        Some('q') => words.push(b"-v0".to_vec()),
        Some('v') => words.push(b"-v2".to_vec()),
        _ => {}
    }
    if options.has('1') {
        words.push(b"-1".to_vec());
    }
    if options.last_of("Pp") == Some('P') {
        words.push(b"-P".to_vec());
    }
    for letter in ['c', 'C'] {
        if let Some(number) = options.parsed(letter, |value| process.number::<u32>(value))? {
            let number = number.max(1);
            words.push(format!("-{letter}{number}").into_bytes());
        }
    }
    words.push(b"--".to_vec());
    Ok(words)
}

/// Checks that stdin is a socket, and keeps stdout only if it is to be notified.
pub fn take_stdio(process: &Process, notifies: bool) -> Result<(), Exit> {
    let found = fstat(fd::borrow(&0)).map_err(process.unable("fstat stdin"))?;
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

/// A program that serves connections.
pub struct Server<'a> {
    process: &'a Process,
    program: Vec<Word>,
    kind: &'a dyn Kind,
    wording: &'static Wording,
    plan: Plan,
    signals: SignalQueue,
    /// The programs that run, and for whom.
    children: LiteMap<i32, u128>,
    /// How many programs run for each peer.
    peers: LiteMap<u128, u32>,
}

impl<'a> Server<'a> {
    /// Prepares to serve.
    pub fn new(
        process: &'a Process,
        program: Vec<Word>,
        kind: &'a dyn Kind,
        plan: Plan,
    ) -> Result<Self, Exit> {
        fd::set_nonblocking(0, true).map_err(process.unable("make stdin non-blocking"))?;
        fd::set_cloexec(0, true).map_err(process.unable("set stdin close-on-exec"))?;
        signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
        let signals = SignalQueue::catch(SigSet::from_iter(SIGNALS));
        let signals = signals.map_err(process.unable("trap signals"))?;
        let (children, peers) = (LiteMap::new(), LiteMap::new());
        let wording = kind.wording();
        Ok(Self { process, program, kind, wording, plan, signals, children, peers })
    }

    /// Notifies whoever reads stdout, if that is wanted, and serves until a signal ends that.
    pub fn serve(&mut self, starting: &str, notification: Option<&[u8]>) -> Result<(), Exit> {
        self.report(starting);
        self.report_status();
        if let Some(notification) = notification {
            // Whoever wanted to read it may have gone.
            let _ = fd::write_all(1, notification);
            fd::close(1);
            fd::open_all(&[1]).map_err(self.process.unable("open /dev/null"))?;
        }
        self.run().map_err(self.process.unable("serve"))?;
        self.report("exiting");
        Ok(())
    }

    fn run(&mut self) -> Result<(), Errno> {
        loop {
            let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
            if self.has_room() {
                fds.push(PollFd::new(fd::borrow(&0), PollFlags::POLLIN));
            }
            poll::wait(&mut fds, Deadline::NEVER)?;
            let connection = fds.get(1).and_then(PollFd::any).unwrap_or(false);
            if !self.handle_signals()? {
                return Ok(());
            }
            if connection {
                self.accept()?;
            }
        }
    }

    fn has_room(&self) -> bool {
        self.children.len() < self.plan.max as usize
    }

    /// Serves the connections that are waiting.
    fn accept(&mut self) -> Result<(), Errno> {
        for _ in 0..BATCH {
            if !self.has_room() {
                break;
            }
            match self.kind.accept() {
                Ok(client) => self.connected(&client),
                Err(Errno::EAGAIN) => break,
                Err(Errno::ECONNABORTED | Errno::EINTR | Errno::ENOTCONN) => {}
                // It would be told again and again.
                Err(e @ (Errno::EINVAL | Errno::EOPNOTSUPP)) => return Err(e),
                Err(e) => {
                    self.warn("accept", e);
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether to go on.
    fn handle_signals(&mut self) -> Result<bool, Errno> {
        while let Some(number) = self.signals.next()? {
            let to_all = format!("sending {} to all connections", self.wording.term_and_cont);
            let (name, effect, sent): (_, _, &[i32]) = match number {
                libc::SIGTERM => ("SIGTERM", "quitting".to_string(), &[]),
                libc::SIGHUP => ("SIGHUP", to_all, &[libc::SIGTERM, libc::SIGCONT]),
                libc::SIGQUIT => {
                    ("SIGQUIT", to_all + " and quitting", &[libc::SIGTERM, libc::SIGCONT])
                }
                libc::SIGABRT => {
                    let effect = "sending SIGKILL to all connections and quitting".to_string();
                    ("SIGABRT", effect, &[libc::SIGKILL])
                }
                _ => {
                    self.reap()?;
                    continue;
                }
            };
            self.report(&format!("received {name}, {effect}"));
            for signal in sent {
                for pid in self.children.keys() {
                    // It may be a zombie.
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
        let Some(peer) = self.children.remove(&pid.as_raw()) else { return };
        let left = self.peers.get(&peer).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => drop(self.peers.remove(&peer)),
            _ => drop(self.peers.insert(peer, left)),
        }
        if self.plan.verbosity > 1 {
            let how = match status.signal() {
                Some(signal) => format!("signal {signal}"),
                None => format!("exitcode {}", status.code().unwrap_or(0)),
            };
            let end = self.kind.end(peer, &how, &self.share(left));
            self.process.info(format_args!("end pid {pid} {end}"));
            self.report_status();
        }
    }

    fn connected(&mut self, client: &Client) {
        let Wording { served, refused, .. } = self.wording;
        let count = self.peers.get(&client.peer).copied().unwrap_or(0);
        if count >= self.plan.max_of_peer {
            if self.plan.verbosity >= self.wording.refused_from {
                let share = self.share(count);
                self.process.info(format_args!("{refused} {} count {share}", client.name));
            }
            return;
        }
        match self.start(client, count) {
            Ok(pid) => {
                self.children.insert(pid.as_raw(), client.peer);
                self.peers.insert(client.peer, count + 1);
                if self.plan.verbosity > 1 {
                    let share = self.share(count + 1);
                    let name = &client.name;
                    self.process.info(format_args!("{served} {name} pid {pid} count {share}"));
                    self.report_status();
                }
            }
            Err(e) => {
                let name = show(self.program.first().map_or(b"", Vec::as_slice));
                self.warn(&format!("spawn {name}"), e);
            }
        }
    }

    /// Starts the program, whose environment tells who has connected.
    fn start(&self, client: &Client, others: u32) -> Result<Pid, Errno> {
        let mut child = self.process.clone();
        child.env.apply(client.variables.clone());
        let counted =
            if self.kind.counts() { self.kind.count(others).to_string() } else { String::new() };
        child.env.set(self.wording.count.as_bytes(), counted.as_bytes());
        child.spawn(self.program.clone().into(), &|| {
            fd::copy(0, client.socket.as_raw_fd())?;
            fd::copy(1, 0)?;
            self.signals.release()?;
            signal::set_default(Signal::SIGPIPE)
        })
    }

    /// A number of connections of one peer, out of as many as there may be.
    fn share(&self, count: u32) -> String {
        let max = self.plan.max_of_peer;
        if self.kind.counts() { format!("{count}/{max}") } else { format!("?/{max}") }
    }

    fn report(&self, text: &str) {
        if self.plan.verbosity > 1 {
            self.process.info(text);
        }
    }

    fn report_status(&self) {
        if self.plan.verbosity > 1 {
            let (count, max) = (self.children.len(), self.plan.max);
            self.process.info(format_args!("status: {count}/{max}"));
        }
    }

    fn warn(&self, what: &str, e: Errno) {
        if self.plan.verbosity > 0 {
            self.process.warn_errno(format_args!("unable to {what}"), e);
        }
    }
}
