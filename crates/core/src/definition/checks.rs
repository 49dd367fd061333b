//! What a check is, from the text of `health`, `ready-http` and the like.

use super::error::Mistake;
use super::parse;
use crate::execline::lexer;
use crate::format::decimal;
use crate::format::look::{Address, Check};

/// Reads a line of `health`.
pub fn line(line: &[u8]) -> Result<Check, Mistake> {
    let (kind, rest) = match line.iter().position(u8::is_ascii_whitespace) {
        Some(at) => line.split_at(at),
        None => (line, b"".as_slice()),
    };
    let rest = rest.trim_ascii();
    match kind {
        b"http" => http(rest),
        b"tcp" => address(rest).map(Check::Tcp),
        b"unix" => unix(rest),
        b"exec" => words(rest),
        _ => Err(invalid(line)),
    }
}

/// Reads `[HOST:]PORT[/PATH]`.
pub fn http(text: &[u8]) -> Result<Check, Mistake> {
    let at = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
    let (address_of, path) = text.split_at(at);
    let is_visible = |b: &u8| b.is_ascii_graphic();
    match std::str::from_utf8(path) {
        Ok("") => Ok(Check::Http(address(address_of)?, "/".to_owned())),
        Ok(text) if path.iter().all(is_visible) => {
            Ok(Check::Http(address(address_of)?, text.to_owned()))
        }
        _ => Err(invalid(text)),
    }
}

/// Reads `[HOST:]PORT`; an IPv6 address has brackets around it.
pub fn address(text: &[u8]) -> Result<Address, Mistake> {
    let wrong = || invalid(text);
    let text_of = |bytes| std::str::from_utf8(bytes).ok().map(str::to_owned);
    let (host, port) = match text.iter().rposition(|&b| b == b':') {
        None => (None, text),
        Some(at) => {
            let (host, port) = (text.get(..at).unwrap_or(b""), text.get(at + 1..).unwrap_or(b""));
            let inner = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]"));
            let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            let host = match inner {
                Some(ip) if ip.iter().all(|b| b.is_ascii_hexdigit() || b":.".contains(b)) => ip,
                None if host.iter().all(is_name) => host,
                Some(_) | None => return Err(wrong()),
            };
            if host.is_empty() {
                return Err(wrong());
            }
            (Some(text_of(host).ok_or_else(wrong)?), port)
        }
    };
    let port = decimal::parse(port).filter(|port| *port > 0).ok_or_else(wrong)?;
    Ok(Address { host, port })
}

/// Reads the path of a socket.
pub fn unix(text: &[u8]) -> Result<Check, Mistake> {
    /// What `struct sockaddr_un` has room for.
    const LONGEST: usize = 107;
    let path = std::str::from_utf8(text).map_err(|_| invalid(text))?;
    let fits = (1..=LONGEST).contains(&text.len()) && !text.contains(&0);
    fits.then(|| Check::Unix(path.to_owned())).ok_or_else(|| invalid(text))
}

fn words(text: &[u8]) -> Result<Check, Mistake> {
    match lexer::words(text).map_err(Mistake::Syntax)? {
        words if words.is_empty() => Err(invalid(text)),
        words => Ok(Check::Exec(words)),
    }
}

/// What `ready-exec` runs: itself, if it is a program, else the words that it holds.
pub(super) fn program(text: &[u8]) -> Result<Check, Mistake> {
    match text.starts_with(b"#!") || text.starts_with(b"\x7fELF") {
        true => Ok(Check::Exec(vec![b"./ready-exec".to_vec()])),
        false => words(text),
    }
}

/// The one line of a file, without the blanks around it.
pub(super) fn only_line(text: &[u8]) -> Result<&[u8], Mistake> {
    let line = text.trim_ascii();
    if line.contains(&b'\n') { Err(invalid(line)) } else { Ok(line) }
}

fn invalid(text: &[u8]) -> Mistake {
    Mistake::CheckInvalid(parse::excerpt(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_is_a_port_and_perhaps_a_host() {
        let shown = |text: &str| address(text.as_bytes()).ok().map(|a| a.to_string());
        assert_eq!(shown("80").as_deref(), Some("127.0.0.1:80"));
        assert_eq!(shown("db.local:5432").as_deref(), Some("db.local:5432"));
        assert_eq!(shown("[fe80::1]:1").as_deref(), Some("[fe80::1]:1"));
        for wrong in ["", ":80", "0", "65536", "a b:1", "[::1]", "::1:80", "[x]:1", "host:"] {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_program_is_itself_or_its_words() {
        let exec = |text: &str| program(text.as_bytes()).ok();
        let words = |words: &[&str]| {
            Some(Check::Exec(words.iter().map(|word| word.as_bytes().to_vec()).collect()))
        };
        assert_eq!(exec("#!/bin/sh\nexit 0\n"), words(&["./ready-exec"]));
        assert_eq!(exec("redis-cli ping\n"), words(&["redis-cli", "ping"]));
        assert_eq!((exec("\n"), exec("\"")), (None, None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            let _ = (line(&text), http(&text), program(&text));
        }

        #[test]
        fn what_is_shown_is_read(host in prop::option::of("[a-z][a-z0-9.]{0,9}"), port in 1u16..) {
            let address_of = Address { host, port };
            prop_assert_eq!(address(address_of.to_string().as_bytes()).unwrap().port, port);
            let check_of = Check::Http(address_of, "/x".to_owned());
            let read = line(check_of.to_string().as_bytes()).unwrap();
            prop_assert_eq!(read.to_string(), check_of.to_string());
        }
    }
}
