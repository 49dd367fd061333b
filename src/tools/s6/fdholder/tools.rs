//! The clients of a descriptor-holding daemon: s6-fdholder-store, -retrieve, -delete, -list,
//! -getdump, -setdump and -transferdump.
//! Reference: <https://skarnet.org/software/s6/s6-fdholder-store.html> and its like.

use super::client::Client;
use super::{Held, MAX_ID, never, now};
use crate::format::decimal;
use crate::format::tai::Tain;
use crate::sys::fd;
use crate::sys::poll::Deadline;
use crate::tools::die::{errno, reason, show};
use crate::tools::portable::quoting::quote;
use crate::tools::s6::watch::deadline;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use std::fmt::Display;
use std::os::fd::{IntoRawFd, OwnedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

/// `s6-fdholder-store [ -d fd ] [ -t timeout ] [ -T fdtimeout ] socket id`
pub fn store(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "d:t:T:")?;
    let number = options.number(process, 'd', 0)?;
    let limit = match options.number(process, 'T', 0u32)? {
        0 => never(),
        ms => now().saturating_add(Duration::from_millis(ms.into())),
    };
    let [path, id, ..] = options.words() else { return Err(process.usage()) };
    let mut client = connect(process, &options, path)?;
    let unable = refused(process, "store fd");
    let copy = copy(number).map_err(&unable)?;
    client.store(copy, id, limit).map_err(unable)?;
    Ok(Next::Exit(0))
}

/// `s6-fdholder-retrieve [ -D ] [ -t timeout ] socket id prog...`
pub fn retrieve(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Dt:")?;
    let ([path, id], program) = process.operands(options.words().to_vec())?;
    let retrieved = connect(process, &options, &path)?.retrieve(&id, options.has('D'));
    let unable = refused(process, format!("retrieve fd for id {}", show(&id)));
    let retrieved = retrieved.map_err(unable)?;
    fd::place(0, retrieved).map_err(process.unable("move fd"))?;
    Ok(program.into())
}

/// `s6-fdholder-delete [ -t timeout ] socket id`
pub fn delete(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "t:")?;
    let [path, id, ..] = options.words() else { return Err(process.usage()) };
    let unable = refused(process, format!("delete fd for id {}", show(id)));
    connect(process, &options, path)?.delete(id).map_err(unable)?;
    Ok(Next::Exit(0))
}

/// `s6-fdholder-list [ -t timeout ] socket`
pub fn list(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "t:")?;
    let [path, ..] = options.words() else { return Err(process.usage()) };
    let unable = refused(process, "get fd list");
    let mut out = Vec::new();
    for id in connect(process, &options, path)?.list().map_err(unable)? {
        quote(&id, b"", &mut out).map_err(process.unable("quote string"))?;
        out.push(b'\n');
    }
    process.print(&out)?;
    Ok(Next::Exit(0))
}

/// `s6-fdholder-getdump [ -t timeout ] socket prog...`
pub fn getdump(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "t:")?;
    let ([path], program) = process.operands(options.words().to_vec())?;
    let unable = refused(process, "get dump");
    let dump = connect(process, &options, &path)?.dump().map_err(unable)?;
    let far = now().saturating_add(Duration::from_secs(1 << 60));
    process.env.set(b"S6_FD#", dump.len().to_string().as_bytes());
    for (i, (id, Held { fd, limit })) in dump.into_iter().enumerate() {
        let number = Rc::into_inner(fd).map_or(-1, IntoRawFd::into_raw_fd);
        fd::set_cloexec(number, false).map_err(process.unable("uncoe"))?;
        process.env.set(format!("S6_FD_{i}").as_bytes(), number.to_string().as_bytes());
        process.env.set(format!("S6_FDID_{i}").as_bytes(), &id);
        let name = format!("S6_FDLIMIT_{i}").into_bytes();
        match limit < far {
            true => process.env.set(&name, &limit.label()),
            false => process.env.unset(&name),
        }
    }
    Ok(program.into())
}

/// `s6-fdholder-setdump [ -t timeout ] socket`
pub fn setdump(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "t:")?;
    let [path, ..] = options.words() else { return Err(process.usage()) };
    let invalid = |name: &str| process.fatal(100, format_args!("invalid {name}"));
    let unsigned = |name: &str| -> Result<u32, Exit> {
        let value = decimal::parse(process.variable(name)?);
        value.ok_or_else(|| invalid(name))
    };
    let mut dump = Vec::new();
    for i in 0..unsigned("S6_FD#")? {
        let (name, id, limit) =
            (format!("S6_FD_{i}"), format!("S6_FDID_{i}"), format!("S6_FDLIMIT_{i}"));
        let fd = RawFd::try_from(unsigned(&name)?).map_err(|_| invalid(&name))?;
        let word = process.variable(&id)?;
        if word.is_empty() || word.len() > MAX_ID {
            return Err(invalid(&id));
        }
        let limit = match process.env.get(limit.as_bytes()) {
            Some(label) => Tain::parse(label).ok_or_else(|| invalid(&limit))?,
            None => never(),
        };
        let unable = refused(process, "set dump");
        let fd = copy(fd).map_err(unable)?;
        dump.push((word.to_vec(), Held { fd, limit }));
    }
    let client = connect(process, &options, path)?;
    set(process, client, &dump)
}

/// `s6-fdholder-transferdump [ -t timeoutfrom:timeoutto ] socketfrom socketto`
pub fn transferdump(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "t:")?;
    let ms = |word: Option<&[u8]>| match word {
        None | Some(b"") => Ok(0),
        Some(word) => process.number::<u32>(word),
    };
    let limits = options.parsed('t', |limits| {
        let colon = limits.iter().position(|&b| b == b':').unwrap_or(limits.len());
        Ok((ms(limits.get(..colon))?, ms(limits.get(colon + 1..))?))
    });
    let (ms_from, ms_to) = limits?.unwrap_or((0, 0));
    let [from, to, ..] = options.words() else { return Err(process.usage()) };
    let reach = |what: &str, path: &[u8], ms: u32| {
        let text = format!("connect to a {what} fd-holder daemon at {}", show(path));
        Client::connect(path, Deadline::after_ms(ms)).map_err(process.unable(text))
    };
    let unable = refused(process, "get dump");
    let dump = reach("source", from, ms_from)?.dump().map_err(unable)?;
    set(process, reach("destination", to, ms_to)?, &dump)
}

fn set(process: &Process, mut client: Client, dump: &[(Word, Held)]) -> Result<Next, Exit> {
    let unable = refused(process, "set dump");
    client.set_dump(dump).map_err(unable)?;
    Ok(Next::Exit(0))
}

/// Connects, with the time that the option -t gives.
fn connect(process: &Process, options: &Options, path: &[u8]) -> Result<Client, Exit> {
    let deadline = deadline(process, options, 't')?;
    let text = format!("connect to a fd-holder daemon at {}", show(path));
    Client::connect(path, deadline).map_err(process.unable(text))
}

/// For `map_err`: what the daemon refuses is no failure of the system. Exit 1.
fn refused(process: &Process, what: impl Display) -> impl Fn(Errno) -> Exit {
    move |e| process.fatal(1, format_args!("unable to {what}: {}", reason(e)))
}

/// A copy of an open descriptor.
fn copy(number: RawFd) -> Result<Rc<OwnedFd>, Errno> {
    fd::borrow(&number).try_clone_to_owned().map(Rc::new).map_err(|e| errno(&e))
}
