//! Descriptors that outlive the programs that opened them: a daemon holds them, each under a name
//! and until a moment, and its clients store, retrieve and list them.
//! Reference: <https://skarnet.org/software/s6/fd-holding.html>.

pub mod client;
pub mod daemon;
pub mod holderd;
pub mod tools;

use crate::format::tai::{PACKED, Tain};
use crate::sys::clock;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

/// The longest name.
pub const MAX_ID: usize = 255;
/// The most bytes of a message: as many descriptors as one can carry, with names and moments.
const MAX_MESSAGE: usize = 1 << 17;

/// A descriptor that is held.
#[derive(Clone, Debug)]
pub struct Held {
    /// The descriptor; others may be sending it.
    pub fd: Rc<OwnedFd>,
    /// It is closed then.
    pub limit: Tain,
}

fn now() -> Tain {
    Tain::from_utc(clock::utc())
}

/// So far in the future as skalibs calls infinite.
pub fn never() -> Tain {
    now().saturating_add(Duration::from_secs(1 << 61))
}

/// A name as it is in messages: its length, it, and a NUL.
fn encode_id(id: &[u8]) -> Vec<u8> {
    [&[id.len() as u8], id, b"\0"].concat()
}

/// The name with which bytes begin, and what follows it.
fn decode_id(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (id, rest) = rest.split_at_checked(usize::from(*length))?;
    let rest = rest.strip_prefix(b"\0")?;
    (!id.is_empty() && !id.contains(&0)).then_some((id, rest))
}

/// A name and a moment, as in dumps.
fn encode_entry(id: &[u8], limit: Tain) -> Vec<u8> {
    [&limit.pack()[..], &encode_id(id)].concat()
}

/// The moment and the name with which bytes begin, and what follows them.
fn decode_entry(bytes: &[u8]) -> Option<(Tain, &[u8], &[u8])> {
    let (limit, rest) = bytes.split_first_chunk::<PACKED>()?;
    let (id, rest) = decode_id(rest)?;
    Some((Tain::unpack(limit)?, id, rest))
}

/// All entries of bytes that hold nothing else.
fn decode_entries(mut bytes: &[u8]) -> Option<Vec<(Tain, &[u8])>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (limit, id, rest) = decode_entry(bytes)?;
        entries.push((limit, id));
        bytes = rest;
    }
    Some(entries)
}

/// The big-endian number at a place.
fn number_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_survive() {
        let limit = never();
        let bytes = [encode_entry(b"a", limit), encode_entry(&[b'x'; MAX_ID], limit)].concat();
        let entries = decode_entries(&bytes).unwrap();
        assert_eq!(entries, [(limit, &b"a"[..]), (limit, &[b'x'; MAX_ID][..])]);
        assert_eq!(decode_entries(b""), Some(vec![]));
        assert_eq!(decode_entries(&bytes[..bytes.len() - 1]), None);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        assert_eq!(decode_id(b"\x02ab\0c"), Some((&b"ab"[..], &b"c"[..])));
        for wrong in [&b""[..], b"\0\0", b"\x02ab", b"\x02a\0\0", b"\x03ab\0"] {
            assert_eq!(decode_id(wrong), None, "{wrong:?}");
        }
    }
}
