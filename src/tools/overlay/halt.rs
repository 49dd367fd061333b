//! halt and its kind: they write a request to the FIFO that PID 1 reads, and are gone before the
//! container stops. Reference: s6-linux-init-hpr's and s6-linux-init-shutdown's pages.

use crate::format::decimal;
use crate::format::shutdown::{FIFO, Message, Stop, Then};
use crate::sys::timezone::{Zone, civil};
use crate::sys::{clock, fd};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// Who may shut down with -a: users who are logged in. In a container nobody is.
const ALLOWED: &str = "/etc/shutdown.allow";

/// The longest time between TERM and KILL that -t may ask for, in s.
const MAX_GRACE_S: u32 = 300;

const DAY_S: u64 = 86_400;

/// `halt`
pub(super) fn halt(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    hpr(process, argv, Some(Then::Halt))
}

/// `poweroff`
pub(super) fn poweroff(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    hpr(process, argv, Some(Then::PowerOff))
}

/// `reboot`
pub(super) fn reboot(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    hpr(process, argv, Some(Then::Reboot))
}

/// `s6-linux-init-hpr [ -h | -p | -r ] [ -n ] [ -d | -w ] [ -W ] [ -f ] [ -i ]`
pub(super) fn s6_linux_init_hpr(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    hpr(process, argv, None)
}

fn hpr(process: &Process, argv: Vec<Word>, then: Option<Then>) -> Result<Next, Exit> {
    // Differs: -f stops in order, too: a container has no machine to reboot at once.
    let options = Options::parse(process, argv, "hprfdwWni")?;
    let then = options.last_of("hpr").map(what).or(then);
    let then =
        then.ok_or_else(|| process.fatal(100, "one of the -h, -p or -r options must be given"))?;
    let fifo = fifo(process).map_err(|e| {
        process.fatal_errno("unable to talk to shutdownd", e);
        Exit(100)
    })?;
    // -w: only the record in wtmp, of which there is none.
    if options.last_of("dw") != Some('w') {
        let stop = Stop { then, delay: Duration::ZERO, grace_ms: 0 };
        send(process, &fifo, Message::Stop(stop))?;
    }
    Ok(Next::Exit(0))
}

fn what(letter: char) -> Then {
    match letter {
        'r' => Then::Reboot,
        'p' | 'P' => Then::PowerOff,
        _ => Then::Halt,
    }
}

/// `s6-linux-init-shutdown [ -h [ -H | -P ] | -p | -r | -k ] [ -a ] [ -t sec ] time [ message ]`,
/// or `-c [ message ]`.
pub(super) fn s6_linux_init_shutdown(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "HPhprkafFcit:")?;
    let grace_s = options.number(process, 't', 0u32)?;
    let action = options.last_of("hprk");
    let then = match (action, options.last_of("HP")) {
        (Some('h'), Some(sub)) => what(sub),
        (_, Some(_)) => return Err(process.usage()),
        (Some(letter), None) => what(letter),
        (None, None) => Then::Nothing,
    };
    let (cancel, controlled) = (options.has('c'), options.has('a'));
    let rest = options.rest();
    let fifo = fifo(process).map_err(|e| process.fatal_errno("unable to talk to shutdownd", e))?;
    if controlled && Path::new(ALLOWED).exists() {
        return Err(process.fatal(1, "no authorized users logged in"));
    }
    if cancel {
        send(process, &fifo, Message::Cancel)?;
        return Ok(Next::Exit(0));
    }
    let when = rest.first().ok_or_else(|| process.usage())?;
    let delay = delay(process, when, time_of_day)?;
    // -k only warns the users, of whom there are none.
    if action != Some('k') {
        if grace_s > MAX_GRACE_S {
            process.warn("delay between SIGTERM and SIGKILL is capped to 300 seconds");
        }
        let grace_ms = grace_s.min(MAX_GRACE_S) * 1000;
        send(process, &fifo, Message::Stop(Stop { then, delay, grace_ms }))?;
    }
    Ok(Next::Exit(0))
}

/// How long it is until `when`: `now`, minutes (`+5`, `5`), or `HH:MM`.
fn delay(process: &Process, when: &[u8], now_s: impl FnOnce() -> u64) -> Result<Duration, Exit> {
    if when == b"now" {
        return Ok(Duration::ZERO);
    }
    let Some(colon) = when.iter().position(|&b| b == b':') else {
        let minutes: u64 = process.number(when.strip_prefix(b"+").unwrap_or(when))?;
        return Ok(Duration::from_secs(minutes.saturating_mul(60)));
    };
    let (hour, minute) = (&when[..colon], &when[colon + 1..]);
    let time = match (decimal::parse(hour), decimal::parse(minute)) {
        (Some(h @ 0..24), Some(m @ 0..60)) if hour.len() <= 2 && minute.len() == 2 => {
            h * 3600 + m * 60
        }
        _ => return Err(process.fatal(100, "invalid time format")),
    };
    Ok(Duration::from_secs((time + DAY_S - now_s()) % DAY_S))
}

/// How many seconds ago the day has begun, where this container is.
fn time_of_day() -> u64 {
    let now = clock::utc().as_secs();
    civil(now, Zone::Local).map_or(now % DAY_S, |here| {
        u64::from(here.hour) * 3600 + u64::from(here.minute) * 60 + u64::from(here.second)
    })
}

fn fifo(process: &Process) -> Result<OwnedFd, Errno> {
    let path = process.env.rundir().join(FIFO);
    open(&path, OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())
}

fn send(process: &Process, fifo: &OwnedFd, message: Message) -> Result<(), Exit> {
    fd::write_all(fifo.as_raw_fd(), &message.encode()).map_err(|e| {
        let path = process.env.rundir().join(FIFO);
        process.fatal_errno(
            format_args!("unable to write to {}", show(&super::container::word(&path))),
            e,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::{Environment, find};

    #[test]
    fn times_are_read() {
        let tool = find(b"s6-linux-init-shutdown").unwrap();
        let process = Process::new(tool, Environment::empty());
        let delay = |when: &[u8]| delay(&process, when, || 3600).ok().map(|d| d.as_secs());
        assert_eq!(delay(b"now"), Some(0));
        assert_eq!(delay(b"+5"), Some(300));
        assert_eq!(delay(b"05"), Some(300));
        assert_eq!(delay(b"01:00"), Some(0));
        assert_eq!(delay(b"1:01"), Some(60));
        assert_eq!(delay(b"00:59"), Some(DAY_S - 60));
        assert_eq!(delay(b"24:00"), None);
        assert_eq!(delay(b"1:1"), None);
        assert_eq!(delay(b"soon"), None);
    }
}
