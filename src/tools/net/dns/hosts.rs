//! The hosts database: /etc/hosts, or what s6-dns-hosts-compile has made of it.
//! Reference: <https://skarnet.org/software/s6-dns/s6-dns-hosts-compile.html>.
//!
//! | key | datum |
//! |---|---|
//! | `u4:ALIAS`, `u6:ALIAS` | the addresses of an alias, 4 or 16 bytes each |
//! | `a4:NAME.`, `a6:NAME.` | the same of a full name: the first of its line |
//! | `p4:` or `p6:` and an address | its names, each with a NUL at the end |

use super::name::{Name, TooLong};
use crate::format::cdb::{self, Cdb, Invalid};
use crate::tools::die::errno;
use crate::tools::net::address;
use nix::errno::Errno;
use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::SystemTime;

/// The text.
pub const TEXT: &str = "/etc/hosts";
/// The database that is used instead where it is newer.
pub const COMPILED: &str = "/etc/hosts.cdb";

/// Why there is no database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A line is not made as lines are.
    #[error("syntax error in line {0}")]
    Line(usize),
    /// It would be too big.
    #[error("{0}")]
    TooBig(Invalid),
    /// A file cannot be read.
    #[error("{}", crate::tools::die::reason(*.0))]
    Unreadable(Errno),
}

/// A kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    fn digit(self) -> u8 {
        match self {
            Self::V4 => b'4',
            Self::V6 => b'6',
        }
    }
}

/// The database, or nothing.
pub struct Hosts(Option<Cdb>);

impl Hosts {
    /// No entries at all.
    pub const NONE: Self = Self(None);

    /// The database of this machine.
    pub fn load() -> Result<Self, Unusable> {
        let modified = |file| fs::metadata(file).and_then(|found| found.modified()).ok();
        let (text, compiled) = (modified(TEXT), modified(COMPILED));
        let newer = |compiled: SystemTime| text.is_none_or(|text| compiled > text);
        if compiled.is_some_and(newer) {
            let content = fs::read(COMPILED).map_err(|e| Unusable::Unreadable(errno(&e)))?;
            if let Ok(cdb) = Cdb::new(content) {
                return Ok(Self(Some(cdb)));
            }
        }
        match fs::read(TEXT) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Self::NONE),
            Err(e) => Err(Unusable::Unreadable(errno(&e))),
            Ok(content) => {
                let cdb = Cdb::new(compile(&content)?).map_err(Unusable::TooBig)?;
                Ok(Self(Some(cdb)))
            }
        }
    }

    /// The addresses of a name. With suffixes, also of the aliases, and of the first name that is
    /// there of those that it may stand for.
    pub fn addresses(
        &self,
        text: &[u8],
        family: Family,
        suffixes: Option<&[Vec<u8>]>,
    ) -> Result<Vec<IpAddr>, TooLong> {
        let of = |kind: u8, name: &[u8]| self.addresses_at(kind, family, name);
        let Some(suffixes) = suffixes else {
            return Ok(of(b'a', Name::parse(text)?.as_bytes()));
        };
        let names = Name::qualified(text, suffixes)?;
        let mut found = of(b'u', &text.to_ascii_lowercase());
        let of_names = names.iter().map(|name| of(b'a', name.as_bytes()));
        found.extend(of_names.into_iter().find(|of_name| !of_name.is_empty()).unwrap_or_default());
        Ok(found)
    }

    /// The names of an address.
    pub fn names(&self, ip: IpAddr) -> Vec<Vec<u8>> {
        let datum = self.find(&key(b'p', Family::of(ip), &octets(ip)));
        let names = datum.split(|&b| b == 0).filter(|name| !name.is_empty());
        names.map(<[u8]>::to_vec).collect()
    }

    fn addresses_at(&self, kind: u8, family: Family, name: &[u8]) -> Vec<IpAddr> {
        let datum = self.find(&key(kind, family, name));
        let v4 = datum.as_chunks::<4>().0.iter().map(|bytes| IpAddr::from(*bytes));
        let v6 = datum.as_chunks::<16>().0.iter().map(|bytes| IpAddr::from(*bytes));
        match family {
            Family::V4 => v4.collect(),
            Family::V6 => v6.collect(),
        }
    }

    /// What the database has; a damaged one has nothing.
    fn find(&self, key: &[u8]) -> &[u8] {
        let found = self.0.as_ref().and_then(|cdb| cdb.find(key).ok().flatten());
        found.unwrap_or_default()
    }
}

/// The file that is the database of a text.
pub fn compile(text: &[u8]) -> Result<Vec<u8>, Unusable> {
    let mut parts = Vec::new();
    for (number, line) in text.split(|&b| b == b'\n').enumerate() {
        let entry = parse(line).ok_or(Unusable::Line(number + 1))?;
        for (place, name) in entry.names.iter().enumerate() {
            let Some(ip) = entry.ip else { break };
            let (kind, name) = match place {
                0 if name.ends_with(b".") => (b'a', name.clone()),
                0 => (b'a', [name.as_slice(), b"."].concat()),
                _ => (b'u', name.clone()),
            };
            let (family, address) = (Family::of(ip), octets(ip));
            parts.push((key(kind, family, &name), address.clone()));
            parts.push((key(b'p', family, &address), [name.as_slice(), b"\0"].concat()));
        }
    }
    let records = gather(parts);
    let records = records.iter().map(|(key, datum)| (key.as_slice(), datum.as_slice()));
    cdb::build(records).map_err(Unusable::TooBig)
}

