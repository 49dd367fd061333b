//! Adding a service directory to a scan directory, and taking it away, each with a wait for the
//! supervisors concerned: that of the service, and that of its logger if it has one.

use super::control::{self, Failure, SUPERVISE, SVSCAN, is_supervised};
use super::watch::each;
use crate::sys::fifodir::{self, Listener};
use crate::sys::poll::Deadline;
use crate::tools::die::errno;
use crate::tools::{Options, Word, path};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;

/// How a service directory is to be linked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// The state in which the service begins.
    pub start: Start,
    /// Everyone may listen to its events.
    pub public: bool,
    /// An `event/` that is there already gets new permissions, too.
    pub force: bool,
    /// The link may be relative to the scan directory.
    pub relative: bool,
}

/// The state in which a newly linked service begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Start {
    /// As its `down` file says.
    #[default]
    AsItSays,
    /// Down, and later starts are as usual.
    Down,
    /// Down, and down again when the supervisor is a new one.
    StaysDown,
}

impl Style {
    /// What the options d, D, f and P ask.
    pub(super) fn from_options(options: &Options) -> Self {
        let start = match options.last_of("dD") {
            Some('d') => Start::Down,
            Some(_) => Start::StaysDown,
            None => Start::AsItSays,
        };
        let (public, force) = (options.has('P'), options.has('f'));
        Self { start, public, force, relative: false }
    }
}

/// Links `service` as `name` into `scandir`, and waits for its supervisors (unless it has some
/// already). ETIMEDOUT: they have not come in time, and the link is gone again.
pub(super) fn link(
    scandir: &[u8],
    service: &[u8],
    name: &[u8],
    style: Style,
    deadline: Deadline,
) -> Result<(), Errno> {
    let link = [scandir, b"/", name].concat();
    let dirs = with_logger(service)?;
    let supervised = is_supervised(service, SUPERVISE)?;
    let listeners = if supervised { Vec::new() } else { prepare(&dirs, style)? };
    make_link(service, &link, style, supervised)?;
    let done = rescan(scandir, b"a").and_then(|()| hear_from_all(&listeners, b's', deadline));
    match done {
        Err(_) => undo(&link, style),
        // Differs: the original leaves a logger its `down` file.
        Ok(()) if style.start == Start::Down => {
            dirs.iter().for_each(|dir| remove(&[dir, b"/down".as_slice()].concat()));
        }
        Ok(()) => {}
    }
    done
}

/// Removes the link `name` from `scandir`, and waits until its supervisors have gone, or until the
/// deadline. Without a deadline at all, it does not wait.
pub(super) fn unlink(scandir: &[u8], name: &[u8], deadline: Option<Deadline>) -> Result<(), Errno> {
    let link = [scandir, b"/", name].concat();
    let mut listeners = Vec::new();
    if deadline.is_some() {
        for dir in with_logger(&link)? {
            if is_supervised(&dir, SUPERVISE)? {
                listeners.extend(listen(&dir));
            }
        }
    }
    remove(&link);
    let _ = rescan(scandir, b"an");
    if let Some(deadline) = deadline {
        let _ = hear_from_all(&listeners, b'x', deadline);
    }
    Ok(())
}

/// The service directory, and that of its logger if it has one. They must be in the same state.
fn with_logger(service: &[u8]) -> Result<Vec<Word>, Errno> {
    let log = [service, b"/log"].concat();
    match std::fs::metadata(path(&log)) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(vec![service.to_vec()]),
        Err(e) => Err(errno(&e)),
        Ok(found) if !found.is_dir() => Err(Errno::ENOTDIR),
        Ok(_) if is_supervised(service, SUPERVISE)? != is_supervised(&log, SUPERVISE)? => {
            Err(Errno::EINVAL)
        }
        Ok(_) => Ok(vec![service.to_vec(), log]),
    }
}

/// Makes `down` and `event/` as they are asked for, and listens.
fn prepare(dirs: &[Word], style: Style) -> Result<Vec<Listener>, Errno> {
    let group = (!style.public).then(nix::unistd::getegid);
    let mut listeners = Vec::new();
    for dir in dirs {
        if style.start != Start::AsItSays {
            let down = [dir, b"/down".as_slice()].concat();
            std::fs::write(path(&down), []).map_err(|e| errno(&e))?;
        }
        let events = [dir, b"/event".as_slice()].concat();
        fifodir::make(&events, group, style.force)?;
        listeners.push(Listener::subscribe(&events)?);
    }
    Ok(listeners)
}

/// Listens to a directory that will not be reachable by its link for long.
fn listen(dir: &[u8]) -> Result<Listener, Errno> {
    let events = [dir, b"/event"].concat();
    let real = std::fs::canonicalize(path(&events)).map_err(|e| errno(&e))?;
    Listener::subscribe(real.as_os_str().as_bytes())
}

fn make_link(service: &[u8], link: &[u8], style: Style, may_exist: bool) -> Result<(), Errno> {
    let target = if style.relative || service.starts_with(b"/") {
        service.to_vec()
    } else {
        let real = std::fs::canonicalize(path(service)).map_err(|e| errno(&e))?;
        real.into_os_string().as_bytes().to_vec()
    };
    match nix::unistd::symlinkat(target.as_slice(), AT_FDCWD, link) {
        Err(Errno::EEXIST) if may_exist => Ok(()),
        other => other,
    }
}

fn rescan(scandir: &[u8], letters: &[u8]) -> Result<(), Errno> {
    control::write(scandir, SVSCAN, letters).map_err(|failure| match failure {
        Failure::NotListening => Errno::ENXIO,
        Failure::Wrong(e) | Failure::System(e) => e,
    })
}

/// Waits until every listener has heard `event`.
fn hear_from_all(listeners: &[Listener], event: u8, deadline: Deadline) -> Result<(), Errno> {
    let mut missing: Vec<bool> = listeners.iter().map(|_| true).collect();
    if listeners.is_empty() {
        return Ok(());
    }
    let heard = each(listeners, deadline, |place, events| {
        if let Some(missing) = missing.get_mut(place).filter(|_| events.contains(&event)) {
            *missing = false;
        }
        if missing.contains(&true) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if heard { Ok(()) } else { Err(Errno::ETIMEDOUT) }
}

/// Takes back a link whose supervisors have not come, and tells those that did come to leave.
fn undo(link: &[u8], style: Style) {
    if style.start != Start::AsItSays {
        remove(&[link, b"/down"].concat());
    }
    let _ = control::write(link, SUPERVISE, b"xd");
    let _ = control::write(&[link, b"/log"].concat(), SUPERVISE, b"xo");
    remove(link);
}

fn remove(file: &[u8]) {
    let _ = nix::unistd::unlink(file);
}
