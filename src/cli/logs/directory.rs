//! A log directory of s6-log: archives named by the time of their end, and `current`, which is
//! renamed when it is full.

use super::line::LogLine;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// A log directory, and how far it has been read.
pub(super) struct LogDirectory {
    path: PathBuf,
    /// `current`, as it was when it was last opened.
    current: Option<File>,
    /// The beginning of a line whose end is not written yet.
    unfinished: Vec<u8>,
    /// The time of the last line.
    stamp: String,
}

impl LogDirectory {
    /// One of which nothing has been read.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, current: None, unfinished: Vec::new(), stamp: String::new() }
    }

    /// The last lines: those of `current`, and of as many archives as it takes to have `most`.
    pub(super) fn last(&mut self, most: usize) -> Vec<LogLine> {
        let mut archives = self.archives();
        let mut contents = vec![self.read_current()];
        let count = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte == b'\n').count();
        let mut lines = contents.first().map_or(0, |bytes| count(bytes));
        while lines < most
            && let Some(archive) = archives.pop()
        {
            // s6-log may have removed the oldest one by now.
            let bytes = fs::read(archive).unwrap_or_default();
            lines += count(&bytes);
            contents.push(bytes);
        }
        contents.into_iter().rev().flat_map(|bytes| self.split(&bytes)).collect()
    }

    /// What has been written since.
    pub(super) fn fresh(&mut self) -> Vec<LogLine> {
        let mut bytes = self.read_current();
        let opened = self.current.as_ref().and_then(|file| file.metadata().ok());
        let there = fs::metadata(self.path.join("current")).ok();
        if let (opened, Some(there)) = (opened.map(|m| m.ino()), there.map(|m| m.ino()))
            && opened != Some(there)
        {
            // It was full. What came between the last read and its renaming is still in it.
            bytes.extend(self.read_current());
            self.current = None;
            bytes.extend(self.read_current());
        }
        self.split(&bytes)
    }

    /// The archives, oldest first; `previous` is one that has no name yet.
    fn archives(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        let is_archive = |path: &PathBuf| {
            path.file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"@") || name == "previous")
        };
        let mut all: Vec<_> = entries.map(|entry| entry.path()).filter(is_archive).collect();
        all.sort();
        all
    }

    /// The rest of `current`.
    fn read_current(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.current.is_none() {
            self.current = File::open(self.path.join("current")).ok();
        }
        if let Some(file) = &mut self.current {
            // What could be read before an error is there all the same.
            let _ = file.read_to_end(&mut bytes);
        }
        bytes
    }

    /// The whole lines; what is left waits for its end.
    fn split(&mut self, bytes: &[u8]) -> Vec<LogLine> {
        self.unfinished.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.unfinished);
        let mut lines = Vec::new();
        for part in all.split_inclusive(|&byte| byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(whole) => {
                    let line = LogLine::read(whole, &self.stamp);
                    self.stamp.clone_from(&line.stamp);
                    lines.push(line);
                }
                None => self.unfinished = part.to_vec(),
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn texts(lines: Vec<LogLine>) -> String {
        lines.iter().map(|line| line.shown("", 0)).collect()
    }

    #[test]
    fn archives_come_first_and_a_rotation_loses_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().join("folder");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("@400000000000000000000000.s"), "old\n").unwrap();
        fs::write(folder.join("@400000000000000100000000.s"), "newer\n").unwrap();
        fs::write(folder.join("lock"), "").unwrap();
        let mut current = File::create(folder.join("current")).unwrap();
        current.write_all(b"now\nhal").unwrap();
        assert_eq!(texts(LogDirectory::new(folder.clone()).last(1)), " | now\n");
        let mut log = LogDirectory::new(folder.clone());
        assert_eq!(texts(log.last(9)), " | old\n | newer\n | now\n");
        assert_eq!(texts(log.fresh()), "");
        current.write_all(b"f\nlast\n").unwrap();
        fs::rename(folder.join("current"), folder.join("previous")).unwrap();
        fs::write(folder.join("current"), "first\n").unwrap();
        assert_eq!(texts(log.fresh()), " | half\n | last\n | first\n");
    }
}
