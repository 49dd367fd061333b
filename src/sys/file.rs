//! Small files where anybody may have put something else: a FIFO is never waited for.

use std::fs::{self, File};
use std::io::{Read, Result, Write};
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

/// Makes a file of these bytes, or makes an old one hold them. A FIFO without a reader is an error.
pub fn write(file: &str, bytes: &[u8]) -> Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).custom_flags(NO_WAIT);
    options.open(file)?.write_all(bytes)
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
