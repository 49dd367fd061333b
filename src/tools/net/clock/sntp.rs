//! s6-sntpclock: asks an NTP server how far the system clock is from its.
//! References: <https://skarnet.org/software/s6-networking/s6-sntpclock.html>,
//! <https://www.rfc-editor.org/rfc/rfc4330>.

use super::SECOND;
use super::series::{self, Dialect, Moments};
use crate::sys::clock;
use crate::tools::{Exit, Next, Process, Word};

/// How long a packet is.
const PACKET: usize = 48;
/// Version 4, mode client.
const CLIENT: u8 = 0x23;
/// Where an answer repeats when the question was sent.
const ORIGINATE: usize = 24;
/// Where an answer tells when the question was received.
const RECEIVE: usize = 32;
/// Where a packet tells when it was sent.
const TRANSMIT: usize = 40;
/// How many seconds NTP's epoch, 1900, is before 1970.
const EPOCH: i128 = 2_208_988_800;
/// Stamps begin anew with each era: the year from which on those are meant that are small.
const SECOND_ERA: u64 = 1 << 31;

/// `s6-sntpclock [ -f ] [ -v verbosity ] [ -r roundtrips ] [ -t triptimeout ] [ -h throttle ]
/// [ -T totaltimeout ] [ -e errmax ] [ -p port ] ipaddress`
pub(crate) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let dialect = Dialect {
        server: "NTP server",
        exchange: "SNTP",
        port: 123,
        least: 0,
        now: || clock::utc().as_nanos() as i128,
        question,
        parse,
    };
    series::run(process, argv, &dialect)
}

/// The stamp of a moment: seconds since 1900, and a fraction of 32 bits.
fn stamp(moment: i128) -> u64 {
    let seconds = moment.div_euclid(SECOND) + EPOCH;
    let fraction = (moment.rem_euclid(SECOND) << 32) / SECOND;
    (seconds as u64) << 32 | fraction as u64
}

/// The moment of a stamp, between 1968 and 2104.
fn moment(stamp: u64) -> i128 {
    let (seconds, fraction) = (stamp >> 32, stamp & 0xffff_ffff);
    let era = if seconds < SECOND_ERA { 1i128 << 32 } else { 0 };
    let rest = (i128::from(fraction) * SECOND) >> 32;
    (i128::from(seconds) + era - EPOCH) * SECOND + rest
}

fn question(now: i128) -> Vec<u8> {
    let mut packet = vec![0; PACKET];
    packet[0] = CLIENT;
    let stamp = stamp(now).to_be_bytes();
    packet[ORIGINATE..ORIGINATE + 8].copy_from_slice(&stamp);
    packet[TRANSMIT..TRANSMIT + 8].copy_from_slice(&stamp);
    packet
}

fn parse(question: &[u8], answer: &[u8]) -> Option<Moments> {
    let stamp = |packet: &[u8], at: usize| {
        packet.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
    };
    let flags = *answer.first()?;
    let (version, mode) = (flags >> 3 & 7, flags & 7);
    let is_answer = version != 0 && matches!(mode, 2 | 4);
    if !is_answer || stamp(answer, ORIGINATE)? != stamp(question, TRANSMIT)? {
        return None;
    }
    Some((moment(stamp(answer, RECEIVE)?), moment(stamp(answer, TRANSMIT)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_survive_the_end_of_their_era() {
        for seconds in [0, 1_700_000_000, 2_085_978_495, 2_085_978_496, 4_000_000_000i128] {
            let before = seconds * SECOND + 500_000_000;
            assert_eq!(moment(stamp(before)), before);
        }
    }

    #[test]
    fn an_answer_repeats_when_the_question_was_sent() {
        let question = question(1_700_000_000 * SECOND);
        let mut answer = vec![0; PACKET];
        answer[0] = 0x24;
        answer[ORIGINATE..RECEIVE].copy_from_slice(&question[TRANSMIT..]);
        let later = stamp(1_700_000_005 * SECOND).to_be_bytes();
        answer[RECEIVE..TRANSMIT].copy_from_slice(&later);
        answer[TRANSMIT..].copy_from_slice(&later);
        let there = Some((1_700_000_005 * SECOND, 1_700_000_005 * SECOND));
        assert_eq!(parse(&question, &answer), there);
        assert_eq!(parse(&question, &answer[..PACKET - 1]), None);
        for (place, byte) in [(0, 0x23), (0, 0x04), (ORIGINATE, 0)] {
            let mut other = answer.clone();
            other[place] = byte;
            assert_eq!(parse(&question, &other), None);
        }
    }
}
