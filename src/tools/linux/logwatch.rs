//! s6-logwatch: prints what s6-log writes, as it writes it.
//! Reference: <https://skarnet.org/software/s6-linux-utils/s6-logwatch.html>.

use crate::sys::fd;
use crate::sys::signal::ignore;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, fstat, stat};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// `s6-logwatch [ logdir ]`: until it is killed, or nobody reads any more.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "m:")?;
    if options.parsed('m', |length| process.number::<u32>(length))?.is_some() {
        process.warn("the -m option is deprecated");
    }
    let folder = options.rest().into_iter().next().unwrap_or_else(|| b".".to_vec());
    nix::unistd::chdir(folder.as_slice())
        .map_err(process.unable(format_args!("chdir to {}", show(&folder))))?;
    ignore(Signal::SIGPIPE).map_err(process.unable("ignore SIGPIPE"))?;
    let watched = watch().map_err(process.unable("watch the directory"))?;
    let mut current = None;
    loop {
        follow(&mut current)
            .map_err(process.unable(format_args!("read {}/current", show(&folder))))?;
        if !changed(&watched).map_err(process.unable("wait for changes"))? {
            return Ok(Next::Exit(0));
        }
    }
}

fn watch() -> Result<Inotify, Errno> {
    let watched = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
    let changes =
        AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_FROM | AddWatchFlags::IN_MODIFY;
    watched.add_watch(".", changes)?;
    Ok(watched)
}

/// Prints all that is there: the rest of the file that is open, then the one that has come in its
/// place since, if there is one.
fn follow(current: &mut Option<OwnedFd>) -> Result<(), Errno> {
    loop {
        if let Some(file) = current {
            fd::pour(1, file.as_raw_fd(), u64::MAX)?;
        }
        let here = match stat("current") {
            Ok(here) => here,
            Err(Errno::ENOENT) => return Ok(()),
            Err(e) => return Err(e),
        };
        let open_now = current.as_ref().map(fstat).transpose()?;
        if open_now.is_some_and(|now| (now.st_dev, now.st_ino) == (here.st_dev, here.st_ino)) {
            return Ok(());
        }
        match open("current", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(file) => *current = Some(file),
            Err(Errno::ENOENT) => return Ok(()),
            Err(e) => return Err(e),
        }
    }
}

/// Waits for a change in the directory. False: nobody reads stdout any more.
fn changed(watched: &Inotify) -> Result<bool, Errno> {
    let mut all = [
        PollFd::new(watched.as_fd(), PollFlags::POLLIN),
        PollFd::new(fd::borrow(&1), PollFlags::empty()),
    ];
    match poll(&mut all, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => {}
        Err(e) => return Err(e),
    }
    if all[1].any().unwrap_or(true) {
        return Ok(false);
    }
    match watched.read_events() {
        Ok(_) | Err(Errno::EAGAIN) => Ok(true),
        Err(e) => Err(e),
    }
}
