//! Small files where anybody may have put something else: a FIFO is never waited for.

use super::fd;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use std::fs::{self, File};
use std::io::{Read, Result};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;

/// For a file, these mean nothing.
const NO_WAIT: i32 = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;

/// The first bytes of a file. If it is a FIFO, there are none.
pub fn head(file: &[u8], most: u64) -> Result<Vec<u8>> {
    let path = std::ffi::OsStr::from_bytes(file);
    let mut bytes = Vec::new();
    let file = File::options().read(true).custom_flags(NO_WAIT).open(path)?;
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What a file begins with, as far as one read gives it; how many bytes that is.
///
/// Like all that is done for every service it uses openat(2): with O_CLOEXEC, musl's open(2) makes
/// two system calls.
pub fn start(file: &[u8], buffer: &mut [u8]) -> std::result::Result<usize, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::from_bits_retain(NO_WAIT);
    let open = openat(AT_FDCWD, file, flags, Mode::empty())?;
    fd::read(open.as_raw_fd(), buffer)
}

/// Makes a file of these bytes, or makes an old one hold them. A FIFO without a reader is an error.
pub fn write(file: &str, bytes: &[u8]) -> Result<()> {
    Ok(write_with(file.as_bytes(), bytes, 0o666)?)
}

/// The same; a new one gets this mode, less the umask.
pub fn write_with(file: &[u8], bytes: &[u8], mode: u32) -> std::result::Result<(), Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
    let flags = flags | OFlag::from_bits_retain(NO_WAIT);
    let open = openat(AT_FDCWD, file, flags, Mode::from_bits_truncate(mode))?;
    fd::write_all(open.as_raw_fd(), bytes)
}

/// Puts a new file in the place of an old one, so that nobody sees it half written.
pub fn replace(file: &str, bytes: &[u8]) -> Result<()> {
    let new = format!("{file}.new");
    let replaced = write(&new, bytes).and_then(|()| fs::rename(&new, file));
    if replaced.is_err() {
        // Whatever it is, it shall not be in the way next time.
        let _ = fs::remove_file(new);
    }
    replaced
}
