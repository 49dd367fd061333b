//! Domain names: as people write them, and as questions have them.

use std::net::IpAddr;

/// The longest name, in bytes: both as text with its final dot and a dot in front, and in a packet.
const LONGEST: usize = 255;
/// The longest label.
const LONGEST_LABEL: usize = 63;

/// The name cannot be asked for: it, or one of its labels, is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Filename too long")]
pub struct TooLong;

/// An absolute name in lower case, with its final dot: `one.test.`; the root is `.`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Vec<u8>);

impl Name {
    /// The name that a text is. A final dot is added, and of several dots in a row one is kept.
    pub fn parse(text: &[u8]) -> Result<Self, TooLong> {
        let mut name = Vec::with_capacity(text.len() + 1);
        for label in labels(text) {
            if label.len() > LONGEST_LABEL {
                return Err(TooLong);
            }
            name.extend(label.iter().map(u8::to_ascii_lowercase));
            name.push(b'.');
        }
        match name.len() {
            0 => Ok(Self(b".".to_vec())),
            1..LONGEST => Ok(Self(name)),
            _ => Err(TooLong),
        }
    }

    /// The names that a text may stand for, in order: followed by each of the suffixes, then alone.
    /// A text with a final dot stands for itself.
    pub fn qualified(text: &[u8], suffixes: &[Vec<u8>]) -> Result<Vec<Self>, TooLong> {
        let suffixes = if text.is_empty() || text.ends_with(b".") { &[] } else { suffixes };
        let longer = suffixes.iter().map(|suffix| [text, b".", suffix].concat());
        longer.chain([text.to_vec()]).map(|name| Self::parse(&name)).collect()
    }

    /// The name under which the names of an address are kept.
    pub fn reverse(ip: IpAddr) -> Self {
        let name = match ip {
            IpAddr::V4(v4) => {
                let [a, b, c, d] = v4.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
            }
            IpAddr::V6(v6) => {
                let bytes = v6.octets().into_iter().rev();
                let digits: String = bytes.map(|b| format!("{:x}.{:x}.", b & 15, b >> 4)).collect();
                digits + "ip6.arpa."
            }
        };
        Self(name.into_bytes())
    }

    /// The name that a packet has; `None` if it is none, or has another's dots in its labels.
    pub fn from_wire(mut wire: &[u8]) -> Option<Self> {
        let mut text = Vec::new();
        while let Some((length, rest)) = wire.split_first().filter(|(length, _)| **length > 0) {
            let (label, rest) = rest.split_at_checked(usize::from(*length))?;
            text.extend_from_slice(label);
            text.push(b'.');
            wire = rest;
        }
        let name = Self::parse(&text).ok()?;
        (wire == [0] && (name.0 == text.to_ascii_lowercase() || text.is_empty())).then_some(name)
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The name as a packet has it.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = Vec::with_capacity(self.0.len() + 1);
        for label in labels(&self.0) {
            wire.push(label.len() as u8);
            wire.extend_from_slice(label);
        }
        wire.push(0);
        wire
    }
}

fn labels(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b'.').filter(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, TooLong> {
        Name::parse(text.as_bytes()).map(|name| String::from_utf8(name.0).unwrap())
    }

    #[test]
    fn a_name_is_absolute_and_in_lower_case() {
        assert_eq!(parsed("One.TEST").as_deref(), Ok("one.test."));
        assert_eq!(parsed("a..b...").as_deref(), Ok("a.b."));
        assert_eq!(parsed("").as_deref(), Ok("."));
        assert_eq!(parsed("..").as_deref(), Ok("."));
        assert_eq!(Name::parse(b"ab.c").unwrap().to_wire(), b"\x02ab\x01c\0");
        assert_eq!(Name::parse(b".").unwrap().to_wire(), b"\0");
        for name in ["a.b", "."] {
            let name = Name::parse(name.as_bytes()).unwrap();
            assert_eq!(Name::from_wire(&name.to_wire()), Some(name));
        }
        for wrong in [&b""[..], b"\x01a", b"\x02a\0", b"\x03a.b\0\0", b"\x02..\0", b"\0\0"] {
            assert_eq!(Name::from_wire(wrong), None);
        }
    }

    #[test]
    fn what_a_packet_has_no_room_for_is_refused() {
        let label = "x".repeat(63);
        assert!(parsed(&label).is_ok());
        assert_eq!(parsed(&format!("{label}x")), Err(TooLong));
        let longest = [label.as_str(), &label, &label, &label[..61]].join(".");
        assert_eq!(Name::parse(longest.as_bytes()).unwrap().to_wire().len(), 255);
        assert_eq!(parsed(&format!("{longest}x")), Err(TooLong));
    }

    #[test]
    fn a_bare_name_is_the_last_that_is_tried() {
        let suffixes = [b"a.test.".to_vec(), b"b.".to_vec()];
        let names = |text: &str| -> Vec<String> {
            let names = Name::qualified(text.as_bytes(), &suffixes).unwrap().into_iter();
            names.map(|name| String::from_utf8(name.0).unwrap()).collect()
        };
        assert_eq!(names("h"), ["h.a.test.", "h.b.", "h."]);
        assert_eq!(names("h."), ["h."]);
        assert_eq!(names(""), ["."]);
    }

    #[test]
    fn addresses_are_kept_backwards() {
        let of = |ip: &str| String::from_utf8(Name::reverse(ip.parse().unwrap()).0).unwrap();
        assert_eq!(of("192.0.2.1"), "1.2.0.192.in-addr.arpa.");
        assert_eq!(of("2001:db8::6"), format!("6.{}8.b.d.0.1.0.0.2.ip6.arpa.", "0.".repeat(23)));
    }
}
