//! Writing letters to whoever supervises a directory: `supervise/control`, `.s6-svscan/control`.

use crate::sys::{fd, signal};
use crate::tools::Word;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;

/// The folder of a service directory in which its supervisor lives.
pub const SUPERVISE: &str = "supervise";
/// The folder of a scan directory in which its supervisor lives.
pub const SVSCAN: &str = ".s6-svscan";

/// Why letters have not been written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody reads the FIFO, or there is no folder for it yet.
    NotListening,
    /// The folder is not as a supervisor would have made it.
    Wrong(Errno),
    /// The system refused.
    System(Errno),
}

/// Writes `letters` to the FIFO `control` in the folder of `dir`.
pub fn write(dir: &[u8], folder: &str, letters: &[u8]) -> Result<(), Failure> {
    let path = [dir, b"/", folder.as_bytes(), b"/control"].concat();
    // Differs: the folder may be another user's, and what a link there leads to is not written to.
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let fifo = match open(path.as_slice(), flags, Mode::empty()) {
        Ok(fifo) => fifo,
        Err(Errno::ENXIO) => return Err(Failure::NotListening),
        Err(e @ (Errno::ENOENT | Errno::ENOTDIR | Errno::EISDIR | Errno::ELOOP)) => {
            return Err(explain(dir, folder, e));
        }
        Err(e) => return Err(Failure::System(e)),
    };
    let written = signal::ignore(Signal::SIGPIPE)
        .and_then(|()| fd::set_nonblocking(fifo.as_raw_fd(), false))
        .and_then(|()| fd::write_all(fifo.as_raw_fd(), letters));
    match written {
        Err(Errno::EPIPE) => Err(Failure::NotListening),
        other => other.map_err(Failure::System),
    }
}

/// Finds out what it is that does not exist.
fn explain(dir: &[u8], folder: &str, error: Errno) -> Failure {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    match open(dir, flags, Mode::empty()) {
        Err(e) => Failure::System(e),
        Ok(dir) => match openat(&dir, folder, flags, Mode::empty()) {
            Err(Errno::ENOENT) => Failure::NotListening,
            Err(e) => Failure::Wrong(e),
            Ok(_) => Failure::Wrong(error),
        },
    }
}

/// Whether a directory is supervised: its lock is held.
pub fn is_supervised(dir: &[u8], folder: &str) -> Result<bool, Errno> {
    let lock: Word = [dir, b"/", folder.as_bytes(), b"/lock"].concat();
    crate::sys::lock::is_locked(&lock)
}
