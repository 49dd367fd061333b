//! A series of questions to a clock server: each answer narrows down how far our clock is from its.

use super::{Difference, SECOND};
use crate::sys::fd;
use crate::sys::inet::{self, Protocol};
use crate::sys::poll::{self, Deadline};
use crate::tools::die::reason;
use crate::tools::net::address;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags};
use nix::sys::socket::{MsgFlags, send};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Two moments by one clock.
pub(crate) type Moments = (i128, i128);

/// How a kind of server is asked. Moments are nanoseconds of one scale.
pub(crate) struct Dialect {
    /// What messages call the server.
    pub server: &'static str,
    /// What messages call a question and its answer.
    pub exchange: &'static str,
    /// The usual port.
    pub port: u16,
    /// The fewest questions, whatever the option says.
    pub least: u32,
    /// What our clock shows.
    pub now: fn() -> i128,
    /// A question at a moment of our clock.
    pub question: fn(i128) -> Vec<u8>,
    /// When the server has received the question, and sent the answer, by its clock. `None`: that
    /// is no answer to the question.
    pub parse: fn(&[u8], &[u8]) -> Option<Moments>,
}

/// Asks the server, and writes by how much its clock is ahead: the tool, with its options
/// `[ -f ] [ -v verbosity ] [ -r roundtrips ] [ -t triptimeout ] [ -h throttle ]
/// [ -T totaltimeout ] [ -e errmax ] [ -p port ] ipaddress`.
pub(crate) fn run(process: &Process, argv: Vec<Word>, dialect: &Dialect) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "fv:r:t:h:T:e:p:")?;
    let number = |letter, usual: u32| options.number(process, letter, usual);
    let verbosity = number('v', 1)?;
    let trips = number('r', 10)?.max(dialect.least);
    let (trip_ms, pause_ms) = (number('t', 2000)?, number('h', 0)?);
    let limit = Deadline::after_ms(number('T', 10_000)?);
    let most = i128::from(number('e', 100)?) * (SECOND / 1000);
    let port = options.number(process, 'p', dialect.port)?;
    let [ip, ..] = options.words() else { return Err(process.usage()) };
    let ip = address::parse(ip).ok_or_else(|| process.usage())?;
    let socket = inet::new(ip, Protocol::Udp).map_err(process.unable("create socket"))?;
    let connected = inet::connect(&socket, SocketAddr::new(ip, port));
    connected.map_err(process.unable("connect socket"))?;

    let (mut bounds, mut failure) = (Bounds::default(), Errno::ETIMEDOUT);
    for trip in 1..=trips {
        let deadline = Deadline::after_ms(trip_ms).or_sooner(limit);
        match exchange(&socket, dialect, deadline) {
            Ok(answered) => bounds.narrow(answered),
            Err(e) => {
                failure = e;
                if verbosity > 1 {
                    let what = dialect.exchange;
                    let why = reason(e);
                    process.info(format_args!("{what} round-trip {trip}/{trips} failed: {why}"));
                }
            }
        }
        if pause_ms > 0 {
            let pause = Deadline::after_ms(pause_ms).or_sooner(limit);
            poll::wait(&mut [], pause).map_err(process.unable("sleep"))?;
        }
        if limit.has_passed() {
            return Err(match verbosity {
                0 => Exit(1),
                _ => {
                    let series = format!("series of {} exchanges", dialect.exchange);
                    let why = reason(Errno::ETIMEDOUT);
                    process.fatal(1, format_args!("unable to complete {series}: {why}"))
                }
            });
        }
    }
    let Some((difference, uncertainty)) = bounds.middle() else {
        let (server, ip, why) = (dialect.server, address::show(ip), reason(failure));
        return Err(process.fatal(1, format_args!("unable to contact {server} at {ip}: {why}")));
    };
    if uncertainty > most {
        if verbosity > 0 {
            let ms = uncertainty / (SECOND / 1000);
            process.warn(format_args!("current calculated uncertainty: {ms} milliseconds"));
        }
        if !options.has('f') {
            return Err(process.fatal(111, "time uncertainty too large"));
        }
    }
    process.print(&difference.pack())?;
    Ok(Next::Exit(0))
}

/// What one answer tells.
struct Answered {
    /// When we have sent the question, and when we had the answer, by our clock.
    here: Moments,
    /// When the server has received the one, and sent the other, by its clock.
    there: Moments,
}

/// Asks once. Anything but an answer to the question is a failure.
fn exchange(socket: &OwnedFd, dialect: &Dialect, deadline: Deadline) -> Result<Answered, Errno> {
    let asked = (dialect.now)();
    let question = (dialect.question)(asked);
    send(socket.as_raw_fd(), &question, MsgFlags::MSG_NOSIGNAL)?;
    if !poll::wait(&mut [PollFd::new(socket.as_fd(), PollFlags::POLLIN)], deadline)? {
        return Err(Errno::ETIMEDOUT);
    }
    let mut answer = [0; 256];
    let length = fd::read(socket.as_raw_fd(), &mut answer)?;
    let here = (asked, (dialect.now)());
    let answer = answer.get(..length).unwrap_or_default();
    let there = (dialect.parse)(&question, answer).ok_or(Errno::EPROTO)?;
    Ok(Answered { here, there })
}

/// Between which values the difference of the clocks is.
#[derive(Default)]
struct Bounds(Option<(i128, i128)>);

impl Bounds {
    /// A question is received after it was sent, and so is an answer.
    fn narrow(&mut self, Answered { here, there }: Answered) {
        let (least, most) = (there.1 - here.1, there.0 - here.0);
        let (low, high) = self.0.unwrap_or((least, most));
        self.0 = Some((low.max(least), high.min(most)));
    }

    /// The likeliest difference, and how large the range is in which it may be.
    fn middle(&self) -> Option<(Difference, i128)> {
        let (low, high) = self.0?;
        Some((Difference { nanoseconds: (low + high) / 2 }, (high - low).abs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_narrows_the_difference_down() {
        let mut bounds = Bounds::default();
        assert_eq!(bounds.middle(), None);
        // The server is 100 ahead; the first answer is on its way for long.
        bounds.narrow(Answered { here: (0, 50), there: (110, 110) });
        assert_eq!(bounds.middle(), Some((Difference { nanoseconds: 85 }, 50)));
        bounds.narrow(Answered { here: (100, 110), there: (204, 206) });
        assert_eq!(bounds.middle(), Some((Difference { nanoseconds: 100 }, 8)));
    }
}
