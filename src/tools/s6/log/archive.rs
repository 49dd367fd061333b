//! The files that a logging directory keeps: `@TAI64N.s`, and `@TAI64N.u` where a crash has kept
//! one from being processed.

use super::script::Settings;
use crate::format::tai::{LABEL, Tain};
use crate::sys::clock;
use crate::tools::die::errno;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::libc;
use nix::sys::stat::stat;
use nix::unistd::{LinkatFlags, linkat, unlink};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// How an archived file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suffix {
    /// By a rotation.
    Rotated,
    /// By the death of its writer.
    Unprocessed,
}

impl Suffix {
    fn letter(self) -> u8 {
        match self {
            Self::Rotated => b's',
            Self::Unprocessed => b'u',
        }
    }
}

/// The path of a file in a directory.
pub(super) fn path(dir: &[u8], name: &[u8]) -> Vec<u8> {
    [dir, b"/", name].concat()
}

/// Gives the file `name` the name of an archive, by which it is complete, then removes archives
/// beyond what the settings allow; those that cannot be removed are given to `failed`. An empty
/// file is not kept, nor one that has got its name before a crash. Where there is no such file,
/// nothing is done: old archives stay until something is rotated.
pub(super) fn finish(
    settings: &Settings,
    name: &[u8],
    suffix: Suffix,
    failed: impl FnMut(&[u8], Errno),
) -> Result<(), Errno> {
    let dir = settings.dir.as_slice();
    let file = path(dir, name);
    let found = match stat(file.as_slice()) {
        Err(Errno::ENOENT) => return Ok(()),
        found => found?,
    };
    if found.st_nlink == 1 && found.st_size > 0 {
        let label = Tain::from_utc(clock::utc()).label();
        let archive = path(dir, &[label.as_slice(), b".", &[suffix.letter()]].concat());
        linkat(AT_FDCWD, file.as_slice(), AT_FDCWD, archive.as_slice(), LinkatFlags::empty())?;
    }
    unlink(file.as_slice())?;
    trim(dir, settings.archives, settings.total_size, failed)
}

/// Removes the oldest archives until at most `max` are left, of at most `max_bytes` together (0:
/// any number).
fn trim(
    dir: &[u8],
    max: u32,
    max_bytes: u64,
    mut failed: impl FnMut(&[u8], Errno),
) -> Result<(), Errno> {
    let mut archives = list(dir, max_bytes > 0)?;
    archives.sort_unstable();
    let mut count = archives.len();
    let mut bytes: u64 = archives.iter().map(|(_, size)| size).sum();
    for (name, size) in archives {
        if count <= max as usize && (max_bytes == 0 || bytes <= max_bytes) {
            break;
        }
        count -= 1;
        let file = path(dir, &name);
        match unlink(file.as_slice()) {
            Ok(()) | Err(Errno::ENOENT) => bytes -= size,
            Err(e) => failed(&file, e),
        }
    }
    Ok(())
}

/// The archives of a directory, with their sizes in bytes if those are wanted: asking for each, at
/// each rotation, takes long where there are many.
fn list(dir: &[u8], sizes: bool) -> Result<Vec<(Vec<u8>, u64)>, Errno> {
    let mut archives = Vec::new();
    for entry in std::fs::read_dir(OsStr::from_bytes(dir)).map_err(|e| errno(&e))? {
        let name = entry.map_err(|e| errno(&e))?.file_name().into_vec();
        if !is_archive(&name) {
            continue;
        }
        if !sizes {
            archives.push((name, 0));
            continue;
        }
        match stat(path(dir, &name).as_slice()) {
            Ok(found) => archives.push((name, size(found.st_size))),
            Err(Errno::ENOENT) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(archives)
}

fn is_archive(name: &[u8]) -> bool {
    Tain::parse(name).is_some() && matches!(name.get(LABEL..), Some(b".s" | b".u"))
}

/// A size as the kernel tells it; it is never negative.
pub(super) fn size(st_size: libc::off_t) -> u64 {
    u64::try_from(st_size).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_stamps_with_a_suffix_are_archives() {
        assert!(is_archive(b"@400000006553f12500000005.s"));
        assert!(is_archive(b"@400000006553f12500000005.u"));
        for name in [
            &b"@400000006553f12500000005"[..],
            b"@400000006553f12500000005.x",
            b"@400000006553f12500000005.s.gz",
            b"@400000006553f1250000000g.s",
            b"current",
        ] {
            assert!(!is_archive(name));
        }
    }
}
