//! What `halt`, `poweroff` and `reboot` write to the FIFO of `s6-linux-init-shutdownd`. Reference:
//! hpr_shutdown of s6-linux-init: a letter, a delay (TAI64N, relative, 12 bytes) and a grace time
//! (4 bytes, in ms), most significant byte first; or `c` alone.

use std::time::Duration;

/// The FIFO, within the run directory.
pub const FIFO: &str = "service/s6-linux-init-shutdownd/fifo";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The container is to stop.
    Stop(Stop),
    /// `c`: a delayed stop is cancelled.
    Cancel,
}

/// A stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// What comes after it.
    pub then: Then,
    /// How long to wait before it begins.
    pub delay: Duration,
    /// The longest time between TERM and KILL at its end, in ms; 0 is the default.
    pub grace_ms: u32,
}

/// What comes after a stop. It makes no difference to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// `S`: the services are stopped, and that is all.
    Nothing,
    /// `h`
    Halt,
    /// `p`
    PowerOff,
    /// `r`
    Reboot,
}

const LETTERS: [(Then, u8); 4] =
    [(Then::Nothing, b'S'), (Then::Halt, b'h'), (Then::PowerOff, b'p'), (Then::Reboot, b'r')];

/// The longest grace time; a longer one is ignored.
const MAX_GRACE_MS: u32 = 300_000;

/// The bytes of a stop: letter, seconds, nanoseconds, grace time.
const STOP: usize = 1 + 8 + 4 + 4;

impl Message {
    /// The bytes to write, in one go.
    pub fn encode(self) -> Vec<u8> {
        let Self::Stop(Stop { then, delay, grace_ms }) = self else { return b"c".to_vec() };
        let letter = LETTERS.iter().find(|(t, _)| *t == then).map_or(b'S', |(_, l)| *l);
        let mut bytes = vec![letter];
        bytes.extend(delay.as_secs().to_be_bytes());
        bytes.extend(delay.subsec_nanos().to_be_bytes());
        bytes.extend(grace_ms.to_be_bytes());
        bytes
    }

    /// Takes the first whole message out of `held`; bytes that begin none are dropped. What is left
    /// is the beginning of one, if anything.
    pub fn take(held: &mut Vec<u8>) -> Option<Self> {
        let begins = |b: &u8| *b == b'c' || LETTERS.iter().any(|(_, l)| l == b);
        // A delay does not begin with a letter: where one follows, the first is a stray one.
        let is_message = |at: usize| {
            held[at] == b'c' || (begins(&held[at]) && !held.get(at + 1).is_some_and(begins))
        };
        let start = (0..held.len()).find(|&at| is_message(at)).unwrap_or(held.len());
        held.drain(..start);
        if held.first() == Some(&b'c') {
            held.drain(..1);
            return Some(Self::Cancel);
        }
        let stop = held.get(..STOP)?.to_vec();
        held.drain(..STOP);
        decode(&stop).map(Self::Stop)
    }
}

fn decode(stop: &[u8]) -> Option<Stop> {
    let (letter, rest) = stop.split_first()?;
    let (seconds, rest) = rest.split_first_chunk()?;
    let (nanoseconds, rest) = rest.split_first_chunk()?;
    Some(Stop {
        then: LETTERS.iter().find(|(_, l)| l == letter)?.0,
        delay: Duration::from_secs(u64::from_be_bytes(*seconds))
            .saturating_add(Duration::from_nanos(u64::from(u32::from_be_bytes(*nanoseconds)))),
        grace_ms: Some(u32::from_be_bytes(*rest.first_chunk()?))
            .filter(|ms| *ms <= MAX_GRACE_MS)
            .unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_however_they_arrive() {
        let delay = Duration::new(3600, 7);
        let mut bytes = Vec::new();
        let sent: Vec<_> = LETTERS
            .iter()
            .map(|(then, _)| Message::Stop(Stop { then: *then, delay, grace_ms: 1500 }))
            .chain([Message::Cancel])
            .collect();
        sent.iter().for_each(|m| bytes.extend(m.encode()));
        let (mut held, mut taken) = (Vec::new(), Vec::new());
        for byte in bytes {
            held.push(byte);
            taken.extend(Message::take(&mut held));
        }
        assert_eq!(taken, sent);
        assert_eq!(held, b"");
    }

    #[test]
    fn the_layout_is_that_of_the_reference() {
        let halt = Stop { then: Then::Halt, delay: Duration::ZERO, grace_ms: 0 };
        assert_eq!(Message::Stop(halt).encode(), [b"h".as_slice(), &[0; 16]].concat());
    }

    #[test]
    fn a_stray_letter_does_not_swallow_the_next_message() {
        let halt = Stop { then: Then::Halt, delay: Duration::ZERO, grace_ms: 0 };
        for stray in [b"h".as_slice(), b"Shr", b"p"] {
            let mut held = [stray, &Message::Stop(halt).encode()].concat();
            assert_eq!(Message::take(&mut held), Some(Message::Stop(halt)));
            assert_eq!(held, b"");
        }
    }

    #[test]
    fn garbage_is_dropped() {
        let mut held = b"?!xc".to_vec();
        assert_eq!(Message::take(&mut held), Some(Message::Cancel));
        held.extend(b"zzz");
        assert_eq!(Message::take(&mut held), None);
        assert_eq!(held, b"");
        let forever = [b"h".as_slice(), &[255; 16]].concat();
        held.extend(&forever);
        assert!(matches!(Message::take(&mut held), Some(Message::Stop(_))));
    }
}
