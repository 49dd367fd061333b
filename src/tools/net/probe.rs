//! Asking something whether it works, within a time: what `sixtree probe` does by hand, and the
//! looker for the files `health` and `ready-*`. It connects as s6-tcpclient does.

use super::address;
use super::connect::{self, Plan};
use super::dns::hosts::{Family, Hosts};
use super::dns::resolver::Resolver;
use super::dns::{self, config::Config};
use crate::format::look::{Address, Check};
use crate::format::signal;
use crate::sys::poll::{self, Deadline};
use crate::sys::process::{self, WaitStatus};
use crate::sys::signalfd::SignalQueue;
use crate::sys::{errno, fd, socket};
use crate::tools::{Environment, Process, Tool};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::WaitPidFlag;
use nix::unistd::{Pid, setpgid};
use std::fmt::{self, Display, Formatter};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// As whom programs are started that an `exec` names.
static PROBE: Tool = Tool::new("sixtree probe", |_, _| Err(crate::tools::Exit(100)), "", "");

/// How much of an HTTP answer is read until its status is there, in bytes.
const LONGEST_STATUS: usize = 4 << 10;

/// How soon a socket is tried again whose queue is full.
const TRY_AGAIN: Duration = Duration::from_millis(20);

/// Why something does not work, as far as one can see from outside. Its `Display` goes behind
/// `CHECK: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeFailure {
    /// Nothing came within so many milliseconds.
    NoAnswer(u32),
    /// The system's reason.
    System(Errno),
    /// The name of the host has no address.
    Unresolved(String),
    /// The HTTP server's status, and its words for it.
    Status(u16, String),
    /// The connection was closed without an answer.
    Closed,
    /// What came is no HTTP.
    NotHttp,
    /// The program ended like this.
    Ended(WaitStatus),
    /// The program was killed because it was not done within so many milliseconds.
    NotDone(u32),
    /// The program could not be started.
    NotStarted(Errno),
}

/// Asks, for at most so many milliseconds.
pub fn probe(check: &Check, timeout_ms: u32) -> Result<(), ProbeFailure> {
    let deadline = Deadline::after(Duration::from_millis(timeout_ms.into()));
    let asked = match check {
        Check::Http(address, path) => ask_http(address, path, deadline),
        Check::Tcp(address) => connect_to(address, deadline).map(drop),
        Check::Unix(path) => connect_unix(path, deadline),
        Check::Exec(words) => run(words, deadline),
    };
    asked.map_err(|failure| match failure {
        ProbeFailure::System(Errno::ETIMEDOUT) => ProbeFailure::NoAnswer(timeout_ms),
        ProbeFailure::NotDone(_) => ProbeFailure::NotDone(timeout_ms),
        other => other,
    })
}

impl From<Errno> for ProbeFailure {
    fn from(e: Errno) -> Self {
        Self::System(e)
    }
}

fn connect_to(address: &Address, deadline: Deadline) -> Result<OwnedFd, ProbeFailure> {
    let addresses = resolve(address.host.as_deref(), deadline)?;
    let (first, second) = (Duration::from_secs(3600), Duration::ZERO);
    let plan = Plan { first, second, deadline, ..Plan::default() };
    connect::connect(&addresses, address.port, &plan).map_err(|failure| match failure {
        connect::Failure::Here(e) => e.into(),
        // The first address is the one that was meant.
        connect::Failure::There(all) => all.first().map_or(Errno::EHOSTUNREACH, |(_, e)| *e).into(),
    })
}

/// The addresses of a host: of the hosts database, or else of the DNS.
fn resolve(host: Option<&str>, deadline: Deadline) -> Result<Vec<IpAddr>, ProbeFailure> {
    let Some(host) = host else {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    };
    let name = host.as_bytes();
    if let Some(ip) = address::parse(name) {
        return Ok(vec![ip]);
    }
    let unresolved = |failure: dns::Failure| match failure {
        dns::Failure::TimedOut => Errno::ETIMEDOUT.into(),
        other => ProbeFailure::Unresolved(other.to_string()),
    };
    // Where the database cannot be used, the DNS still can.
    let hosts = Hosts::load().unwrap_or(Hosts::NONE);
    let mut found = Vec::new();
    for family in [Family::V4, Family::V6] {
        found.extend(hosts.addresses(name, family, None).map_err(|e| unresolved(e.into()))?);
    }
    if found.is_empty() && host == "localhost" {
        return resolve(None, deadline);
    }
    if found.is_empty() {
        let resolver = Resolver { config: Config::read(&Environment::inherited())?, deadline };
        found = resolver.addresses(name, true).map_err(unresolved)?;
    }
    Ok(found)
}

