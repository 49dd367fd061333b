//! The small files of a service directory (`timeout-kill`, `down-signal` …), read each time that
//! they are needed, as s6-supervise reads them.

use super::directory::ServiceDirectory;
use super::reporter::Reporter;
use crate::definition::EndPolicy;
use crate::format::output::LogMode;
use crate::format::{decimal, signal};
use crate::sys::{directory, errno, file};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::os::fd::RawFd;
use std::path::Path;

/// The longest such file that is read, in bytes.
const MAX_BYTES: usize = 256;

impl ServiceDirectory<'_> {
    /// A number, from the first line of a file. A file that contains none counts as absent, with a
    /// warning.
    pub(super) fn number(&self, file: &'static str, reporter: &mut Reporter) -> Option<u32> {
        let line = self.first_line(file, reporter)?;
        let number = decimal::parse(line.trim_ascii());
        if number.is_none() {
            self.warn(reporter, &format!("invalid {file}: not a number"));
        }
        number
    }

    /// A descriptor's number, from the first line of a file. Any other content counts as absent,
    /// with a warning.
    pub(super) fn descriptor(&self, file: &'static str, reporter: &mut Reporter) -> Option<RawFd> {
        let number = self.number(file, reporter)?;
        let fd = RawFd::try_from(number).ok().filter(|fd| (1..1 << 20).contains(fd));
        if fd.is_none() {
            self.warn(reporter, &format!("invalid {file}: {number}"));
        }
        fd
    }

    /// A signal, from the first line of a file; `default` if there is no such file, or, with a
    /// warning, if it holds none.
    pub(super) fn signal(
        &self,
        file: &'static str,
        default: Signal,
        reporter: &mut Reporter,
    ) -> u8 {
        let Some(line) = self.first_line(file, reporter) else { return default as u8 };
        signal::parse(line.trim_ascii()).unwrap_or_else(|| {
            self.warn(reporter, &format!("invalid {file}: not a signal; using {default}"));
            default as u8
        })
    }

    /// What the end of the service means, by its files, and whether it has a `stop` script. One
    /// that cannot be used is warned of, and counts as absent.
    pub(super) fn ends(&self, reporter: &mut Reporter) -> (Option<EndPolicy>, bool) {
        let list = || directory::entries(Path::new("."));
        let entries = self.spare.lend(|e| *e, list).unwrap_or_default();
        let mut policy = EndPolicy::default();
        for file in EndPolicy::FILES {
            if !entries.iter().any(|entry| entry.name == *file) {
                continue;
            }
            let mut text = [0; MAX_BYTES];
            match self.spare.lend(|e| *e, || file::start(file.as_bytes(), &mut text)) {
                Ok(length) => {
                    if let Err(mistake) = policy.parse(file, &text[..length]) {
                        self.warn(reporter, &format!("ignoring {file}: {mistake}"));
                    }
                }
                Err(e) => {
                    self.warn(reporter, &format!("unable to read {file}: {}", errno::text(e)))
                }
            }
        }
        let has_stop = entries.iter().any(|entry| entry.name == "stop");
        (Some(policy).filter(|policy| !policy.is_empty()), has_stop)
    }

    /// How what the service says is shown: the file `log`, if it is one. A directory of this name
    /// is a logger.
    pub(super) fn log_mode(&self, reporter: &mut Reporter) -> Option<LogMode> {
        let is_file = std::fs::metadata("log").is_ok_and(|found| found.is_file());
        let line = is_file.then(|| self.first_line("log", reporter)).flatten()?;
        let mode = LogMode::parse(line.trim_ascii());
        if mode.is_none() {
            self.warn(reporter, "invalid log: not plain, prefix, json or none");
        }
        mode
    }

    /// Whether a flag file is there.
    pub(super) fn flag(&self, file: &'static str) -> bool {
        !self.lacks(file) && nix::unistd::access(file, nix::unistd::AccessFlags::F_OK).is_ok()
    }

    /// A warning of the service's supervisor.
    pub(super) fn warn(&self, reporter: &mut Reporter, text: &str) {
        reporter.warn(&format!("s6-supervise {}: warning: {text}", self.name));
    }

    /// The first line of a file. One that cannot be read counts as absent, with a warning.
    fn first_line(&self, file: &'static str, reporter: &mut Reporter) -> Option<Vec<u8>> {
        if self.lacks(file) {
            return None;
        }
        let mut text = [0; MAX_BYTES];
        match self.spare.lend(|e| *e, || file::start(file.as_bytes(), &mut text)) {
            Ok(length) => text[..length].split(|&b| b == b'\n').next().map(<[u8]>::to_vec),
            Err(Errno::ENOENT) => None,
            Err(e) => {
                self.warn(reporter, &format!("unable to read {file}: {}", errno::text(e)));
                None
            }
        }
    }
}
