//! s6-notify-fd-from-socket and s6-notify-socket-from-fd: between a daemon that tells its readiness
//! in one way and a supervisor that expects the other. One way is a newline on a descriptor, the
//! other is sd_notify's datagrams. Reference:
//! <https://skarnet.org/software/s6/s6-notify-fd-from-socket.html> and
//! `s6-notify-socket-from-fd.html`.

use crate::format::decimal;
use crate::sys::poll::{Deadline, readable};
use crate::sys::{fd, process, signal};
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, bind, getsockname, recv,
    sendmsg, socket,
};
use nix::unistd::Pid;
use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

const VARIABLE: &[u8] = b"NOTIFY_SOCKET";

/// How the one who passes the notification on stands beside the program.
#[derive(Clone, Copy)]
struct Aside {
    /// As its child, rather than as an orphan.
    child: bool,
    timeout_ms: u32,
}

/// What the long option without a letter counts as.
const DOUBLE_FORK: char = 'F';

/// `s6-notify-fd-from-socket [ -f ] [ -3 fd ] [ -t timeout ] prog...`
pub(super) fn fd_from_socket(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let long = [
        ("no-doublefork", 'f'),
        ("doublefork", DOUBLE_FORK),
        ("notification-fd", '3'),
        ("timeout", 't'),
    ];
    let options = Options::parse_long(process, argv, "f3:t:", &long)?;
    if options.words().is_empty() {
        return Err(process.usage());
    }
    let aside = Aside::from_options(process, &options)?;
    let notification = match options.value('3') {
        Some(word) => notification_fd(process, word)?,
        None => read_notification_fd(process)?,
    };
    let program = options.rest();
    if !fd::is_open(notification) {
        let text = "notification-fd sanity check failed";
        return Err(process.fatal_errno(text, Errno::EBADF));
    }
    let socket = datagrams().map_err(process.unable("create socket"))?;
    let name = autobind(&socket).map_err(process.unable("bind"))?;
    let deadline = Deadline::after_ms(aside.timeout_ms);
    aside.run(process, || pass_on_to_fd(process, &socket, notification, deadline))?;
    fd::close(notification);
    process.env.set(VARIABLE, &[b"@", name.as_slice()].concat());
    Ok(program.into())
}

/// `s6-notify-socket-from-fd [ -d fd ] [ -f ] [ -t timeout ] [ -k ] prog...`
pub(super) fn socket_from_fd(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let long = [
        ("no-doublefork", 'f'),
        ("doublefork", DOUBLE_FORK),
        ("keep-environment", 'k'),
        ("notification-fd", 'd'),
        ("timeout", 't'),
    ];
    let options = Options::parse_long(process, argv, "fkd:t:", &long)?;
    if options.words().is_empty() {
        return Err(process.usage());
    }
    let aside = Aside::from_options(process, &options)?;
    let notification = options.value('d').map_or(Ok(1), |word| notification_fd(process, word))?;
    let keep = options.has('k');
    let program = options.rest();
    let Some(address) = process.env.get(VARIABLE).map(<[u8]>::to_vec) else {
        return Ok(program.into());
    };
    let (notified, notify) = fd::pipe_above_2().map_err(process.unable("pipe"))?;
    let deadline = Deadline::after_ms(aside.timeout_ms);
    let daemon = nix::unistd::getpid();
    let writer = notify.as_raw_fd();
    aside.run(process, || {
        fd::close(writer);
        pass_on_to_socket(process, &notified, &address, daemon, deadline)
    })?;
    fd::place(notification, notify).map_err(process.unable("fd_move"))?;
    if !keep {
        process.env.unset(VARIABLE);
    }
    Ok(program.into())
}

impl Aside {
    fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let timeout_ms = options.value('t').map_or(Some(0u32), decimal::parse);
        let text = "timeout must be an unsigned integer";
        let timeout_ms = timeout_ms.ok_or_else(|| process.fatal(100, text))?;
        Ok(Self { child: options.last_of("fF") == Some('f'), timeout_ms })
    }

    /// Runs `body` in a process of its own, which exits with the code that it gives.
    fn run(self, process: &Process, body: impl FnOnce() -> u8) -> Result<(), Exit> {
        let body = || i32::from(body());
        let forked = match self.child {
            true => process::fork_to(body).map(drop),
            false => process::fork_orphan_to(body),
        };
        forked.map_err(process.unable("fork"))
    }
}

