//! The container's stdin, stdout and stderr.

use crate::sys::fd;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use std::fs;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt;
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

/// Lets services of other users open /dev/stdout and /dev/stderr, where those are pipes of the
/// container engine's. nginx and php-fpm do so with what their configuration names.
pub(super) fn open_to_services() {
    for number in [1, 2].into_iter().filter(|_| geteuid().is_root()) {
        let target = fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default();
        if target.as_os_str().as_bytes().starts_with(b"pipe:") {
            fd::open_to_writers(fd::borrow(&number));
        }
    }
}
