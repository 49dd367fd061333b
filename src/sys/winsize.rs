//! The size of a terminal.

use nix::libc;
use std::os::fd::RawFd;

nix::ioctl_read_bad!(
    /// Asks the kernel.
    get,
    libc::TIOCGWINSZ,
    libc::winsize
);

/// Its columns and rows; `None`: it is no terminal, or does not know.
pub fn of(fd: RawFd) -> Option<(usize, usize)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the pointer is to a live value of the type that this request fills in.
    unsafe { get(fd, &raw mut size) }.ok()?;
    let size = (usize::from(size.ws_col), usize::from(size.ws_row));
    Some(size).filter(|(columns, rows)| *columns > 0 && *rows > 0)
}
