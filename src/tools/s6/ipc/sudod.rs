//! s6-sudod: runs a program for the client of a connection, who gives words, variables, stdin,
//! stdout and stderr. It gets only those variables that are here, too, with an empty value.
//! Reference: <https://skarnet.org/software/s6/s6-sudod.html>.

use super::sudoc::{CLIENT_BANNER, SERVER_BANNER};
use crate::sys::poll::{self, Deadline};
use crate::sys::process::{self as child, WaitStatus};
use crate::sys::signalfd::SignalQueue;
use crate::sys::{fd, socket};
use crate::tools::die::show;
use crate::tools::s6::message::{Message, Receiver};
use crate::tools::s6::watch::deadline;
use crate::tools::{Environment, Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;
use std::cell::Cell;
use std::os::fd::AsFd;

/// The most bytes that a client may send.
const MAX_BYTES: usize = 1 << 28;
/// stdin, stdout and stderr.
const STDIO: usize = 3;
/// The most words, and the most variables.
const MAX_STRINGS: u32 = 131_072;

/// `s6-sudod [ -0 ] [ -1 ] [ -2 ] [ -d ] [ -t timeout ] args...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "012dt:")?;
    let deadline = deadline(process, &options, 't')?;
    let detached = options.has('d');
    for socket in [0, 1] {
        fd::set_nonblocking(socket, true).map_err(process.unable("make socket non-blocking"))?;
    }
    fd::open_all(&[2]).map_err(process.unable("open /dev/null"))?;
    say(SERVER_BANNER).map_err(process.unable("write banner to client"))?;
    let message = Receiver::new(0, MAX_BYTES, STDIO).wait(deadline);
    let mut message = message.map_err(process.unable("read message from client"))?;
    let mut program = options.words().to_vec();
    let variables = understand(process, &message, &mut program)?;
    nullify(process, &options, &mut message)?;
    process.env = filtered(process, &variables)?;
    let signals = SignalQueue::catch(SigSet::from(Signal::SIGCHLD));
    let signals = signals.map_err(process.unable("trap SIGCHLD"))?;
    let pid = start(process, program, message, &signals)?;
    // A client who has gone meanwhile is noticed below.
    let _ = say(&[0]);
    match attend(pid, &signals, detached).map_err(process.unable("wait for program"))? {
        Attended::Ended(status) => {
            say(&status.0.to_be_bytes()).map_err(process.unable("write status to client"))?;
            Ok(Next::Exit(0))
        }
        Attended::EndedUnheard => Ok(Next::Exit(0)),
        Attended::Abandoned => Ok(Next::Exit(1)),
    }
}

/// Tells the client something short: it always fits.
fn say(bytes: &[u8]) -> Result<(), Errno> {
    let sent = socket::send(fd::borrow(&1), bytes, &[])?;
    if sent == bytes.len() { Ok(()) } else { Err(Errno::EAGAIN) }
}

/// Appends the client's words to the program line; the client's variables.
fn understand(
    process: &Process,
    message: &Message,
    program: &mut Vec<Word>,
) -> Result<Vec<Word>, Exit> {
    let refuse = |text| process.fatal(100, text);
    if message.fds.len() != 3 {
        return Err(refuse("client did not send 3 fds"));
    }
    let short = message.bytes.split_at_checked(CLIENT_BANNER.len() + 16);
    let (header, strings) = short.ok_or_else(|| refuse("wrong client message"))?;
    let (banner, numbers) = header.split_at(CLIENT_BANNER.len());
    if banner != CLIENT_BANNER {
        return Err(refuse("wrong client banner"));
    }
    let number = |n: usize| match numbers.get(4 * n..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => u32::from_be_bytes(*bytes),
        None => 0,
    };
    let (argc, envc, arg_length) = (number(0), number(1), number(2) as usize);
    let whole = arg_length.checked_add(number(3) as usize) == Some(strings.len());
    let split = strings.split_at_checked(arg_length).filter(|_| whole);
    let (args, env) = split.ok_or_else(|| refuse("wrong client argc/envlen"))?;
    if argc > MAX_STRINGS || envc > MAX_STRINGS {
        return Err(refuse("too many args/envvars from client"));
    }
    if program.is_empty() && argc == 0 {
        return Err(refuse("client and server args both empty"));
    }
    let make = |bytes, count, what: &str| {
        nul_terminated(bytes, count).ok_or_else(|| {
            let _ = say(&[Errno::EINVAL as u8]);
            process.fatal_errno(format_args!("unable to make child {what}"), Errno::EINVAL)
        })
    };
    program.extend(make(args, argc, "argv")?);
    make(env, envc, "envp")
}

