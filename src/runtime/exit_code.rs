//! The container's exit code: a file that anybody in the container may write to, and the code that
//! PID 1 itself has recorded.

use crate::sys::file;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Room for more than a number.
const FILE_BYTES: usize = 64;

/// The exit code for a file that contains no number.
const NO_NUMBER: u8 = 100;

/// The exit code, and its file.
#[derive(Debug)]
pub(super) struct ExitCode {
    file: PathBuf,
    /// A file that is made with the live tree, when the first script has not run yet.
    live: PathBuf,
    /// What PID 1 has recorded last.
    recorded: Option<RecordedCode>,
}

/// How the CMD has ended.
#[derive(Clone, Copy, Debug)]
struct RecordedCode {
    code: u8,
    /// The file has it.
    is_written: bool,
}

impl ExitCode {
    /// That of the container with this run directory.
    pub(super) fn of(run_directory: &Path) -> Self {
        let file = run_directory.join("s6-linux-init-container-results/exitcode");
        Self { file, live: run_directory.join("s6-rc/prefix"), recorded: None }
    }

    /// Records the code, in the file where everybody may replace it.
    pub(super) fn write(&mut self, code: u8) {
        // Where the file cannot be made, the code is known here all the same.
        let _ = self.file.parent().map(std::fs::create_dir_all);
        let written = file::overwrite(&self.file, format!("{code}\n").as_bytes());
        self.recorded = Some(RecordedCode { code, is_written: written.is_ok() });
    }

    /// Whether a script has set it. A 0 in the file may be that of the beginning, which is older
    /// than the live tree.
    pub(super) fn is_set(&self) -> bool {
        let modified =
            |file: &Path| std::fs::metadata(file).and_then(|found| found.modified()).ok();
        match self.number() {
            Some(0) => modified(&self.file) > modified(&self.live),
            Some(_) => true,
            None => false,
        }
    }

    fn number(&self) -> Option<u64> {
        self.text()?.parse().ok()
    }

    fn text(&self) -> Option<String> {
        let text = file::head(self.file.as_os_str().as_bytes(), FILE_BYTES).ok()?;
        Some(String::from_utf8_lossy(&text).trim().to_owned())
    }

    /// What the container exits with.
    pub(super) fn read(&self) -> u8 {
        decide(self.text().as_deref(), self.recorded)
    }
}

/// The file's number, modulo 256, wins over what is recorded, but for the 0 with which it begins
/// if it could not be written.
///
/// Differs: where the file is gone or holds no number, the CMD's code counts. Without a CMD that
/// has ended, it is 0 and 100, as in the reference.
fn decide(text: Option<&str>, recorded: Option<RecordedCode>) -> u8 {
    let number = text.and_then(|text| text.parse::<u64>().ok());
    match (number, recorded) {
        (Some(0), Some(RecordedCode { code, is_written: false })) => code,
        (Some(number), _) => (number % 256) as u8,
        (None, Some(RecordedCode { code, .. })) => code,
        (None, None) if text.is_some() => NO_NUMBER,
        (None, None) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_the_file_wins_over_the_code_of_the_cmd_and_nothing_else_does() {
        let none = None;
        let written = Some(RecordedCode { code: 7, is_written: true });
        let unwritten = Some(RecordedCode { code: 7, is_written: false });
        for (text, expected) in [
            // The file's text; the code without a CMD, with its code in the file, and not there.
            (None, [0, 7, 7]),
            (Some(""), [100, 7, 7]),
            (Some("seven"), [100, 7, 7]),
            (Some("0"), [0, 0, 7]),
            (Some("3"), [3, 3, 3]),
            (Some("300"), [44, 44, 44]),
        ] {
            assert_eq!([none, written, unwritten].map(|code| decide(text, code)), expected);
        }
    }

    #[test]
    fn a_zero_is_a_script_s_if_it_is_newer_than_the_live_tree() {
        let scratch = tempfile::tempdir().unwrap();
        let code = ExitCode::of(scratch.path());
        assert!(!code.is_set());
        std::fs::create_dir(code.live.parent().unwrap()).unwrap();
        std::fs::create_dir(code.file.parent().unwrap()).unwrap();
        let written = |file: &Path, text: &str, seconds: u64| {
            std::fs::write(file, text).unwrap();
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            std::fs::File::options().write(true).open(file).unwrap().set_modified(time).unwrap();
        };
        written(&code.live, "", 5);
        for (text, seconds, is_set) in
            [("0", 5, false), ("0", 6, true), ("3", 1, true), ("x", 9, false)]
        {
            written(&code.file, text, seconds);
            assert_eq!(code.is_set(), is_set, "{text:?} at {seconds}");
        }
    }

    #[test]
    fn a_file_that_has_gone_keeps_what_was_recorded() {
        let scratch = tempfile::tempdir().unwrap();
        let mut code = ExitCode::of(scratch.path());
        assert_eq!(code.read(), 0);
        code.write(5);
        assert_eq!(code.read(), 5);
        std::fs::remove_file(&code.file).unwrap();
        assert_eq!(code.read(), 5);
        // A directory in its place cannot be read, nor written to.
        std::fs::create_dir(&code.file).unwrap();
        code.write(6);
        assert_eq!(code.read(), 6);
    }
}
