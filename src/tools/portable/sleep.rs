//! s6-sleep and s6-maximumtime: a program after some time, or for some time.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-sleep.html> and
//! `s6-maximumtime.html`.

use crate::sys::process::{kill, wait};
use crate::sys::signal::Caught;
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::libc;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::time::{Duration, Instant};

/// `s6-sleep [ -m ] duration prog...`
pub(super) fn s6_sleep(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "m")?;
    let milliseconds = options.has('m');
    let mut words = options.rest().into_iter();
    let span = words.next().ok_or_else(|| process.usage())?;
    let span = u64::from(process.number::<u32>(&span)?);
    let unit = if milliseconds { Duration::from_millis } else { Duration::from_secs };
    std::thread::sleep(unit(span));
    Ok(words.collect::<Vec<_>>().into())
}

/// What the options of s6-maximumtime send to a program that takes too long.
const SENT: &[(char, i32)] = &[
    ('0', 0),
    ('a', libc::SIGALRM),
    ('b', libc::SIGABRT),
    ('i', libc::SIGINT),
    ('k', libc::SIGKILL),
    ('q', libc::SIGQUIT),
    ('t', libc::SIGTERM),
    ('x', libc::SIGXCPU),
    ('1', libc::SIGUSR1),
    ('2', libc::SIGUSR2),
];

/// `s6-maximumtime [ -0 | -a | -b | -i | -k | -q | -t | -x | -1 | -2 ] milliseconds prog...`
pub(super) fn s6_maximumtime(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "0abikqtx12")?;
    let asked = options.last_of("0abikqtx12").unwrap_or('t');
    let signal = SENT.iter().find(|(letter, _)| *letter == asked).map_or(0, |(_, s)| *s as u8);
    let ([limit], program) = process.operands(options.rest())?;
    let limit = u64::from(process.number::<u32>(&limit)?);
    let deadline = Instant::now().checked_add(Duration::from_millis(limit));
    let name = show(program.first().map_or(b"", |word| word)).to_string();
    let caught = Caught::new([libc::SIGCHLD as u8]).map_err(process.unable("trap SIGCHLD"))?;
    let child = process
        .spawn(program.into(), &|| caught.release())
        .map_err(process.unable(format_args!("spawn {name}")))?;
    let ended = until_ended(&caught, child, deadline.filter(|_| limit > 0));
    match ended.map_err(process.unable("wait for child process"))? {
        Some(Some(code)) => Ok(Next::Exit(code)),
        Some(None) => {
            process.warn("child process crashed");
            Ok(Next::Exit(111))
        }
        None => {
            let _ = kill(child.as_raw(), signal);
            let why = reason(Errno::ETIMEDOUT);
            process.warn(format_args!("unable to wait for child process: {why}"));
            Ok(Next::Exit(99))
        }
    }
}

/// The exit code of a child, or that it has none. `None`: the child is still there at the deadline.
fn until_ended(
    caught: &Caught,
    child: Pid,
    deadline: Option<Instant>,
) -> Result<Option<Option<u8>>, Errno> {
    loop {
        if let Some((_, status)) = wait(child.as_raw(), WaitPidFlag::WNOHANG)? {
            return Ok(Some(status.code()));
        }
        if caught.next(deadline)?.is_none() {
            return Ok(None);
        }
    }
}
