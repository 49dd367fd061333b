//! Small files where anybody may have put something else: a FIFO is never waited for.

use super::fd;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use std::fs;
use std::io::Result;
use std::os::fd::{AsRawFd, OwnedFd};

/// More than most small files have.
const SMALL_BYTES: usize = 512;

/// More than most scripts have.
const SCRIPT_BYTES: usize = 16_384;

/// For a file, these mean nothing.
const NO_WAIT: i32 = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;

/// The first bytes of a file. If it is a FIFO, there are none.
pub fn head(file: &[u8], most: usize) -> std::result::Result<Vec<u8>, Errno> {
    let open = open(file)?;
    let (mut bytes, mut chunk) = (Vec::new(), [0; SMALL_BYTES]);
    while bytes.len() < most {
        match fd::read(open.as_raw_fd(), &mut chunk)? {
            0 => break,
            n => bytes.extend_from_slice(chunk.get(..n).unwrap_or_default()),
        }
    }
    bytes.truncate(most);
    Ok(bytes)
}

/// What a file begins with, as far as one read gives it; how many bytes that is.
pub fn start(file: &[u8], buffer: &mut [u8]) -> std::result::Result<usize, Errno> {
    fd::read(open(file)?.as_raw_fd(), buffer)
}

/// Makes a file of what is in another; a new one gets this mode, less the umask.
pub fn copy(from: &[u8], to: &[u8], mode: u32) -> std::result::Result<(), Errno> {
    let (from, to) = (open(from)?, create(to, mode)?);
    let mut chunk = [0; SCRIPT_BYTES];
    loop {
        match fd::read(from.as_raw_fd(), &mut chunk)? {
            0 => return Ok(()),
            n => fd::write_all(to.as_raw_fd(), chunk.get(..n).unwrap_or_default())?,
        }
    }
}

/// Makes a file of these bytes, or makes an old one hold them. A FIFO without a reader is an error.
pub fn write(file: &str, bytes: &[u8]) -> Result<()> {
    let open = create(file.as_bytes(), 0o666)?;
    Ok(fd::write_all(open.as_raw_fd(), bytes)?)
}

/// Like all that is done for every service, this uses openat(2): with O_CLOEXEC, musl's open(2)
/// makes two system calls.
fn open(file: &[u8]) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::from_bits_retain(NO_WAIT);
    openat(AT_FDCWD, file, flags, Mode::empty())
}

fn create(file: &[u8], mode: u32) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
    let flags = flags | OFlag::from_bits_retain(NO_WAIT);
    openat(AT_FDCWD, file, flags, Mode::from_bits_truncate(mode))
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
