//! s6-setlock: takes a lock on a file, then becomes a program that has it.
//! Reference: <https://skarnet.org/software/s6/s6-setlock.html>.

use crate::sys::lock::{self, Claim};
use crate::sys::{fd, lock::Patience};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::{IntoRawFd, OwnedFd};
use std::time::Duration;

/// `s6-setlock [ -r | -w ] [ -n | -N ] [ -t timeout ] [ -d fd ] lockfile prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nNrwt:d:")?;
    let claim = match options.last_of("rw") {
        Some('r') => Claim::Shared,
        _ => Claim::Exclusive,
    };
    let timeout_ms = options.number(process, 't', 0u32)?;
    let patience = match (options.last_of("nN"), timeout_ms) {
        (Some('n'), _) => Patience::None,
        (_, 0) => Patience::Endless,
        (_, ms) => Patience::For(Duration::from_millis(ms.into())),
    };
    let number = options.parsed('d', |number| process.descriptor(number))?;
    let mut words = options.rest().into_iter();
    let file = words.next().filter(|_| words.len() > 0).ok_or_else(|| process.usage())?;
    let open = open_file(process, &file, claim)?.into_raw_fd();
    // First the number, then the lock: closing any descriptor of the file would drop it.
    if let Some(number) = number {
        let failed = |e| process.fatal_errno("unable to move lock descriptor", e);
        fd::r#move(number, open).map_err(failed)?;
    }
    lock::claim(number.unwrap_or(open), claim, patience).map_err(|e| match e {
        Errno::ETIMEDOUT => process.fatal(1, format_args!("lock {}: timed out", show(&file))),
        e => {
            process.fatal_errno(format_args!("unable to lock {}", show(&file)), e);
            Exit(1)
        }
    })?;
    Ok(words.collect::<Vec<_>>().into())
}

/// Opens the file, which is made if it is not there; a shared lock needs no right to write to it.
fn open_file(process: &Process, file: &[u8], claim: Claim) -> Result<OwnedFd, Exit> {
    let create = |flags| open(file, flags | OFlag::O_CREAT, Mode::from_bits_truncate(0o666));
    let (opened, purpose) = match claim {
        Claim::Exclusive => (create(OFlag::O_WRONLY | OFlag::O_NONBLOCK), "writing"),
        Claim::Shared => match open(file, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()) {
            Err(Errno::ENOENT) => (create(OFlag::O_RDONLY | OFlag::O_NONBLOCK), "reading"),
            opened => (opened, "reading"),
        },
    };
    opened.map_err(|e| {
        process.fatal_errno(format_args!("unable to open {} for {purpose}", show(file)), e)
    })
}
