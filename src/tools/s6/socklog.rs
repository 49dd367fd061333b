//! s6-socklog: receives syslog messages, and writes them to stdout as lines.
//! Reference: <https://skarnet.org/software/s6/s6-socklog.html>.

use super::applyuidgid;
use super::outbox::Outbox;
use crate::format::decimal;
use crate::format::syslog::decode;
use crate::sys::ipc::{self, SocketKind};
use crate::sys::poll::{self, Deadline};
use crate::sys::signalfd::SignalQueue;
use crate::sys::{fd, inet, signal};
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::socket::{MsgFlags, recv};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// How long a message may be, in bytes, whatever the option says.
const LENGTHS: std::ops::RangeInclusive<usize> = 76..=1_048_576;
/// The port of syslog.
const PORT: u16 = 514;
/// How many messages of the greatest length wait for stdout at most.
const WAITING: usize = 4;
/// How many messages are read after SIGTERM at most: a socket of the kernel holds no more by far.
const QUEUED: usize = 4096;

/// `s6-socklog [ -d notif ] [ -r ] [ -U | -u uid -g gid -G gidlist ] [ -l linelen ]
/// [ -t lameducktimeout ] [ -x socket | -i ip_port ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "rd:l:t:u:g:G:Ux:i:")?;
    let identity = applyuidgid::wanted(process, &options)?;
    let length = options.number(process, 'l', 1024u32)?;
    let lame_duck_ms = options.number(process, 't', 0u32)?;
    let notification = options.notification(process, 'd')?;
    for (number, name) in [(1, "stdout"), (2, "stderr")] {
        if !fd::is_open(number) {
            process.fatal_errno(format_args!("invalid {name}"), Errno::EBADF);
            return Err(Exit(100));
        }
    }
    let socket = Socket::open(process, &options)?;
    applyuidgid::assume(process, identity)?;
    signal::ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
    let signals = SignalQueue::catch(SigSet::from_iter([Signal::SIGTERM]));
    let signals = signals.map_err(process.unable("trap signals"))?;
    if let Some(notification) = notification {
        let _ = fd::write_all(notification, b"\n");
        fd::close(notification);
    }
    let lines = Lines {
        raw: options.has('r'),
        length: (length as usize).clamp(*LENGTHS.start(), *LENGTHS.end()),
        outbox: Outbox::default(),
    };
    receive_all(process, &socket, &signals, lines, lame_duck_ms.into())
}

/// Where messages come from.
enum Socket {
    /// Programs of this machine.
    Local(OwnedFd),
    /// Anywhere; their senders are told.
    Udp(UdpSocket),
}

impl Socket {
    fn open(process: &Process, options: &Options) -> Result<Self, Exit> {
        // Of the two options the last one counts.
        if options.last_of("xi") == Some('i') {
            let text = options.value('i').unwrap_or_default();
            let address = parse_address(text).ok_or_else(|| process.usage())?;
            let (ip, port) = (address.ip(), address.port());
            let unable = process.unable(format!("bind socket to ip {ip} port {port}"));
            return inet::receiver(address).map_err(unable).map(|socket| Self::Udp(socket.into()));
        }
        let path = options.value('x').unwrap_or(b"/dev/log");
        let socket =
            ipc::new(SocketKind::Datagrams, false).map_err(process.unable("create socket"))?;
        ipc::bind_anew(&socket, path, 0o777)
            .map_err(process.unable(format_args!("bind socket to {}", show(path))))?;
        Ok(Self::Local(socket))
    }

    /// One message, and who has sent it, if that is to be told.
    fn receive(&self, buffer: &mut [u8]) -> Result<(usize, Option<SocketAddr>), Errno> {
        match self {
            Self::Local(socket) => Ok((recv(socket.as_raw_fd(), buffer, MsgFlags::empty())?, None)),
            Self::Udp(socket) => {
                let (n, sender) = socket.recv_from(buffer).map_err(|e| errno(&e))?;
                Ok((n, Some(sender)))
            }
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Local(socket) => socket.as_fd(),
            Self::Udp(socket) => socket.as_fd(),
        }
    }
}

