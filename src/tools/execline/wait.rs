//! wait: waits for children.
//! Reference: <https://skarnet.org/software/execline/wait.html>.

use crate::execline::block;
use crate::sys::process::{WaitStatus, wait};
use crate::sys::signal::Caught;
use crate::tools::die::reason;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::libc::SIGCHLD;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::time::{Duration, Instant};

const LONG: &[(&str, char)] = &[
    ("no-insist", 'I'),
    ("insist", 'i'),
    ("all", 'a'),
    ("one", 'o'),
    ("reap", 'r'),
    ("timeout", 't'),
];

/// `wait [ -I | -i ] [ -a | -o ] [ -r | -t timeout ] { pids... } [ prog... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "Iiaort:", LONG)?;
    let insist = options.last_of("Ii") == Some('i');
    let one = options.last_of("ao") == Some('o');
    let deadline = deadline(process, &options)?;
    // In the form of POSIX there is no block, and the words are all pids.
    let block = block::read(options.rest());
    let pids = pids(process, &block.words)?;
    // If any child will do, that there is none is a success; but not for -o, unless it has a limit.
    let nobody = (pids.is_empty() && (!one || deadline.is_some())).then_some((-1, 0));
    let ended = match (Wait { pids, one }).perform(deadline) {
        Ok(ended) => ended.or(nobody),
        Err(Errno::ETIMEDOUT) if !insist => None,
        Err(e @ Errno::ETIMEDOUT) => {
            return Err(process.fatal(99, format_args!("unable to wait: {}", reason(e))));
        }
        Err(e) => return Err(process.fatal_errno("unable to wait", e)),
    };
    let Some(program) = block.rest else {
        return Ok(Next::Exit(ended.map_or(127, |(_, code)| code)));
    };
    if one {
        export(process, ended);
    }
    Ok(program.into())
}

/// The pid of a child that has ended, and its exit code, or what stands for it.
type Ended = (i32, u8);

fn deadline(process: &Process, options: &Options) -> Result<Option<Instant>, Exit> {
    let Some(ms) = options.value('t') else {
        return Ok(options.has('r').then(Instant::now));
    };
    let ms = if options.has('r') { 0 } else { process.number::<u32>(ms)? };
    Ok(Instant::now().checked_add(Duration::from_millis(ms.into())))
}

fn pids(process: &Process, words: &[Word]) -> Result<Vec<Pid>, Exit> {
    let pid = |word: &Word| Ok(Pid::from_raw(process.descriptor(word)?));
    words.iter().map(pid).collect()
}

/// Puts into `!` and `?` which child has ended, and how.
fn export(process: &mut Process, ended: Option<Ended>) {
    let Some((pid, code)) = ended else {
        process.env.unset(b"?");
        return process.env.unset(b"!");
    };
    process.env.set(b"?", code.to_string().as_bytes());
    process.env.set(b"!", pid.to_string().as_bytes());
}

struct Wait {
    /// The children to wait for; all there are if it is empty.
    pids: Vec<Pid>,
    /// Whether the first of them that ends is enough.
    one: bool,
}

impl Wait {
    /// Waits, and returns how the one child that counts has ended: the first, or the last in the
    /// list. Other children are reaped on the way, and forgotten.
    fn perform(mut self, deadline: Option<Instant>) -> Result<Option<Ended>, Errno> {
        let (any, last) = (self.pids.is_empty(), self.pids.last().copied());
        let mut answer = None;
        let signals = deadline.map(|at| Ok((Caught::new([SIGCHLD as u8])?, at))).transpose()?;
        loop {
            let (pid, status) = match next_ended(signals.as_ref()) {
                Ok(ended) => ended,
                Err(Errno::ECHILD) => return Ok(answer),
                Err(e) => return Err(e),
            };
            let listed = self.pids.iter().position(|&p| p == pid);
            if let Some(at) = listed {
                self.pids.swap_remove(at);
            }
            if self.one && (any || listed.is_some()) || Some(pid) == last {
                answer = Some((pid.as_raw(), status.approximation()));
            }
            if answer.is_some() && self.one || !any && self.pids.is_empty() {
                return Ok(answer);
            }
        }
    }
}

/// The next child that ends. ECHILD: there is none; ETIMEDOUT: not in time.
fn next_ended(signals: Option<&(Caught, Instant)>) -> Result<(Pid, WaitStatus), Errno> {
    let flags = if signals.is_some() { WaitPidFlag::WNOHANG } else { WaitPidFlag::empty() };
    loop {
        if let Some(ended) = wait(-1, flags)? {
            return Ok(ended);
        }
        if let Some((signals, deadline)) = signals {
            signals.next(Some(*deadline))?.ok_or(Errno::ETIMEDOUT)?;
        }
    }
}
