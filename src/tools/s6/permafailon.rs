//! s6-permafailon: in a `finish`, ends the restarts of a service that has died too often.
//! Reference: <https://skarnet.org/software/s6/s6-permafailon.html>.

use super::svdt;
use crate::format::decimal;
use crate::format::signal;
use crate::format::tai::Tain;
use crate::format::tally::{self, Death};
use crate::sys::clock;
use crate::tools::die::reason;
use crate::tools::{Exit, Next, Process, Word};
use nix::errno::Errno;
use std::time::Duration;

/// The exit code that tells a supervisor not to restart.
const PERMANENT_FAILURE: u8 = 125;

/// One item of the list of causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// Exit codes from the first to the second.
    Codes(u8, u8),
    Signal(u8),
}

/// What stands between the items of a list.
const SEPARATORS: &[u8] = b",; \n\r\t";

/// `s6-permafailon seconds deathcount statuslist prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let mut words = argv.into_iter().skip(1);
    let mut word = || words.next().ok_or_else(|| process.usage());
    let (seconds, count, list) = (word()?, word()?, word()?);
    let program: Vec<Word> = words.collect();
    let seconds = u64::from(process.number::<u32>(&seconds)?);
    let count = process.number::<u32>(&count)?.min(tally::MAX as u32);
    if count == 0 || program.is_empty() {
        return Err(process.usage());
    }
    let causes = causes(&list).map_err(|text| process.fatal(100, text))?;
    let since = before_now(seconds);
    let concerned = |death: &Death| death.stamp >= since && causes.iter().any(|c| c.is_of(death));
    let deaths = deaths(process);
    match deaths.iter().filter(|death| concerned(death)).nth(count as usize - 1) {
        None => Ok(program.into()),
        Some(death) => {
            let cause = match death.signal {
                0 => format!("exit code {}", death.exit_code),
                signal => format!("signal {signal}"),
            };
            let text = format!("PERMANENT FAILURE triggered after {count} events");
            process.info(format_args!("{text} involving {cause} in the last {seconds} seconds"));
            Ok(Next::Exit(PERMANENT_FAILURE))
        }
    }
}

/// The deaths of the service in whose directory this is. One that has no tally has none.
fn deaths(process: &Process) -> Vec<Death> {
    let file = "supervise/death_tally";
    let read = nix::sys::stat::stat(file).and_then(|_| svdt::read(b"."));
    read.unwrap_or_else(|e: Errno| {
        process.warn(format_args!("unable to read {file}: {}", reason(e)));
        Vec::new()
    })
}

fn before_now(seconds: u64) -> Tain {
    Tain::from_utc(clock::utc().saturating_sub(Duration::from_secs(seconds)))
}

impl Cause {
    fn is_of(self, death: &Death) -> bool {
        match self {
            Self::Codes(from, to) => (from..=to).contains(&death.exit_code),
            Self::Signal(signal) => death.signal == signal,
        }
    }
}

/// Reads a list of exit codes, of ranges of them, and of signals. Separators follow an item, and a
/// code needs none.
fn causes(mut list: &[u8]) -> Result<Vec<Cause>, &'static str> {
    let mut causes = Vec::new();
    while !list.is_empty() {
        let (cause, rest) = match code(list)? {
            Some((from, rest)) => codes(from, rest)?,
            None => signal(list)?,
        };
        causes.push(cause);
        let separators = rest.iter().take_while(|byte| SEPARATORS.contains(byte)).count();
        list = &rest[separators..];
    }
    Ok(causes)
}

/// The exit code at the front of a list, if there is a number, and what follows it.
fn code(list: &[u8]) -> Result<Option<(u8, &[u8])>, &'static str> {
    let digits = list.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = list.split_at(digits);
    let code = decimal::parse(number).map(|code| (code, rest));
    if digits > 0 && code.is_none() { Err("invalid exit code") } else { Ok(code) }
}

/// The exit codes from this one to the one behind a dash, if there is a dash.
fn codes(from: u8, list: &[u8]) -> Result<(Cause, &[u8]), &'static str> {
    let Some(interval) = list.strip_prefix(b"-") else {
        return Ok((Cause::Codes(from, from), list));
    };
    match code(interval)?.ok_or("invalid interval specification")? {
        (to, _) if to < from => Err("invalid interval"),
        (to, rest) => Ok((Cause::Codes(from, to), rest)),
    }
}

fn signal(list: &[u8]) -> Result<(Cause, &[u8]), &'static str> {
    let end = list.iter().position(|byte| SEPARATORS.contains(byte)).unwrap_or(list.len());
    let (name, rest) = list.split_at(end);
    let number = signal::parse_without_real_time(name);
    Ok((Cause::Signal(number.ok_or("invalid status list specification")?), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_holds_codes_ranges_and_signals() {
        let all = causes(b"1,4-6; SIGSEGV\n15x").map(|_| ()).err();
        assert_eq!(all, Some("invalid status list specification"));
        let all = causes(b"1,4-6; SIGSEGV\nhup,");
        let (segv, hup) = (Cause::Signal(11), Cause::Signal(1));
        assert_eq!(all, Ok(vec![Cause::Codes(1, 1), Cause::Codes(4, 6), segv, hup]));
        assert_eq!(causes(b""), Ok(vec![]));
        assert_eq!(causes(b"1hup"), Ok(vec![Cause::Codes(1, 1), Cause::Signal(1)]));
        assert_eq!(causes(b",1"), Err("invalid status list specification"));
        assert_eq!(causes(b"RTMIN"), Err("invalid status list specification"));
        assert_eq!(causes(b"256"), Err("invalid exit code"));
        assert_eq!(causes(b"9-300"), Err("invalid exit code"));
        assert_eq!(causes(b"9-"), Err("invalid interval specification"));
        assert_eq!(causes(b"9-3"), Err("invalid interval"));
        assert_eq!(causes(b"SIGNO"), Err("invalid status list specification"));
    }

    #[test]
    fn a_killed_service_also_counts_as_128_and_more() {
        let stamp = Tain::default();
        let killed = Death { stamp, exit_code: 143, signal: 15 };
        assert!(Cause::Codes(143, 143).is_of(&killed) && Cause::Signal(15).is_of(&killed));
        let exited = Death { stamp, exit_code: 0, signal: 0 };
        assert!(Cause::Codes(0, 0).is_of(&exited) && !Cause::Signal(15).is_of(&exited));
    }
}
