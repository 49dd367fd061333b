//! Lists directories by getdents(2). musl's readdir(3) takes three calls more and a page of memory
//! for each, and a boot reads several directories for every service.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{Mode, fstatat};
use std::ffi::{OsStr, OsString};
use std::fs::FileType;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Room for what most directories hold, in bytes.
const BUFFER_BYTES: usize = 4096;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// A FIFO, a socket or a device.
    Other,
}

/// A file in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its name.
    pub name: OsString,
    /// What it is; a link is not followed.
    pub kind: FileKind,
}

/// A directory that is being read.
#[derive(Debug)]
pub struct Reader {
    directory: OwnedFd,
    buffer: [u8; BUFFER_BYTES],
}

/// The entries of a directory but `.` and `..`, in no particular order.
pub fn entries(path: &Path) -> Result<Vec<DirectoryEntry>, Errno> {
    Reader::open(path.as_os_str().as_bytes())?.entries()
}

impl Reader {
    /// Opens a directory.
    pub fn open(path: &[u8]) -> Result<Self, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        openat(AT_FDCWD, path, flags, Mode::empty()).map(Self::of)
    }

    /// Reads a directory that is open.
    pub fn of(directory: OwnedFd) -> Self {
        Self { directory, buffer: [0; BUFFER_BYTES] }
    }

    /// Its entries but `.` and `..`, in no particular order.
    pub fn entries(&mut self) -> Result<Vec<DirectoryEntry>, Errno> {
        let mut all = Vec::new();
        loop {
            let some = self.names()?;
            if some.is_empty() {
                break;
            }
            let named = some.into_iter().filter(|(name, _)| !matches!(name, &b"." | &b".."));
            all.extend(named.map(|(name, kind)| (OsStr::from_bytes(name).to_owned(), kind)));
        }
        let entry = |(name, kind)| self.entry(name, kind).transpose();
        all.into_iter().filter_map(entry).collect()
    }

    /// The directory itself.
    pub fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// The next names, with what the file system says of each (DT_DIR, DT_UNKNOWN…); none at the
    /// end.
    pub fn names(&mut self) -> Result<Vec<(&[u8], u8)>, Errno> {
        let (fd, to) = (self.directory.as_raw_fd(), self.buffer.as_mut_ptr());
        // SAFETY: the kernel writes at most as many bytes as the buffer has.
        let n = unsafe { libc::syscall(libc::SYS_getdents64, fd, to, BUFFER_BYTES) };
        let mut rest = self.buffer.get(..Errno::result(n)? as usize).unwrap_or_default();
        let mut names = Vec::new();
        // Each entry: inode (8 bytes), offset (8), its length (2), type (1), the name and a NUL.
        while let Some(&[low, high, kind]) = rest.get(16..19) {
            let length = usize::from(u16::from_ne_bytes([low, high]));
            let name = rest.get(19..length).unwrap_or_default();
            names.extend(name.split(|&b| b == 0).next().map(|name| (name, kind)));
            rest = rest.get(length.max(19)..).unwrap_or_default();
        }
        Ok(names)
    }

    /// An entry; `None` if it has gone meanwhile.
    fn entry(&self, name: OsString, kind: u8) -> Result<Option<DirectoryEntry>, Errno> {
        let kind = match kind {
            libc::DT_REG => FileKind::File,
            libc::DT_DIR => FileKind::Directory,
            libc::DT_LNK => FileKind::Link,
            libc::DT_UNKNOWN => match self.look(&name) {
                Err(Errno::ENOENT) => return Ok(None),
                kind => kind?,
            },
            _ => FileKind::Other,
        };
        Ok(Some(DirectoryEntry { name, kind }))
    }

    /// What a file is, where the file system does not say so with its name.
    fn look(&self, name: &OsStr) -> Result<FileKind, Errno> {
        let found = fstatat(&self.directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        Ok(match found.st_mode & libc::S_IFMT {
            libc::S_IFREG => FileKind::File,
            libc::S_IFDIR => FileKind::Directory,
            libc::S_IFLNK => FileKind::Link,
            _ => FileKind::Other,
        })
    }
}

impl From<FileType> for FileKind {
    fn from(kind: FileType) -> Self {
        match kind {
            _ if kind.is_file() => Self::File,
            _ if kind.is_dir() => Self::Directory,
            _ if kind.is_symlink() => Self::Link,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn all_entries_are_told_with_what_they_are() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("dir");
        std::fs::create_dir_all(dir.join("folder")).unwrap();
        symlink("nowhere", dir.join("link")).unwrap();
        nix::unistd::mkfifo(&dir.join("pipe"), Mode::S_IRUSR).unwrap();
        // More than one read takes.
        for at in 0..300 {
            std::fs::write(dir.join(format!("a-file-with-a-long-name-{at}")), "").unwrap();
        }
        let all = entries(&dir).unwrap();
        assert_eq!(all.len(), 303);
        let kind = |name: &str| all.iter().find(|entry| entry.name == name).unwrap().kind;
        assert_eq!(kind("folder"), FileKind::Directory);
        assert_eq!(kind("link"), FileKind::Link);
        assert_eq!(kind("pipe"), FileKind::Other);
        assert_eq!(kind("a-file-with-a-long-name-299"), FileKind::File);
        let reader = Reader::open(dir.as_os_str().as_bytes()).unwrap();
        let unknown = |name: &str| reader.entry(name.into(), libc::DT_UNKNOWN).unwrap();
        assert_eq!(unknown("folder").unwrap().kind, FileKind::Directory);
        assert_eq!(unknown("link").unwrap().kind, FileKind::Link);
        assert_eq!(unknown("pipe").unwrap().kind, FileKind::Other);
        assert_eq!(unknown("gone"), None);
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(entries(&dir), Err(Errno::ENOENT));
    }
}