fn ask_http(address: &Address, path: &str, deadline: Deadline) -> Result<(), ProbeFailure> {
    let socket = connect_to(address, deadline)?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: sixtree/{}\r\nAccept: */*\r\n\
         Connection: close\r\n\r\n",
        env!("CARGO_PKG_VERSION")
    );
    send(&socket, request.as_bytes(), deadline)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while answer.len() < LONGEST_STATUS {
        if poll::readable(&[&socket], deadline)?.is_empty() {
            return Err(Errno::ETIMEDOUT.into());
        }
        match fd::read(socket.as_raw_fd(), &mut buffer) {
            Ok(0) if answer.is_empty() => return Err(ProbeFailure::Closed),
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            Err(Errno::EAGAIN) => continue,
            Err(e) => return Err(e.into()),
        }
        if let Some(status) = status(&answer)? {
            return status;
        }
    }
    Err(ProbeFailure::NotHttp)
}

/// What the first line of an answer says; `None`: it is not there yet.
fn status(answer: &[u8]) -> Result<Option<Result<(), ProbeFailure>>, ProbeFailure> {
    // The line alone: what the headers are like does not matter.
    let Some(end) = answer.iter().position(|&b| b == b'\n') else { return Ok(None) };
    let line = answer.get(..=end).unwrap_or_default();
    let mut response = httparse::Response::new(&mut []);
    let parsed = response.parse(line);
    match (parsed, response.code) {
        (Ok(_), Some(200..=399)) => Ok(Some(Ok(()))),
        (Ok(_), Some(code)) => {
            let words = response.reason.unwrap_or_default().to_owned();
            Ok(Some(Err(ProbeFailure::Status(code, words))))
        }
        _ => Err(ProbeFailure::NotHttp),
    }
}

fn send(socket: &OwnedFd, mut bytes: &[u8], deadline: Deadline) -> Result<(), ProbeFailure> {
    while !bytes.is_empty() {
        match socket::send(socket.as_fd(), bytes, &[]) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(Errno::EAGAIN) => {
                let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLOUT)];
                if !poll::wait(&mut fds, deadline)? {
                    return Err(Errno::ETIMEDOUT.into());
                }
            }
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// A socket whose queue is full does not take part in poll(2): it is tried again.
fn connect_unix(path: &str, deadline: Deadline) -> Result<(), ProbeFailure> {
    loop {
        match socket::attempt(Path::new(path)) {
            Ok(_) => return Ok(()),
            Err(Errno::EAGAIN) if deadline.has_passed() => return Err(Errno::ETIMEDOUT.into()),
            Err(Errno::EAGAIN) => std::thread::sleep(TRY_AGAIN),
            Err(e) => return Err(e.into()),
        }
    }
}

/// Runs a program. It has a process group of its own, which is killed when its time is over, and it
/// does not outlive us.
fn run(words: &[Vec<u8>], deadline: Deadline) -> Result<(), ProbeFailure> {
    let process = Process::new(&PROBE, Environment::inherited());
    let signals = SignalQueue::catch(SigSet::from_iter([Signal::SIGCHLD]))?;
    let setup = || {
        signals.release()?;
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        prctl::set_pdeathsig(Signal::SIGKILL)
    };
    let child = process.spawn(words.to_vec().into(), &setup).map_err(ProbeFailure::NotStarted)?;
    loop {
        if let Some((_, status)) = process::wait(child.as_raw(), WaitPidFlag::WNOHANG)? {
            kill_group(child);
            return match status.code() {
                Some(0) => Ok(()),
                _ => Err(ProbeFailure::Ended(status)),
            };
        }
        if poll::readable(&[signals.as_fd()], deadline)?.is_empty() {
            kill_group(child);
            // What has been killed ends; what the kernel holds up is left to whoever reaps us.
            return Err(ProbeFailure::NotDone(0));
        }
        while signals.next()?.is_some() {}
    }
}

/// Ends what is left of a program.
fn kill_group(leader: Pid) {
    // Usually nothing is left.
    let _ = process::kill(-leader.as_raw(), Signal::SIGKILL as u8);
}

impl Display for ProbeFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer(ms) => write!(f, "no answer in {}", Seconds(*ms)),
            Self::System(e) => f.write_str(errno::text(*e)),
            Self::Unresolved(why) => write!(f, "unable to resolve its name: {why}"),
            Self::Status(code, words) if words.is_empty() => write!(f, "status {code}"),
            Self::Status(code, words) => write!(f, "status {code} ({})", words.escape_debug()),
            Self::Closed => f.write_str("closed without an answer"),
            Self::NotHttp => f.write_str("the answer is not HTTP"),
            Self::Ended(status) => match (status.code(), status.signal()) {
                (Some(code), _) => write!(f, "exit {code}"),
                (None, number) => {
                    let number = number.unwrap_or(0);
                    write!(f, "killed by signal {number} (SIG{})", signal::name(number))
                }
            },
            Self::NotDone(ms) => write!(f, "not done in {}", Seconds(*ms)),
            Self::NotStarted(e) => write!(f, "unable to run it: {}", errno::text(*e)),
        }
    }
}

/// A time in seconds, with as many digits behind the point as it has.
struct Seconds(u32);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", f64::from(self.0) / 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::{
        AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket,
    };
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    fn here(port: u16) -> Address {
        Address { host: Some("127.0.0.1".to_owned()), port }
    }
    fn exec(words: &[&str], ms: u32) -> Result<(), String> {
        let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        probe(&Check::Exec(words), ms).map_err(|e| e.to_string())
    }

    /// What an HTTP server makes of a probe that gives this answer, in the pieces given.
    fn answered(pieces: &[&str]) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = process::fork_to(|| {
            let (mut client, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let n = client.read(&mut request).unwrap();
            for piece in pieces {
                client.write_all(piece.as_bytes()).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
            i32::from(!request[..n].starts_with(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:"))
        });
        let said = probe(&Check::Http(here(port), "/healthz".into()), 20_000);
        let pid = server.unwrap().as_raw();
        let (_, ended) = process::wait(pid, WaitPidFlag::empty()).unwrap().unwrap();
        assert_eq!(ended.code(), Some(0));
        said.map_err(|e| e.to_string())
    }

    #[test]
    fn an_http_server_is_judged_by_its_status() {
        assert_eq!(answered(&["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]), Ok(()));
        assert_eq!(answered(&["HTTP/1.0 3", "02 Found\r\n", "X: y\r\n\r\n"]), Ok(()));
        assert_eq!(answered(&["HTTP/1.1 204\r\n\r\n"]), Ok(()));
        let why = |pieces: &[&str]| answered(pieces).unwrap_err();
        assert_eq!(why(&["HTTP/1.1 503 No luck\r\n\r\n"]), "status 503 (No luck)");
        assert_eq!(why(&["220 smtp.example ESMTP\r\n"]), "the answer is not HTTP");
        assert_eq!(why(&[]), "closed without an answer");
        assert_eq!(why(&["HTTP/1.1 20"]), "the answer is not HTTP");
    }

    #[test]
    fn a_server_that_says_nothing_has_its_time() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(probe(&Check::Tcp(here(port)), 20_000), Ok(()));
        let silent = probe(&Check::Http(here(port), "/".into()), 100);
        assert_eq!(silent.unwrap_err().to_string(), "no answer in 0.1 s");
    }

    #[test]
    fn a_port_that_nobody_listens_on_refuses() {
        // It stays bound, so that no other test gets it.
        let (kind, none) = (SockType::Stream, SockFlag::empty());
        let bound = socket(AddressFamily::Inet, kind, none, None).unwrap();
        bind(bound.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0)).unwrap();
        let port = getsockname::<SockaddrIn>(bound.as_raw_fd()).unwrap().port();
        let refused = probe(&Check::Tcp(here(port)), 20_000);
        assert_eq!(refused, Err(ProbeFailure::System(Errno::ECONNREFUSED)));
        let both = probe(&Check::Tcp(Address { host: None, port }), 20_000);
        assert_eq!(both.unwrap_err().to_string(), "Connection refused");
    }

    #[test]
    fn a_socket_takes_a_connection_or_not() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("socket");
        let check = Check::Unix(path.display().to_string());
        assert_eq!(probe(&check, 20_000), Err(ProbeFailure::System(Errno::ENOENT)));
        let listener = socket::listen(&path).unwrap();
        assert_eq!(probe(&check, 20_000), Ok(()));
        drop(listener);
        assert_eq!(probe(&check, 20_000), Err(ProbeFailure::System(Errno::ECONNREFUSED)));
    }

    /// In a process of its own, whose signals are its own.
    #[test]
    fn a_program_has_its_time() {
        let met = || {
            i32::from(
                std::panic::catch_unwind(|| {
                    assert_eq!(exec(&["/bin/true"], 20_000), Ok(()));
                    assert_eq!(exec(&["/bin/sh", "-c", "exit 3"], 20_000), Err("exit 3".into()));
                    let why = exec(&["/nowhere"], 20_000).unwrap_err();
                    assert_eq!(why, "unable to run it: No such file or directory");
                    let killed = exec(&["/bin/sh", "-c", "kill -9 $$"], 20_000).unwrap_err();
                    assert_eq!(killed, "killed by signal 9 (SIGKILL)");
                    let late = exec(&["/bin/sh", "-c", "sleep 100; true"], 150).unwrap_err();
                    assert_eq!(late, "not done in 0.15 s");
                })
                .is_err(),
            )
        };
        let child = process::fork_to(met).unwrap();
        let ended = process::wait(child.as_raw(), WaitPidFlag::empty());
        assert_eq!(ended.unwrap().unwrap().1.code(), Some(0));
    }
}
