//! s6-ident-client: asks the other side of a connection whose it is.
//! References: <https://skarnet.org/software/s6-networking/s6-ident-client.html>,
//! <https://www.rfc-editor.org/rfc/rfc1413>.

use crate::format::decimal;
use crate::sys::fd;
use crate::sys::inet::{self, Protocol};
use crate::sys::poll::{self, Deadline};
use crate::tools::die::{reason, show};
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{MsgFlags, send};
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The port of ident servers.
const PORT: u16 = 113;
/// The longest reply, in bytes.
const LONGEST: usize = 1024;

/// What a server replies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Whose the connection is.
    User(Vec<u8>),
    /// Why it does not say so.
    Refusal(Refusal),
}

/// Why a server does not say whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It knows no such connection.
    InvalidPort,
    /// It is nobody's.
    NoUser,
    /// It is somebody's who wants to stay unknown.
    HiddenUser,
    /// No reason is given, or the reply ends early.
    Unknown,
    /// A reason of the server's own.
    Extension,
}

impl Refusal {
    /// Each by the word that a server has for it.
    const WORDS: [(&'static [u8], Self); 5] = [
        (b"INVALID-PORT", Self::InvalidPort),
        (b"NO-USER", Self::NoUser),
        (b"HIDDEN-USER", Self::HiddenUser),
        (b"UNKNOWN-ERROR", Self::Unknown),
        (b"X", Self::Extension),
    ];
}

impl Display for Refusal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidPort => "invalid port",
            Self::NoUser => "no such user",
            Self::HiddenUser => "identification denied",
            Self::Unknown => "unknown error",
            Self::Extension => "X-error-token",
        })
    }
}

/// `s6-ident-client [ -t timeout ] ra rp la lp`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "t:")?;
    let deadline = Deadline::after_ms(options.number::<u32>(process, 't', 0)?);
    let [ra, rp, la, lp, ..] = options.words() else { return Err(process.usage()) };
    let invalid = |what: &str, word: &[u8]| {
        process.fatal(100, format_args!("invalid {what}: {}", show(word)))
    };
    let end = |ip: &[u8], port: &[u8]| {
        let ip = address::parse(ip).ok_or_else(|| invalid("IP address", ip))?;
        let port = decimal::parse(port).ok_or_else(|| invalid("port number", port))?;
        Ok(SocketAddr::new(ip, port))
    };
    let (remote, local) = (end(ra, rp)?, end(la, lp)?);
    if remote.is_ipv4() != local.is_ipv4() {
        return Err(process.fatal(100, "address family mismatch"));
    }
    match ask(remote, local, deadline) {
        Ok(Reply::User(user)) => {
            process.print(&[user.as_slice(), b"\n"].concat())?;
            Ok(Next::Exit(0))
        }
        Ok(Reply::Refusal(refusal)) => {
            process.warn(format_args!("ident server replied: {refusal}"));
            Ok(Next::Exit(1))
        }
        Err(e) => {
            let code = if e == Errno::ETIMEDOUT { 99 } else { 111 };
            let server = address::show(remote.ip());
            let text = format_args!("unable to ask the ident server at {server}: {}", reason(e));
            Err(process.fatal(code, text))
        }
    }
}

/// Asks the server at the remote end whose a connection is.
pub fn ask(remote: SocketAddr, local: SocketAddr, deadline: Deadline) -> Result<Reply, Errno> {
    if remote.is_ipv4() != local.is_ipv4() {
        return Err(Errno::EAFNOSUPPORT);
    }
    let socket = inet::new(remote.ip(), Protocol::Tcp)?;
    inet::bind(&socket, SocketAddr::new(local.ip(), 0), false)?;
    inet::connect_until(&socket, SocketAddr::new(remote.ip(), PORT), deadline)?;
    // So little fits into any socket at once.
    let question = format!("{} , {}\r\n", remote.port(), local.port());
    send(socket.as_raw_fd(), question.as_bytes(), MsgFlags::MSG_NOSIGNAL)?;
    match line(&socket, deadline)? {
        Some(line) => parse(&line, remote.port(), local.port()).ok_or(Errno::EPROTO),
        None => Ok(Reply::Refusal(Refusal::Unknown)),
    }
}

/// Reads a line, which is returned without its end; `None` if there is no whole one.
fn line(socket: &OwnedFd, deadline: Deadline) -> Result<Option<Vec<u8>>, Errno> {
    let mut line = Vec::new();
    loop {
        if let Some(end) = line.iter().position(|&b| b == b'\n') {
            line.truncate(end);
            return Ok(Some(line));
        }
        if line.len() > LONGEST {
            return Err(Errno::EPROTO);
        }
        if !poll::wait(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], deadline)? {
            return Err(Errno::ETIMEDOUT);
        }
        let mut chunk = [0; 256];
        match fd::read(socket.as_raw_fd(), &mut chunk) {
            Ok(0) => return Ok(None),
            Ok(n) => line.extend_from_slice(&chunk[..n]),
            Err(Errno::EAGAIN) => {}
            Err(e) => return Err(e),
        }
    }
}

/// What a line says about these ports; `None` if it is no reply to the question.
///
/// Differs: of a line that ends as the protocol says, in CR and LF, the CR is not the user's.
fn parse(line: &[u8], remote: u16, local: u16) -> Option<Reply> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let mut parts = line.splitn(4, |&b| b == b':');
    let ports = parts.next()?;
    let mut ports = ports.split(|&b| b == b',').map(|port| decimal::parse(trim(port)));
    if (ports.next()?, ports.next()?, ports.next()) != (Some(remote), Some(local), None) {
        return None;
    }
    match trim(parts.next()?) {
        b"ERROR" => {
            let word = trim(parts.next()?);
            let refusal = Refusal::WORDS.iter().find(|(known, _)| word.starts_with(known));
            refusal.map(|(_, refusal)| Reply::Refusal(*refusal))
        }
        b"USERID" => {
            let (_system, user) = (parts.next()?, parts.next()?);
            let user = user.strip_prefix(b" ").or(user.strip_prefix(b"\t")).unwrap_or(user);
            // A variable could not hold more.
            let user = user.split(|&b| b == 0).next().unwrap_or_default();
            Some(Reply::User(user.to_vec()))
        }
        _ => None,
    }
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_names_the_ports_and_a_user_or_an_error() {
        let reply = |line: &str| parse(line.as_bytes(), 1000, 20);
        let user = |name: &str| Some(Reply::User(name.as_bytes().to_vec()));
        assert_eq!(reply("1000 , 20 : USERID : UNIX : joe user\r"), user("joe user"));
        assert_eq!(reply("1000,20:USERID:UNIX,utf-8:  a:b"), user(" a:b"));
        assert_eq!(reply("\t1000\t,\t20\t:\tUSERID\t:\tX\t:x\0y"), user("x"));
        let refusal = |refusal| Some(Reply::Refusal(refusal));
        assert_eq!(reply("1000, 20 : ERROR : NO-USER\r"), refusal(Refusal::NoUser));
        assert_eq!(reply("1000, 20 : ERROR : X-OURS"), refusal(Refusal::Extension));
        for wrong in [
            "",
            "1000, 21 : USERID : UNIX : joe",
            "1000 : USERID : UNIX : joe",
            "1000, 20, 3 : USERID : UNIX : joe",
            "1000, 20 : USERID : UNIX",
            "1000, 20 : ERROR : SOME",
            "1000, 20 : OTHER : x",
            "70000, 20 : USERID : UNIX : joe",
        ] {
            assert_eq!(reply(wrong), None, "{wrong}");
        }
    }
}
