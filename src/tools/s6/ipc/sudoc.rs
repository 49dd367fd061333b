//! s6-sudoc: has s6-sudod, on the other side of a connection, run a program with our words,
//! variables, stdin, stdout and stderr, and ends as it ends.
//! Reference: <https://skarnet.org/software/s6/s6-sudoc.html>.

use super::client::DESCRIPTORS;
use crate::sys::fd;
use crate::sys::poll::Deadline;
use crate::sys::process::WaitStatus;
use crate::tools::die::reason;
use crate::tools::s6::message::{Sender, until};
use crate::tools::s6::watch::deadline;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::poll::PollFlags;
use std::os::fd::RawFd;
use std::rc::Rc;

/// What the client says first.
pub const CLIENT_BANNER: &[u8] = b"s6-sudo a v1.0\n";
/// What the server says first.
pub const SERVER_BANNER: &[u8] = b"s6-sudo b v1.0\n";

/// `s6-sudoc [ -e ] [ -t timeoutconn ] [ -T timeoutrun ] [ args... ]`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "et:T:")?;
    let until_started = deadline(process, &options, 't')?;
    // A number that is none is told before anything happens; the time runs from the start.
    deadline(process, &options, 'T')?;
    let (from, to) = DESCRIPTORS;
    for socket in [from, to] {
        fd::set_nonblocking(socket, true).map_err(process.unable("make socket non-blocking"))?;
    }
    fd::open_all(&[0, 1, 2]).map_err(process.unable("sanitize stdin/stdout/stderr"))?;
    greet(process, from, until_started)?;
    let variables = if options.has('e') { &[] } else { process.env.strings() };
    ask(to, options.words(), variables, until_started)
        .map_err(process.unable("send args to server"))?;
    let unconfirmed = process.unable("get confirmation from server");
    let [answer] = read(from, until_started).map_err(unconfirmed)?;
    if answer != 0 {
        let why = reason(Errno::from_raw(answer.into()));
        let text = format!("unable to start privileged program: server answered: {why}");
        return Err(process.fatal(111, &text));
    }
    let until_ended = deadline(process, &options, 'T')?;
    let status = read(from, until_ended);
    let status = status.map_err(process.unable("get exit status from server"))?;
    Ok(Next::Exit(WaitStatus(i32::from_be_bytes(status)).approximation()))
}

/// Checks that it is s6-sudod who listens.
fn greet(process: &Process, from: RawFd, deadline: Deadline) -> Result<(), Exit> {
    match read::<{ SERVER_BANNER.len() }>(from, deadline) {
        Ok(banner) if banner == SERVER_BANNER => Ok(()),
        Ok(_) => {
            let text = "wrong banner - check that you are connecting to a s6-sudod server";
            Err(process.fatal(100, text))
        }
        Err(Errno::EPIPE) => {
            let text = "unable to connect to the s6-sudod server - \
                        check that you have appropriate permissions";
            Err(process.fatal(111, text))
        }
        Err(e) => Err(process.fatal_errno("unable to read banner from s6-sudod", e)),
    }
}

/// Sends all that the program gets. The copies of stdin and stdout that stay here are closed: the
/// other ends of pipes shall see the end when the program is done with them.
fn ask(to: RawFd, words: &[Word], variables: &[Word], deadline: Deadline) -> Result<(), Errno> {
    let strings = |all: &[Word]| all.iter().flat_map(|s| [s, &b"\0"[..]].concat()).collect();
    let (args, env): (Word, Word) = (strings(words), strings(variables));
    let numbers = [words.len(), variables.len(), args.len(), env.len()];
    let numbers = numbers.map(|number| (number as u32).to_be_bytes()).concat();
    let stdio = [0, 1, 2].map(|number| fd::borrow(&number).try_clone_to_owned().map(Rc::new));
    let stdio: Result<Vec<_>, _> = stdio.into_iter().collect();
    let stdio = stdio.map_err(|e| crate::tools::die::errno(&e))?;
    let mut sender = Sender::new(to);
    sender.put(&[CLIENT_BANNER, &numbers, &args, &env].concat(), stdio);
    sender.wait(deadline)?;
    [0, 1].into_iter().for_each(fd::close);
    Ok(())
}

/// Exactly so many bytes. EPIPE: there are no more. ETIMEDOUT: they have not come in time.
fn read<const N: usize>(from: RawFd, deadline: Deadline) -> Result<[u8; N], Errno> {
    let (mut bytes, mut have) = ([0; N], 0);
    while let Some(rest) = bytes.get_mut(have..).filter(|rest| !rest.is_empty()) {
        match fd::read(from, rest) {
            Ok(0) => return Err(Errno::EPIPE),
            Ok(n) => have += n,
            Err(Errno::EAGAIN) => until(from, PollFlags::POLLIN, deadline)?,
            Err(e) => return Err(e),
        }
    }
    Ok(bytes)
}
