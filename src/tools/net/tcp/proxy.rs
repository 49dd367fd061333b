//! proxy-server: reads the header by which a proxy tells of the client, and becomes a program.
//! References: <https://skarnet.org/software/s6-networking/proxy-server.html>,
//! <https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt>.

use crate::format::decimal;
use crate::sys::fd;
use crate::sys::poll::{self, Deadline};
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use std::net::IpAddr;

const LONG: &[(&str, char)] = &[
    ("only-v1", '1'),
    ("only-v2", '2'),
    ("timeout", 't'),
    ("verbosity", 'v'),
    ("before-tlsd", 'b'),
    ("after-tlsd", 'a'),
];

/// What a header of version 1 begins with.
const V1: &[u8] = b"PROXY ";
/// The shortest and the longest header of version 1, with its end.
const V1_BYTES: (usize, usize) = (15, 107);
/// What a header of version 2 begins with.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// How long that part of it is which tells how much follows.
const V2_BYTES: usize = 16;

/// What stands before the names of variables until TLS has begun, whose own they would be.
const BACKUP: &str = "tlsbak_";
/// These variables.
const OF_TLS: [&str; 4] =
    ["SSL_TLS_SNI_SERVERNAME", "SSL_PROTOCOL", "SSL_PEER_CERT_CN", "SSL_CIPHER"];

/// What a header tells: names of variables, and their values.
type HeaderFields = Vec<(&'static str, Word)>;

/// What is wrong with a header, and the code to exit with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wrong(u8, &'static str);

const TOO_SHORT: Wrong = Wrong(1, "invalid address length");

/// `proxy-server [ -1 | -2 ] [ -t timeout ] [ -v verbosity ] [ --before-tlsd | --after-tlsd ]
/// prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "12t:v:", LONG)?;
    let deadline = Deadline::after_ms(options.number::<u32>(process, 't', 0)?);
    let verbosity = options.number(process, 'v', 1u32)?;
    let version = options.last_of("12");
    let (before, after) = (options.has('b'), options.has('a'));
    let program = options.rest();
    if program.is_empty() {
        return Err(process.usage());
    }
    process.show_pid();
    if after {
        restore(process);
        return Ok(program.into());
    }
    let wrong = |Wrong(code, text)| process.fatal(code, text);
    let (fields, is_local) = read(process, version, deadline, &wrong)?;
    if is_local && verbosity > 0 && !fields.is_empty() {
        process.warn("received LOCAL command with an address");
    }
    for (name, value) in fields {
        let prefix = if before && OF_TLS.contains(&name) { BACKUP } else { "" };
        process.env.set(format!("{prefix}{name}").as_bytes(), &value);
    }
    Ok(program.into())
}

/// Gives the variables the values that were put aside before TLS began.
fn restore(process: &mut Process) {
    for name in OF_TLS {
        let backup = format!("{BACKUP}{name}");
        match process.env.get(backup.as_bytes()).map(<[u8]>::to_vec) {
            Some(value) => {
                process.env.unset(backup.as_bytes());
                process.env.set(name.as_bytes(), &value);
            }
            None => process.env.unset(name.as_bytes()),
        }
    }
}

/// Reads the header, and not a byte of what follows. Whether the proxy speaks for itself.
fn read(
    process: &Process,
    version: Option<char>,
    deadline: Deadline,
    wrong: &dyn Fn(Wrong) -> Exit,
) -> Result<(HeaderFields, bool), Exit> {
    let unable = process.unable("read from stdin");
    let mut header = Vec::new();
    let first = if version == Some('2') { V2_BYTES } else { V1_BYTES.0 };
    fill(&mut header, first, deadline).map_err(&unable)?;
    if version != Some('2') && header.starts_with(V1) {
        while !header.ends_with(b"\n") && header.len() < V1_BYTES.1 {
            let length = header.len() + 1;
            fill(&mut header, length, deadline).map_err(&unable)?;
        }
        return Ok((parse_v1(&header).map_err(wrong)?, false));
    }
    if version == Some('1') {
        return Err(wrong(Wrong(1, "invalid magic")));
    }
    fill(&mut header, V2_BYTES, deadline).map_err(&unable)?;
    let start = parse_start(&header).map_err(wrong)?;
    fill(&mut header, V2_BYTES + start.length, deadline).map_err(&unable)?;
    let body = header.get(V2_BYTES..).unwrap_or_default();
    Ok((parse_v2(&start, body).map_err(wrong)?, start.is_local))
}

