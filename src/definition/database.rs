//! The file in which a compiled tree keeps its definitions.

use sixtree_core::definition::{Definition, compiled};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// The name of the file in a compiled database's directory.
pub const FILE: &str = "db";

/// The largest database that is read: far more than a tree of 100,000 services takes.
const MAX_BYTES: usize = 256 << 20;

/// Why a database cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file is no database.
    #[error(transparent)]
    Invalid(#[from] compiled::CompiledError),
}

/// Writes definitions to a file, which is there in full or not at all.
pub fn write<'d>(
    file: &Path,
    definitions: impl Iterator<Item = &'d Definition>,
) -> Result<(), DatabaseError> {
    let mut partial = file.as_os_str().to_owned();
    partial.push(".new");
    std::fs::write(&partial, compiled::encode(definitions))?;
    Ok(std::fs::rename(partial, file)?)
}

/// Reads the definitions in a file, in the order in which they were written.
pub fn read(file: &Path) -> Result<Vec<Definition>, DatabaseError> {
    Ok(decode(&crate::sys::file::whole(file, MAX_BYTES)?)?)
}

/// The definitions in the bytes of a database.
pub fn decode(text: &[u8]) -> Result<Vec<Definition>, compiled::CompiledError> {
    compiled::decode(text, |bytes| OsString::from_vec(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_not_read() {
        let scratch = tempfile::tempdir().unwrap();
        let fifo = scratch.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for file in [fifo.as_path(), Path::new("/dev/zero")] {
            let why = read(file).unwrap_err().to_string();
            assert_eq!(why, "it is not a regular file");
        }
    }
}
