//! Which DNS servers to ask, and which suffixes to try: resolv.conf, or the environment.
//! Reference: <https://skarnet.org/software/s6-dns/libs6dns/s6dns-rci.html>.

use crate::sys::file;
use crate::tools::die::show;
use crate::tools::net::address;
use crate::tools::{Environment, Exit, Process};
use nix::errno::Errno;
use std::net::{IpAddr, Ipv6Addr};

/// The file.
const FILE: &[u8] = b"/etc/resolv.conf";
/// How many bytes of the file count.
const LONGEST: usize = 4095;
/// How many servers are asked at most.
const MAX_SERVERS: usize = 16;

/// How names are resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The servers to ask, at least one.
    pub servers: Vec<IpAddr>,
    /// The suffixes to try, each with a final dot.
    pub suffixes: Vec<Vec<u8>>,
}

impl Config {
    /// What the environment and /etc/resolv.conf say; without either, a server on this machine.
    pub fn load(process: &Process) -> Result<Self, Exit> {
        Self::read(&process.env).map_err(process.unable(format!("read {}", show(FILE))))
    }

    /// The same, for whoever has no messages of a tool.
    pub fn read(env: &Environment) -> Result<Self, Errno> {
        let file = match file::head(FILE, LONGEST) {
            Err(Errno::ENOENT) => Vec::new(),
            read => read?,
        };
        Ok(Self::of(env, &file))
    }

    fn of(env: &Environment, file: &[u8]) -> Self {
        let mut servers = env.get(b"DNSCACHEIP").map(address::list).unwrap_or_default();
        if servers.is_empty() {
            servers = file.split(|&b| b == b'\n').filter_map(server).collect();
        }
        if servers.is_empty() {
            servers.push(Ipv6Addr::LOCALHOST.into());
        }
        servers.truncate(MAX_SERVERS);
        let suffixes = match env.get(b"DNSQUALIFY") {
            Some(list) => words(list).map(suffix).collect(),
            None => file.split(|&b| b == b'\n').flat_map(suffixes).collect(),
        };
        Self { servers, suffixes }
    }
}

/// The server that a line names. The keyword begins the line, and a blank ends it.
fn server(line: &[u8]) -> Option<IpAddr> {
    let rest = line.strip_prefix(b"nameserver")?;
    let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let (ip, _) = address::prefix(rest.get(blanks..)?).filter(|_| blanks > 0)?;
    // Nobody answers at 0.0.0.0 or ::.
    (!ip.is_unspecified()).then_some(ip)
}

/// The suffixes that a line names: all of a search list, and one domain.
fn suffixes(line: &[u8]) -> Vec<Vec<u8>> {
    let keyword = line.get(..6).unwrap_or_default();
    let rest = line.get(6..).unwrap_or_default();
    let most = match keyword {
        _ if !rest.first().is_some_and(is_blank) => 0,
        b"search" => usize::MAX,
        b"domain" => 1,
        _ => 0,
    };
    words(rest).take(most).map(suffix).collect()
}

fn is_blank(byte: &u8) -> bool {
    b" \t\r\n".contains(byte)
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(is_blank).filter(|word| !word.is_empty())
}

fn suffix(word: &[u8]) -> Vec<u8> {
    let dot: &[u8] = if word.ends_with(b".") { b"" } else { b"." };
    [word, dot].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)], file: &str) -> (Vec<String>, Vec<String>) {
        let pairs = variables.iter().map(|(k, v)| (k.as_bytes().to_vec(), v.as_bytes().to_vec()));
        let config = Config::of(&pairs.collect(), file.as_bytes());
        let text = |suffix: Vec<u8>| String::from_utf8(suffix).unwrap();
        (
            config.servers.into_iter().map(address::show).collect(),
            config.suffixes.into_iter().map(text).collect(),
        )
    }

    #[test]
    fn keywords_begin_their_line() {
        let file = "# nameserver 1.1.1.1\nnameserver\t127.0.0.1\n nameserver 2.2.2.2\n\
                    nameserver::1\nnameserver 0.0.0.0\nnameserver ::1 # here\nnameserver 3.3.3.3";
        assert_eq!(config(&[], file).0, ["127.0.0.1", "::1", "3.3.3.3"]);
        assert_eq!(config(&[], "").0, ["::1"]);
        let many = "nameserver 127.0.0.1\n".repeat(20);
        assert_eq!(config(&[], &many).0.len(), MAX_SERVERS);
    }

    #[test]
    fn the_environment_goes_first() {
        let file = "nameserver 127.0.0.1\nsearch a b.\ndomain c d\nsearch\te\nsearches f\n";
        assert_eq!(config(&[], file).1, ["a.", "b.", "c.", "e."]);
        let set = [("DNSCACHEIP", "1.1.1.1 ::2"), ("DNSQUALIFY", " x.y  z.\n")];
        let want = (vec!["1.1.1.1".into(), "::2".into()], vec!["x.y.".into(), "z.".into()]);
        assert_eq!(config(&set, file), want);
        let useless = [("DNSCACHEIP", "nonsense"), ("DNSQUALIFY", "")];
        assert_eq!(config(&useless, file), (vec!["127.0.0.1".into()], vec![]));
    }
}
