//! Why a program cannot be executed, in words that say what to do about it.

use super::errno;
use super::exec::{is_on_noexec, shebang};
use super::spawn::SpawnError;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

/// Why a program was not started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartError {
    /// It cannot be executed.
    Exec(Errno),
    /// There is no process that could execute it.
    Spawn(SpawnError),
}

impl StartError {
    /// The reason, where `file` was to be executed.
    pub fn reason(self, file: &[u8]) -> String {
        match self {
            Self::Exec(e) => unable_to_exec(file, e),
            Self::Spawn(e) => e.to_string(),
        }
    }

    /// The kernel's reason.
    pub fn errno(self) -> Errno {
        match self {
            Self::Exec(e) => e,
            Self::Spawn(e) => e.errno(),
        }
    }

    /// Whether the same may succeed in a moment.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Spawn(e) if e.is_temporary())
    }

    /// What a process exits with for it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Exec(Errno::ENOENT) => 127,
            Self::Exec(_) => 126,
            Self::Spawn(_) => 111,
        }
    }
}

impl From<Errno> for StartError {
    fn from(e: Errno) -> Self {
        Self::Exec(e)
    }
}

impl From<SpawnError> for StartError {
    fn from(e: SpawnError) -> Self {
        Self::Spawn(e)
    }
}

/// What is wrong with a word that ends in a carriage return.
pub const CARRIAGE_RETURN: &str = "the word ends in a carriage return, so that the script which it \
    stands in has CR LF line ends: save it with LF line ends";

/// What is wrong with a word that begins with a byte order mark.
const BYTE_ORDER_MARK: &str = "the word begins with a byte order mark, as the file that it stands \
    in does: save it without one";

/// A program's name in a message: what an editor has left in it is seen.
pub fn name(word: &[u8]) -> String {
    let is_hidden = |c: char| c.is_control() || c == '\u{feff}';
    let show = |c: char| match is_hidden(c) {
        true => c.escape_debug().to_string(),
        false => c.to_string(),
    };
    String::from_utf8_lossy(word).chars().map(show).collect()
}

/// The reason why executing `file` gave `e`.
pub fn unable_to_exec(file: &[u8], e: Errno) -> String {
    let reason = errno::text(e);
    match e {
        Errno::ENOENT if file.ends_with(b"\r") => CARRIAGE_RETURN.to_owned(),
        Errno::ENOENT if file.starts_with(b"\xef\xbb\xbf") => BYTE_ORDER_MARK.to_owned(),
        Errno::ENOENT if !file.contains(&b'/') => {
            format!("{reason}: is it installed, and in PATH?")
        }
        Errno::EACCES if is_on_noexec(file) => format!("{reason}: it is on a noexec mount"),
        Errno::EACCES if access(file, AccessFlags::X_OK).is_err() && is_file(file) => {
            format!("{reason}: it has no executable bit: chmod +x it")
        }
        Errno::ENOENT | Errno::EACCES if access(file, AccessFlags::F_OK).is_ok() => {
            match shebang(file).map(|(interpreter, _)| interpreter) {
                Some(_) if ends_in_cr(file) => {
                    format!("{reason}: its first line ends in CR LF: save it with LF line ends")
                }
                Some(interpreter) => {
                    format!("its interpreter {}: {reason}", name(&interpreter))
                }
                None => reason.to_owned(),
            }
        }
        Errno::ENOEXEC if is_marked(file) => format!(
            "{reason}: it begins with a byte order mark, and not with #!: save it without one"
        ),
        Errno::ENOEXEC => {
            format!("{reason}: it begins neither with #! nor as a program for this machine")
        }
        _ => reason.to_owned(),
    }
}

fn is_file(file: &[u8]) -> bool {
    use nix::libc::{S_IFMT, S_IFREG};
    nix::sys::stat::stat(file).is_ok_and(|s| s.st_mode & S_IFMT == S_IFREG)
}

/// Whether the first line ends in a carriage return, which the kernel takes for a part of the
/// interpreter's name, or of its argument.
fn ends_in_cr(file: &[u8]) -> bool {
    let head = super::file::head(file, 256).unwrap_or_default();
    head.split(|&b| b == b'\n').next().is_some_and(|line| line.ends_with(b"\r"))
}

/// Whether a file begins with a byte order mark, which editors on Windows write and do not show.
fn is_marked(file: &[u8]) -> bool {
    // What cannot be read has no such fault.
    let head = super::file::head(file, 3).unwrap_or_default();
    head == b"\xef\xbb\xbf" || head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_cause_is_named() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        let path = file.to_str().unwrap().as_bytes();
        let why = |text: &str, mode: u32, e: Errno| {
            std::fs::write(&file, text).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            unable_to_exec(path, e)
        };
        assert!(why("#!/bin/sh\n", 0o644, Errno::EACCES).contains("chmod +x"));
        assert!(why("#!/bin/sh\r\n", 0o755, Errno::ENOENT).contains("CR LF"));
        let missing = why("#!/no/such -e\n", 0o755, Errno::ENOENT);
        assert_eq!(missing, "its interpreter /no/such: No such file or directory");
        assert!(why("echo", 0o755, Errno::ENOEXEC).contains("#!"));
        assert!(why("\u{feff}#!/bin/sh\n", 0o755, Errno::ENOEXEC).contains("byte order mark"));
        std::fs::remove_file(&file).unwrap();
        assert_eq!(unable_to_exec(path, Errno::ENOENT), "No such file or directory");
        assert!(unable_to_exec(b"nginx", Errno::ENOENT).contains("PATH"));
        assert!(unable_to_exec(b"sh\r", Errno::ENOENT).contains("CR LF"));
        assert!(unable_to_exec(b"\xef\xbb\xbfsh", Errno::ENOENT).contains("byte order mark"));
        assert_eq!(name(b"sh\r"), "sh\\r");
        assert_eq!(name("\u{feff}it's".as_bytes()), "\\u{feff}it's");
        let no_process = StartError::from(SpawnError::Process(Errno::ENOENT));
        assert!(!no_process.reason(b"nginx").contains("PATH"), "it is not the program's fault");
        assert_eq!(no_process.exit_code(), 111);
    }
}
