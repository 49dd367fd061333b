//! The small files of a service directory, read each time that they are needed, as s6-supervise
//! reads them. The caller is in the service directory.

use crate::format::signal;
use crate::sys::file;

/// The longest such file that is read, in bytes.
const MAX_BYTES: usize = 256;

/// A file that does not hold what it should; `.0` is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invalid(pub &'static str);

/// A number, from the first line of a file. `Ok(None)`: there is no such file.
pub fn number(file: &'static str) -> Result<Option<u32>, Invalid> {
    let Some(line) = first_line(file) else { return Ok(None) };
    let text = std::str::from_utf8(&line).map_err(|_| Invalid(file))?;
    text.trim().parse().map(Some).map_err(|_| Invalid(file))
}

/// A signal, from the first line of a file; `default` if there is no such file.
pub fn signal(file: &'static str, default: u8) -> Result<u8, Invalid> {
    let Some(line) = first_line(file) else { return Ok(default) };
    signal::parse(line.trim_ascii()).ok_or(Invalid(file))
}

/// Whether a flag file is there.
pub fn flag(file: &str) -> bool {
    nix::unistd::access(file, nix::unistd::AccessFlags::F_OK).is_ok()
}

fn first_line(name: &str) -> Option<Vec<u8>> {
    let mut text = [0; MAX_BYTES];
    let length = file::start(name.as_bytes(), &mut text).ok()?;
    text.get(..length)?.split(|&b| b == b'\n').next().map(<[u8]>::to_vec)
}