/// Reads until there are so many bytes.
///
/// Differs: the deadline counts whether stdin blocks or not.
fn fill(bytes: &mut Vec<u8>, length: usize, deadline: Deadline) -> Result<(), Errno> {
    while bytes.len() < length {
        if !poll::wait(&mut [PollFd::new(fd::borrow(&0), PollFlags::POLLIN)], deadline)? {
            return Err(Errno::ETIMEDOUT);
        }
        let mut chunk = vec![0; length - bytes.len()];
        match fd::read(0, &mut chunk) {
            Ok(0) => return Err(Errno::EPIPE),
            Ok(n) => bytes.extend_from_slice(chunk.get(..n).unwrap_or_default()),
            Err(Errno::EAGAIN) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

fn parse_v1(header: &[u8]) -> Result<HeaderFields, Wrong> {
    let invalid = Wrong(1, "invalid PROXY line");
    let line = header.strip_suffix(b"\r\n").ok_or(invalid)?;
    let line = line.strip_prefix(V1).ok_or(invalid)?;
    if line.contains(&b'\n') {
        return Err(invalid);
    }
    if line == b"UNKNOWN" || line.starts_with(b"UNKNOWN ") {
        return Ok(HeaderFields::new());
    }
    let words: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
    let [protocol, remote, local, remote_port, local_port] = words[..] else {
        return Err(invalid);
    };
    let is_v6 = match protocol {
        b"TCP4" => false,
        b"TCP6" => true,
        _ => return Err(Wrong(1, "invalid protocol in PROXY line")),
    };
    let ip = |word| address::parse(word).filter(|ip| ip.is_ipv6() == is_v6);
    let remote = ip(remote).ok_or(Wrong(1, "invalid remote ip in PROXY line"))?;
    let local = ip(local).ok_or(Wrong(1, "invalid local ip in PROXY line"))?;
    let port = |word| decimal::parse(word).ok_or(Wrong(1, "invalid port in PROXY line"));
    Ok(connection((remote, port(remote_port)?), (local, port(local_port)?)))
}

fn connection(remote: (IpAddr, u16), local: (IpAddr, u16)) -> HeaderFields {
    let text = |ip| address::show(ip).into_bytes();
    let number = |port: u16| port.to_string().into_bytes();
    vec![
        ("PROTO", b"TCP".to_vec()),
        ("TCPREMOTEIP", text(remote.0)),
        ("TCPLOCALIP", text(local.0)),
        ("TCPREMOTEPORT", number(remote.1)),
        ("TCPLOCALPORT", number(local.1)),
    ]
}

/// What a header of version 2 tells before its body.
struct Start {
    /// Whether the proxy speaks for itself.
    is_local: bool,
    /// What kind of addresses there are; 0: none.
    family: u8,
    /// How long the body is.
    length: usize,
}

/// Parses what precedes the body: a header that is none is refused before more is waited for.
fn parse_start(header: &[u8]) -> Result<Start, Wrong> {
    let rest = header.strip_prefix(V2).ok_or(Wrong(1, "invalid magic"))?;
    let [command, family, high, low] = *rest else { return Err(Wrong(1, "invalid magic")) };
    if command >> 4 != 2 {
        return Err(Wrong(1, "invalid version"));
    } else if command & 15 > 1 {
        return Err(Wrong(1, "invalid command"));
    }
    let (family, transport) = (family >> 4, family & 15);
    match transport {
        _ if family > 3 => return Err(Wrong(1, "invalid family")),
        _ if family == 0 || transport == 0 => {}
        1 => {}
        2 => return Err(Wrong(2, "unsupported transport protocol: datagram")),
        _ => return Err(Wrong(1, "invalid transport protocol")),
    }
    let start = Start {
        is_local: command & 15 == 0,
        family: if transport == 0 { 0 } else { family },
        length: usize::from(u16::from_be_bytes([high, low])),
    };
    let least = [0, 12, 36, 216].get(usize::from(start.family)).copied().unwrap_or(0);
    if start.length < least { Err(TOO_SHORT) } else { Ok(start) }
}

fn parse_v2(start: &Start, body: &[u8]) -> Result<HeaderFields, Wrong> {
    let (mut fields, extensions) = match start.family {
        0 => return Ok(HeaderFields::new()),
        1 => ends::<4>(body).ok_or(TOO_SHORT)?,
        2 => ends::<16>(body).ok_or(TOO_SHORT)?,
        _ => {
            let (paths, extensions) = body.split_at_checked(216).ok_or(TOO_SHORT)?;
            let (remote, local) = paths.split_at(108);
            let fields = vec![
                ("PROTO", b"IPC".to_vec()),
                ("IPCREMOTEPATH", text(remote)),
                ("IPCLOCALPATH", text(local)),
            ];
            (fields, extensions)
        }
    };
    parse_extensions(extensions, false, &mut fields)?;
    Ok(fields)
}

/// The addresses, of so many bytes each, and the ports of both ends, and what follows them.
fn ends<const N: usize>(body: &[u8]) -> Option<(HeaderFields, &[u8])>
where
    IpAddr: From<[u8; N]>,
{
    let (remote, rest) = body.split_first_chunk::<N>()?;
    let (local, rest) = rest.split_first_chunk::<N>()?;
    let (remote_port, rest) = rest.split_first_chunk()?;
    let (local_port, rest) = rest.split_first_chunk()?;
    let end = |ip: &[u8; N], port: &[u8; 2]| (IpAddr::from(*ip), u16::from_be_bytes(*port));
    Some((connection(end(remote, remote_port), end(local, local_port)), rest))
}

/// What follows the addresses: types, lengths and values; `nested`: within one of them.
fn parse_extensions(
    mut bytes: &[u8],
    nested: bool,
    fields: &mut HeaderFields,
) -> Result<(), Wrong> {
    let wrong = Wrong(1, "invalid TLV encoding in extension");
    while let Some((kind, rest)) = bytes.split_first() {
        let (length, rest) = rest.split_first_chunk().ok_or(wrong)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (value, rest) = rest.split_at_checked(length).ok_or(wrong)?;
        match (kind, nested) {
            (0x02, false) => fields.push(("SSL_TLS_SNI_SERVERNAME", text(value))),
            (0x20, false) => {
                let [client, _, _, _, _, inner @ ..] = value else { return Err(wrong) };
                if client & 1 != 0 {
                    parse_extensions(inner, true, fields)?;
                }
            }
            (0x21, true) => fields.push(("SSL_PROTOCOL", text(value))),
            (0x22, true) => fields.push(("SSL_PEER_CERT_CN", text(value))),
            (0x23, true) => fields.push(("SSL_CIPHER", text(value))),
            (0x02 | 0x20, true) => return Err(Wrong(1, "invalid sub-extension type")),
            (0x21..=0x23, false) => return Err(Wrong(1, "invalid main extension type")),
            _ => {}
        }
        bytes = rest;
    }
    Ok(())
}

/// A text up to its first NUL.
fn text(bytes: &[u8]) -> Word {
    bytes.split(|&b| b == 0).next().unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(fields: HeaderFields) -> Vec<String> {
        let one =
            |(name, value): (&str, Word)| format!("{name}={}", String::from_utf8_lossy(&value));
        fields.into_iter().map(one).collect()
    }

    fn v2(kind: [u8; 2], body: &[u8]) -> Result<Vec<String>, Wrong> {
        let length = (body.len() as u16).to_be_bytes();
        let start = parse_start(&[V2, &kind, &length].concat())?;
        parse_v2(&start, body).map(shown)
    }

    #[test]
    fn a_line_has_one_blank_between_its_words() {
        let line = |text: &str| parse_v1(text.as_bytes()).map(shown);
        let fields = line("PROXY TCP6 2001:DB8::1 ::1 01 65535\r\n").unwrap();
        assert_eq!(
            fields[1..],
            ["TCPREMOTEIP=2001:db8::1", "TCPLOCALIP=::1", "TCPREMOTEPORT=1", "TCPLOCALPORT=65535"]
        );
        assert_eq!(line("PROXY UNKNOWN\r\n"), Ok(vec![]));
        assert_eq!(line("PROXY UNKNOWN what ever\r\n"), Ok(vec![]));
        for wrong in [
            "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
            "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
            "PROXY TCP4 ::1 1.2.3.4 1 2\r\n",
            "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
            "PROXY UNKNOWNS\r\n",
            "PROXY UNKNOWN",
        ] {
            assert!(line(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn addresses_of_each_family_are_read() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 4, 87, 8, 174];
        let fields = v2([0x21, 0x11], &v4).unwrap();
        assert_eq!(fields[1..3], ["TCPREMOTEIP=192.0.2.1", "TCPLOCALIP=198.51.100.1"]);
        assert_eq!(fields[3..], ["TCPREMOTEPORT=1111", "TCPLOCALPORT=2222"]);
        let mut paths = [0; 216];
        paths[..4].copy_from_slice(b"/a\0b");
        assert_eq!(v2([0x21, 0x31], &paths).unwrap()[1..], ["IPCREMOTEPATH=/a", "IPCLOCALPATH="]);
        assert_eq!(v2([0x20, 0x00], b"ignored"), Ok(vec![]));
        assert_eq!(v2([0x21, 0x12], &v4).unwrap_err().0, 2);
        for (kind, length) in [([0x11, 0x11], 12), ([0x22, 0x11], 12), ([0x21, 0x41], 12)] {
            assert_eq!(v2(kind, &v4[..length]).unwrap_err().0, 1);
        }
        assert_eq!(v2([0x21, 0x11], &v4[..11]).unwrap_err().0, 1);
        assert_eq!(v2([0x21, 0x13], &v4).unwrap_err().0, 1);
    }

    #[test]
    fn extensions_tell_of_tls() {
        let tls = b"\x20\0\x13\x01\0\0\0\0\x21\0\x07TLSv1.3\x23\0\x01C";
        let with = |more: &[u8]| v2([0x21, 0x11], &[&[0; 12], more].concat());
        let fields = with(&[&b"\x02\0\x06a.test\x04\0\x01x"[..], tls].concat()).unwrap();
        assert_eq!(
            fields[5..],
            ["SSL_TLS_SNI_SERVERNAME=a.test", "SSL_PROTOCOL=TLSv1.3", "SSL_CIPHER=C"]
        );
        for wrong in [
            &b"\x02\0\x07a"[..],
            b"\x02\0",
            b"\x20\0\x04\x01\0\0\0",
            b"\x21\0\0",
            b"\x20\0\x08\x01\0\0\0\0\x02\0\0",
        ] {
            assert_eq!(with(wrong).unwrap_err().0, 1, "{wrong:?}");
        }
    }
}
