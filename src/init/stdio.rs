//! The container's stdin, stdout and stderr.

use crate::sys::fd;
use nix::fcntl::{OFlag, open};
use nix::libc::{S_IFIFO, S_IFMT};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::geteuid;
use std::os::fd::IntoRawFd;
use std::path::Path;

/// Opens what is closed of them: the first files that we open would take their places.
pub(super) fn fill() {
    for number in 0..=2 {
        if !fd::is_open(number) {
            let null = open(Path::new("/dev/null"), OFlag::O_RDWR, Mode::empty());
            null.ok().map(IntoRawFd::into_raw_fd);
        }
    }
}

/// Lets services of other users open /dev/stdout and /dev/stderr, where those are FIFOs: pipes of
/// the container engine's, mostly. nginx and php-fpm do so with what their configuration names.
/// Terminals and sockets are left alone: the one belongs to whoever sits before it, and nobody can
/// open the other.
pub(super) fn open_to_services() {
    for number in [1, 2].into_iter().filter(|_| geteuid().is_root()) {
        let kind = fstat(fd::borrow(&number)).map(|found| found.st_mode & S_IFMT);
        if kind == Ok(S_IFIFO) {
            fd::open_to_writers(fd::borrow(&number));
        }
    }
}