type Part = (Vec<u8>, Vec<u8>);

/// Joins the data of each key in order, the same one once.
fn gather(parts: Vec<Part>) -> Vec<Part> {
    let mut numbered: Vec<_> = parts.into_iter().zip(0usize..).collect();
    numbered.sort_unstable();
    numbered.dedup_by(|(later, _), (earlier, _)| later == earlier);
    numbered.sort_unstable_by(|((a, _), m), ((b, _), n)| (a, m).cmp(&(b, n)));
    let mut records: Vec<Part> = Vec::new();
    for ((key, datum), _) in numbered {
        match records.last_mut().filter(|(last, _)| *last == key) {
            Some((_, data)) => data.extend(datum),
            None => records.push((key, datum)),
        }
    }
    records
}

/// What a line says. Without an address it is empty, or of no use to the DNS.
#[derive(Debug, Default, PartialEq, Eq)]
struct Entry {
    ip: Option<IpAddr>,
    names: Vec<Vec<u8>>,
}

/// Parses a line: an address, its full name, and aliases.
///
/// Differs: a comment may follow the names, and several blanks between them are as good as one.
fn parse(line: &[u8]) -> Option<Entry> {
    let text = line.split(|&b| b == b'#').next().unwrap_or_default();
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | 0x0b | 0x0c);
    let mut words = text.split(is_blank).filter(|word| !word.is_empty());
    let Some(first) = words.next() else { return Some(Entry::default()) };
    if let Some(percent) = first.iter().position(|&b| b == b'%') {
        // An address of one link only: the DNS has no names for interfaces.
        let ip = address::parse(first.get(..percent)?)?;
        return ip.is_ipv6().then(Entry::default);
    }
    let ip = address::parse(first)?;
    let names: Vec<Vec<u8>> = words.map(<[u8]>::to_ascii_lowercase).collect();
    names.iter().all(|name| is_name(name)).then_some(Entry { ip: Some(ip), names })
}

/// A letter, and then letters, digits and some signs.
fn is_name(word: &[u8]) -> bool {
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    word.first().is_some_and(u8::is_ascii_alphabetic) && word.iter().all(allowed)
}

fn key(kind: u8, family: Family, name: &[u8]) -> Vec<u8> {
    [&[kind, family.digit(), b':'][..], name].concat()
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(text: &str) -> Hosts {
        Hosts(Some(Cdb::new(compile(text.as_bytes()).unwrap()).unwrap()))
    }

    #[test]
    fn a_line_has_one_full_name_and_aliases() {
        let text = "# all\n\n \t192.0.2.7  Host.Test\talias \t other # no\r\n192.0.2.8 host.test\n\
                    fe80::1%eth0 link\n2001:db8::7 host.test\n192.0.2.7 host.test\n192.0.2.9";
        let hosts = hosts(text);
        let find = |name: &str, suffixes: Option<&[Vec<u8>]>| -> Vec<String> {
            let found = hosts.addresses(name.as_bytes(), Family::V4, suffixes).unwrap();
            found.into_iter().map(address::show).collect()
        };
        assert_eq!(find("HOST.test", None), ["192.0.2.7", "192.0.2.8"]);
        assert_eq!(find("alias", None), [""; 0]);
        assert_eq!(find("Alias", Some(&[])), ["192.0.2.7"]);
        assert_eq!(find("host", Some(&[b"x.".to_vec(), b"test.".to_vec()])).len(), 2);
        assert_eq!(find("link", Some(&[])), [""; 0]);
        let v6 = hosts.addresses(b"host.test.", Family::V6, None).unwrap();
        assert_eq!(v6, ["2001:db8::7".parse::<IpAddr>().unwrap()]);
        let names = hosts.names([192, 0, 2, 7].into());
        assert_eq!(names, [b"host.test.".as_slice(), b"alias", b"other"]);
        assert!(Hosts::NONE.names([192, 0, 2, 7].into()).is_empty());
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for wrong in ["no address", "192.0.2.1 9to5.test", "192.0.2.1 a/b", "1.2.3%eth0 x"] {
            let text = format!("192.0.2.1 a\n{wrong}\n");
            assert_eq!(compile(text.as_bytes()), Err(Unusable::Line(2)), "{wrong}");
        }
    }

    #[test]
    fn thousands_of_names_for_one_address_are_no_trouble() {
        let text: String = (0..50_000).map(|n| format!("0.0.0.0 ad{n}.test\n")).collect();
        assert_eq!(hosts(&text).names([0; 4].into()).len(), 50_000);
    }
}
