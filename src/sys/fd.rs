//! File descriptors by number, as chain-loading programs pass them on.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

/// Borrows a descriptor that this process has under a number, of which nobody here is the owner: a
/// standard one, or one that an option names. It is borrowed for as long as the number is kept, so
/// that it cannot be put aside for a time in which another file may have the number.
///
/// The number may be closed: calls on it then give EBADF.
pub fn borrow(fd: &RawFd) -> BorrowedFd<'_> {
    // SAFETY: it is not used to close; a number that is closed is an error of the call that uses
    // it, and not of memory. -1 alone may not be passed on.
    unsafe { BorrowedFd::borrow_raw((*fd).max(0)) }
}

/// A copy of a descriptor that is closed on exec, under the lowest free number from `least` on.
pub fn duplicate(fd: impl AsFd, least: RawFd) -> Result<OwnedFd, Errno> {
    let number = fcntl(fd, FcntlArg::F_DUPFD_CLOEXEC(least))?;
    // SAFETY: it is open, and only the kernel knew of it so far.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Writes all of `bytes`, however many calls it takes.
pub fn write_all(fd: RawFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match nix::unistd::write(borrow(&fd), bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Writes a message to stderr. An error is ignored: there is no other place to report it.
pub fn write_to_stderr(message: &[u8]) {
    let _ = write_all(2, message);
}

/// One write to a descriptor that poll(2) has called writable, of no more bytes than it takes
/// without blocking, even if it is in blocking mode. O_NONBLOCK would change it for all processes
/// that share it.
pub fn write_ready(fd: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    let some = bytes.get(..nix::libc::PIPE_BUF).unwrap_or(bytes);
    loop {
        match nix::unistd::write(borrow(&fd), some) {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

/// Lets every user open a pipe or FIFO for writing. A program that has it as stdout may be another
/// user's, and open /dev/stdout anew; it gains nothing by that, since it can write to it anyway.
pub fn open_to_writers(pipe: impl std::os::fd::AsFd) {
    use nix::sys::stat::{Mode, fchmod, fstat};
    let Ok(found) = fstat(&pipe) else { return };
    let everybody = Mode::S_IWUSR | Mode::S_IWGRP | Mode::S_IWOTH;
    // Refused where it belongs to another user, who has to allow it then.
    let _ = fchmod(&pipe, Mode::from_bits_truncate(found.st_mode) | everybody);
}

/// One read; retried when a signal interrupts it. 0 is the end of the file.
pub fn read(fd: RawFd, buffer: &mut [u8]) -> Result<usize, Errno> {
    loop {
        match nix::unistd::read(borrow(&fd), buffer) {
            Err(Errno::EINTR) => {}
            other => return other,
        }
    }
}

nix::ioctl_read_bad!(
    /// The number of bytes that wait to be read.
    count_readable,
    nix::libc::FIONREAD,
    nix::libc::c_int
);

/// How many bytes could be read at once from a pipe, a socket or a terminal.
pub fn readable_bytes(fd: RawFd) -> Result<usize, Errno> {
    let mut count = 0;
    // SAFETY: the kernel writes one int.
    unsafe { count_readable(fd, &mut count) }?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Reads until the end of the file.
pub fn read_to_end(fd: RawFd) -> Result<Vec<u8>, Errno> {
    let mut all = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        match read(fd, &mut chunk)? {
            0 => return Ok(all),
            n => all.extend_from_slice(&chunk[..n]),
        }
    }
}

/// Writes to `to` what can be read from `from`, up to `limit` bytes; how many there were. No byte
/// beyond the limit is read.
pub fn pour(to: RawFd, from: RawFd, limit: u64) -> Result<u64, Errno> {
    let mut chunk = vec![0; 65_536];
    let mut left = limit;
    while left > 0 {
        let most = chunk.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let n = read(from, &mut chunk[..most])?;
        if n == 0 {
            break;
        }
        write_all(to, &chunk[..n])?;
        left -= n as u64;
    }
    Ok(limit - left)
}

/// Makes `to` a copy of `from` (dup2); the copy is inherited by the next program.
pub fn copy(to: RawFd, from: RawFd) -> Result<(), Errno> {
    if to == from {
        let flags = FdFlag::from_bits_retain(fcntl(borrow(&from), FcntlArg::F_GETFD)?);
        return fcntl(borrow(&to), FcntlArg::F_SETFD(flags - FdFlag::FD_CLOEXEC)).map(drop);
    }
    // SAFETY: plain numbers; the kernel checks them, and the result is not owned here.
    match unsafe { nix::libc::dup2(from, to) } {
        -1 => Err(Errno::last()),
        _ => Ok(()),
    }
}

/// Moves `from` to `to`: a copy, then `from` is closed.
pub fn r#move(to: RawFd, from: RawFd) -> Result<(), Errno> {
    copy(to, from)?;
    if to != from {
        close(from);
    }
    Ok(())
}

/// Closes a descriptor by number; one that is closed already is fine.
pub fn close(fd: RawFd) {
    let _ = nix::unistd::close(fd);
}

/// A pipe (read end, write end), closed on exec. Neither end is 0, 1 or 2, even where those are
/// closed: others are placed there.
pub fn pipe_above_2() -> Result<(OwnedFd, OwnedFd), Errno> {
    let above = |end: OwnedFd| match end.as_raw_fd() {
        0..=2 => duplicate(&end, 3),
        _ => Ok(end),
    };
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
    Ok((above(read)?, above(write)?))
}

/// Gives an owned descriptor a number of its own choosing, for the next program to inherit.
pub fn place(to: RawFd, from: OwnedFd) -> Result<(), Errno> {
    r#move(to, from.into_raw_fd())
}

/// Whether the number is an open descriptor.
pub fn is_open(fd: RawFd) -> bool {
    fd >= 0 && fcntl(borrow(&fd), FcntlArg::F_GETFD).is_ok()
}

/// Opens /dev/null at each of these numbers that is closed, so that no other file gets it.
pub fn open_all(numbers: &[RawFd]) -> Result<(), Errno> {
    use nix::fcntl::{OFlag, open};
    for &number in numbers.iter().filter(|number| !is_open(**number)) {
        place(number, open("/dev/null", OFlag::O_RDWR, nix::sys::stat::Mode::empty())?)?;
    }
    Ok(())
}

/// Sets or clears O_NONBLOCK.
pub fn set_nonblocking(fd: RawFd, on: bool) -> Result<(), Errno> {
    use nix::fcntl::OFlag;
    let flags = OFlag::from_bits_retain(fcntl(borrow(&fd), FcntlArg::F_GETFL)?);
    let wanted = if on { flags | OFlag::O_NONBLOCK } else { flags - OFlag::O_NONBLOCK };
    fcntl(borrow(&fd), FcntlArg::F_SETFL(wanted)).map(drop)
}

/// Sets or clears close-on-exec.
pub fn set_cloexec(fd: RawFd, on: bool) -> Result<(), Errno> {
    let flag = if on { FdFlag::FD_CLOEXEC } else { FdFlag::empty() };
    fcntl(borrow(&fd), FcntlArg::F_SETFD(flag)).map(drop)
}