fn notification_fd(process: &Process, word: &[u8]) -> Result<RawFd, Exit> {
    decimal::parse(word)
        .ok_or_else(|| process.fatal(100, "notification-fd must be an unsigned integer"))
}

/// What the file in the service directory says, in its first line.
fn read_notification_fd(process: &Process) -> Result<RawFd, Exit> {
    let file = "./notification-fd";
    let text = std::fs::read(file).map_err(|e| errno(&e));
    let text = text.map_err(process.unable(format_args!("read {file}")))?;
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    decimal::parse(line).ok_or_else(|| process.fatal(100, format_args!("invalid {file}")))
}

fn datagrams() -> Result<OwnedFd, Errno> {
    socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
}

/// Gives a socket an abstract name that the kernel chooses.
fn autobind(socket: &OwnedFd) -> Result<Word, Errno> {
    bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
    let address: UnixAddr = getsockname(socket.as_raw_fd())?;
    address.as_abstract().map(<[u8]>::to_vec).ok_or(Errno::EADDRNOTAVAIL)
}

/// Waits for READY=1, and writes a newline. Ends too when nobody reads that any more.
// Differs: the original polls the wrong descriptor, and wants a newline after READY=1.
fn pass_on_to_fd(process: &Process, socket: &OwnedFd, to: RawFd, deadline: Deadline) -> u8 {
    let mut buffer = [0; 8192];
    loop {
        let ready = match readable(&[fd::borrow(&socket.as_raw_fd()), fd::borrow(&to)], deadline) {
            Ok(ready) => ready,
            Err(_) => return 111,
        };
        if ready.is_empty() {
            process.fatal(99, "timed out waiting for notification");
            return 99;
        }
        if !ready.contains(&0) {
            return 0;
        }
        let got = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT).unwrap_or(0);
        let mut lines = buffer[..got].split(|&byte| byte == b'\n');
        if lines.any(|line| line == b"READY=1") {
            let _ = signal::ignore(Signal::SIGPIPE).and_then(|()| fd::write_all(to, b"\n"));
            return 0;
        }
    }
}

/// Waits for a newline, and sends READY=1; then waits until that has been read.
fn pass_on_to_socket(
    process: &Process,
    from: &OwnedFd,
    address: &[u8],
    daemon: Pid,
    deadline: Deadline,
) -> u8 {
    let mut buffer = [0; 4096];
    loop {
        match readable(&[from], deadline).as_deref() {
            Ok([]) => return 99,
            Ok(_) => {}
            Err(_) => return 111,
        }
        match fd::read(from.as_raw_fd(), &mut buffer) {
            Ok(0) => return 1,
            Ok(got) if buffer[..got].contains(&b'\n') => break,
            Ok(_) => {}
            Err(_) => return 111,
        }
    }
    match send_ready(address, daemon, deadline) {
        Ok(true) => 0,
        Ok(false) => 99,
        Err(e) => {
            process.unable(format_args!("send notification to {}", show(address)))(e);
            111
        }
    }
}

/// True once the message has been read, or false when the time is over.
fn send_ready(address: &[u8], daemon: Pid, deadline: Deadline) -> Result<bool, Errno> {
    let address = match address.strip_prefix(b"@") {
        Some(name) => UnixAddr::new_abstract(name)?,
        None => UnixAddr::new(address)?,
    };
    let socket = datagrams()?;
    let send = |text: &str, rights: &[ControlMessage]| {
        let parts = [IoSlice::new(text.as_bytes())];
        sendmsg(socket.as_raw_fd(), &parts, rights, MsgFlags::MSG_NOSIGNAL, Some(&address))
    };
    send(&format!("READY=1\nMAINPID={daemon}\n"), &[])?;
    // The receiver closes what comes with a barrier once it has read all that came before. One
    // that does not know barriers may have gone by now.
    let (closed, barrier) = fd::pipe_above_2()?;
    let sent = send("BARRIER=1\n", &[ControlMessage::ScmRights(&[barrier.as_raw_fd()])]);
    drop(barrier);
    Ok(sent.is_err() || !readable(&[closed], deadline)?.is_empty())
}
