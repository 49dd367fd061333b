//! Files that hold the last line of some kind, and are replaced as a whole.

use crate::tools::Word;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, renameat};
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;

/// A status file.
#[derive(Debug)]
pub(super) struct StatusFile {
    /// Its name.
    pub file: Word,
    /// Its size in bytes; 0 is that of the line.
    size: usize,
    content: Vec<u8>,
    is_new: bool,
}

impl StatusFile {
    /// A file of this size.
    pub(super) fn new(file: Word, size: usize) -> Self {
        Self { file, size, content: Vec::new(), is_new: false }
    }

    /// Lets `fill` write the next content, which `save` makes visible.
    pub(super) fn set(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.content.clear();
        fill(&mut self.content);
        self.is_new = true;
        if self.size > 0 {
            self.content.resize(self.size, b'\n');
        }
    }

    /// Replaces the file, if there is something new.
    pub(super) fn save(&mut self) -> Result<(), Errno> {
        if !std::mem::take(&mut self.is_new) {
            return Ok(());
        }
        let new = [self.file.as_slice(), b".new"].concat();
        let saved = self
            .write(&new)
            .and_then(|()| renameat(AT_FDCWD, new.as_slice(), AT_FDCWD, self.file.as_slice()));
        if saved.is_err() {
            let _ = nix::unistd::unlink(new.as_slice());
        }
        saved
    }

    fn write(&self, file: &[u8]) -> Result<(), Errno> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_CLOEXEC;
        let open = open(file, flags, Mode::from_bits_truncate(0o666))?;
        crate::sys::fd::write_all(open.as_raw_fd(), &self.content)
    }
}
