//! s6-taiclock: asks a TAICLOCK server how far the system clock is from its.
//! References: <https://skarnet.org/software/s6-networking/s6-taiclock.html>,
//! <https://cr.yp.to/proto/taiclock.txt>.

use super::SECOND;
use super::series::{self, Dialect, Moments};
use crate::format::tai::{PACKED, Tain};
use crate::sys::{clock, random};
use crate::tools::{Exit, Next, Process, Word};

/// What a question begins with.
pub(crate) const QUESTION: &[u8; 4] = b"ctai";
/// What an answer begins with.
pub(crate) const ANSWER: &[u8; 4] = b"stai";
/// Where the server's own bytes end: from here on, an answer repeats the question.
pub(crate) const HEADER: usize = 4 + PACKED + 4;
/// The port of TAICLOCK.
pub(crate) const PORT: u16 = 4014;

/// The bytes by which an answer is known.
const COOKIE: usize = 8;

/// `s6-taiclock [ -f ] [ -v verbosity ] [ -r roundtrips ] [ -t triptimeout ] [ -h throttle ]
/// [ -T totaltimeout ] [ -e errmax ] [ -p port ] ipaddress`
pub(crate) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let dialect = Dialect {
        server: "taiclock server",
        exchange: "TAIA",
        port: PORT,
        least: 1,
        now: || nanoseconds(now()),
        question,
        parse,
    };
    series::run(process, argv, &dialect)
}

/// What the clock shows, on the scale of atomic time.
pub(crate) fn now() -> Tain {
    Tain::from_utc(clock::utc())
}

fn nanoseconds(moment: Tain) -> i128 {
    i128::from(moment.seconds) * SECOND + i128::from(moment.nanoseconds)
}

fn question(now: i128) -> Vec<u8> {
    let mut cookie = [0; COOKIE];
    random::fill(&mut cookie);
    let (seconds, rest) = ((now / SECOND) as u64, (now % SECOND) as u32);
    let stamp = Tain { seconds, nanoseconds: rest }.pack();
    [QUESTION.as_slice(), &stamp, &[0; 4], &cookie].concat()
}

fn parse(question: &[u8], answer: &[u8]) -> Option<Moments> {
    let stamp = answer.strip_prefix(ANSWER)?.first_chunk()?;
    let repeated = answer.get(HEADER..).filter(|rest| question.get(HEADER..) == Some(*rest));
    repeated?;
    let moment = nanoseconds(Tain::unpack(stamp)?);
    Some((moment, moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_cookie_of_its_question() {
        let question = question(nanoseconds(now()));
        assert_eq!(question.len(), HEADER + COOKIE);
        let stamp = Tain { seconds: 1 << 62, nanoseconds: 7 };
        let answer = [ANSWER.as_slice(), &stamp.pack(), &[0; 4], &question[HEADER..]].concat();
        assert_eq!(parse(&question, &answer), Some((nanoseconds(stamp), nanoseconds(stamp))));
        let mut other = answer.clone();
        other[HEADER] ^= 1;
        assert_eq!(parse(&question, &other), None);
        assert_eq!(parse(&question, &answer[..27]), None);
        assert_eq!(parse(&question, &question), None);
    }
}