/// `ip`, or `ip_port`; with IPv4 also `ip:port`.
fn parse_address(text: &[u8]) -> Option<SocketAddr> {
    let separator = text.iter().position(|&b| b == b'_').or_else(|| {
        let colon = text.iter().position(|&b| b == b':')?;
        (!text[colon + 1..].contains(&b':')).then_some(colon)
    });
    let (ip, port) = match separator {
        Some(at) => (&text[..at], decimal::parse(&text[at + 1..])?),
        None => (text, PORT),
    };
    let ip: IpAddr = std::str::from_utf8(ip).ok()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

/// Messages made lines.
struct Lines {
    /// Whether codes stay as they are.
    raw: bool,
    /// How long a message may be, in bytes.
    length: usize,
    outbox: Outbox,
}

impl Lines {
    /// Adds a message as a line. One byte more than allowed shows that it was longer.
    ///
    /// Differs: that byte is not shown, so that the line is as long as documented.
    fn add(&mut self, message: &[u8], sender: Option<SocketAddr>) {
        let cut = message.len() > self.length;
        let message = message.get(..self.length).unwrap_or(message);
        let ends = |b: &u8| matches!(b, 0 | b'\n');
        let end = message.iter().rposition(|b| !ends(b)).map_or(0, |last| last + 1);
        let message = &message[..end];
        let (code, text) = match decode(message).filter(|_| !self.raw) {
            Some((code, text)) => (code, text),
            None => (String::new(), message),
        };
        let out = self.outbox.end();
        if let Some(sender) = sender {
            out.extend_from_slice(format!("{}_{}: ", sender.ip(), sender.port()).as_bytes());
        }
        out.extend_from_slice(code.as_bytes());
        out.extend(text.iter().map(|b| if ends(b) { b'~' } else { *b }));
        out.extend_from_slice(if cut { b"...\n" } else { b"\n" });
    }
}

/// Writes lines until SIGTERM, and then those that wait, if stdout takes them in time.
///
/// Differs: what was sent before SIGTERM is read; the reference leaves in the socket whatever it
/// had no turn to read.
fn receive_all(
    process: &Process,
    socket: &Socket,
    signals: &SignalQueue,
    mut lines: Lines,
    lame_duck_ms: u64,
) -> Result<Next, Exit> {
    let mut buffer = vec![0; lines.length + 1];
    let mut last_call = None;
    // How many messages may still be in the socket after SIGTERM.
    let mut queued = 0;
    while last_call.is_none() || queued > 0 || !lines.outbox.is_empty() {
        let waiting = lines.outbox.pending().len();
        let has_room = waiting < WAITING * lines.length;
        let drains = queued > 0 && has_room;
        let receives = last_call.is_none() && has_room;
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if receives {
            fds.push(PollFd::new(socket.as_fd(), PollFlags::POLLIN));
        }
        if waiting > 0 {
            fds.push(PollFd::new(fd::borrow(&1), PollFlags::POLLOUT));
        }
        let deadline = last_call.unwrap_or(Deadline::NEVER);
        if !drains && !poll::wait(&mut fds, deadline).map_err(process.unable("poll"))? {
            return Ok(Next::Exit(99));
        }
        let came = |place: usize| fds.get(place).and_then(PollFd::any).unwrap_or(false);
        let (message, room) = (drains || (receives && came(1)), waiting > 0 && came(fds.len() - 1));
        let has_signal = signals.next().map_err(process.unable("read signals"))?.is_some();
        if has_signal && last_call.is_none() {
            last_call = Some(Deadline::after_ms(lame_duck_ms));
            queued = QUEUED;
        }
        if room {
            let written = fd::write_ready(1, lines.outbox.pending());
            match written {
                Ok(n) => lines.outbox.advance(n),
                Err(Errno::EAGAIN) => {}
                Err(e) => return Err(process.unable("write to stdout")(e)),
            }
        }
        if message {
            queued = queued.saturating_sub(1);
            match socket.receive(&mut buffer) {
                Ok((0, _)) => {}
                Ok((n, sender)) => lines.add(buffer.get(..n).unwrap_or_default(), sender),
                Err(Errno::EAGAIN) => queued = if has_signal { queued } else { 0 },
                Err(e) => return Err(process.unable("recv")(e)),
            }
        }
    }
    Ok(Next::Exit(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_follow_addresses() {
        let read = |text: &str| parse_address(text.as_bytes()).map(|a| a.to_string());
        assert_eq!(read("127.0.0.1").as_deref(), Some("127.0.0.1:514"));
        assert_eq!(read("127.0.0.1:5").as_deref(), Some("127.0.0.1:5"));
        assert_eq!(read("::1").as_deref(), Some("[::1]:514"));
        assert_eq!(read("fe80::1_6").as_deref(), Some("[fe80::1]:6"));
        assert_eq!(read("1.2.3"), None);
        assert_eq!(read("1.2.3.4_x"), None);
    }

    #[test]
    fn a_message_is_one_line_of_a_bounded_length() {
        let mut lines = Lines { raw: false, length: 20, outbox: Outbox::default() };
        lines.add(b"<30>a\nb\0\n\n", None);
        lines.add(b"012345678901234567890", Some(([127, 0, 0, 1], 9).into()));
        lines.raw = true;
        lines.add(b"<30>a", None);
        let text = String::from_utf8_lossy(lines.outbox.pending());
        assert_eq!(text, "daemon.info: a~b\n127.0.0.1_9: 01234567890123456789...\n<30>a\n");
    }
}