/// The first `count` strings, if there are as many.
fn nul_terminated(bytes: &[u8], count: u32) -> Option<Vec<Word>> {
    let strings = bytes.split_inclusive(|&b| b == 0).take(count as usize);
    let strings: Option<Vec<Word>> =
        strings.map(|s| s.strip_suffix(b"\0").map(<[u8]>::to_vec)).collect();
    strings.filter(|strings| strings.len() == count as usize)
}

/// Replaces what the options say the program shall not have of the client.
fn nullify(process: &Process, options: &Options, message: &mut Message) -> Result<(), Exit> {
    let places = [('0', OFlag::O_RDONLY, "reading"), ('1', OFlag::O_WRONLY, "writing")];
    for ((letter, access, what), place) in places.into_iter().zip(&mut message.fds) {
        if options.has(letter) || options.has('d') {
            let null = open("/dev/null", access | OFlag::O_CLOEXEC, Mode::empty());
            *place = null.map_err(process.unable(format_args!("open /dev/null for {what}")))?;
        }
    }
    if options.has('2') || options.has('d') {
        message.fds.truncate(2);
    }
    Ok(())
}

/// The environment, in which those of the client's variables that are empty here are filled in.
fn filtered(process: &Process, variables: &[Word]) -> Result<Environment, Exit> {
    let mut env = process.env.strings().to_vec();
    for variable in variables {
        let Some(end) = variable.iter().position(|&b| b == b'=') else {
            let _ = say(&[Errno::EINVAL as u8]);
            return Err(process.fatal(100, "bad environment from client"));
        };
        let name = variable.get(..=end).unwrap_or_default();
        let own = env.iter_mut().find(|own| own.starts_with(name));
        if let Some(own) = own.filter(|own| own.len() == name.len()) {
            own.clone_from(variable);
        }
    }
    Ok(Environment::from_strings(env))
}

fn start(
    process: &Process,
    program: Vec<Word>,
    message: Message,
    signals: &SignalQueue,
) -> Result<Pid, Exit> {
    let unable = process.unable(format!("spawn {}", show(program.first().map_or(b"", |w| w))));
    let stdio = Cell::new(message.fds);
    let started = process.spawn(program.into(), &|| {
        (0..).zip(stdio.take()).try_for_each(|(number, fd)| fd::place(number, fd))?;
        signals.release()
    });
    started.map_err(unable)
}

/// How attending to the program and to the client ended.
enum Attended {
    /// The program ended.
    Ended(WaitStatus),
    /// It ended after the client had gone.
    EndedUnheard,
    /// The client has gone, and the program is told to.
    Abandoned,
}

/// Waits for the end of the program. If the client goes before, so shall the program, unless it is
/// detached.
fn attend(pid: Pid, signals: &SignalQueue, detached: bool) -> Result<Attended, Errno> {
    let mut gone = false;
    loop {
        let mut fds = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if !gone {
            fds.push(PollFd::new(fd::borrow(&0), PollFlags::empty()));
        }
        poll::wait(&mut fds, Deadline::NEVER)?;
        gone |= fds.get(1).and_then(PollFd::any).unwrap_or(false);
        while signals.next()?.is_some() {}
        match child::wait(pid.as_raw(), WaitPidFlag::WNOHANG)? {
            Some((_, status)) if !gone => return Ok(Attended::Ended(status)),
            Some(_) => return Ok(Attended::EndedUnheard),
            None if gone && !detached => {
                for signal in [libc::SIGTERM, libc::SIGCONT] {
                    let _ = child::kill(pid.as_raw(), signal as u8);
                }
                return Ok(Attended::Abandoned);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_all_there_or_none() {
        let strings = |bytes: &[u8], count| nul_terminated(bytes, count);
        assert_eq!(strings(b"a\0\0b\0", 3), Some(vec![b"a".to_vec(), vec![], b"b".to_vec()]));
        assert_eq!(strings(b"a\0b\0", 1), Some(vec![b"a".to_vec()]));
        assert_eq!(strings(b"", 0), Some(vec![]));
        assert_eq!(strings(b"a\0b", 2), None);
        assert_eq!(strings(b"a\0", 2), None);
    }
}
