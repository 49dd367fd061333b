//! Explains a boot that failed: what failed, in which file, the probable reason, and what was not
//! started because of it.

use super::report::reason;
use crate::definition::{Definition, Kind, Word};
use crate::engine::Failure;
use crate::execline::programs::Programs;
use crate::graph::{Direction, Graph, ServiceId};
use crate::sys::{exec, file, why};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How much of a log is shown, in lines and at most in bytes.
const TAIL_LINES: usize = 10;
const TAIL_BYTES: u64 = 4096;

/// How much of `up` is looked at for its first line.
const LINE_BYTES: usize = 256;

/// The lines of the summary. Scripts find their programs in `path`.
pub(super) fn summary(
    graph: &Graph,
    failures: &[(ServiceId, Failure)],
    is_up: impl Fn(ServiceId) -> bool,
    known: impl Fn(ServiceId) -> Option<String>,
    path: &[u8],
) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, failure) in failures {
        let Some(definition) = graph.definition(*id) else { continue };
        let name = &definition.name;
        let file = file_to_look_at(definition);
        let mut line = format!("service {name}: {}: {}", reason(*failure), file.display());
        if let Some(cause) = known(*id).or_else(|| cause(definition, *failure, path)) {
            line = format!("{line}: {cause}");
        }
        lines.push(line);
        let held_up = graph.closure(&[*id], Direction::Down).into_iter();
        let names: Vec<_> =
            held_up.filter(|other| other != id && !is_up(*other)).map(|o| graph.name(o)).collect();
        if !names.is_empty() {
            lines.push(format!("not started because of {name}: {}", names.join(", ")));
        }
    }
    lines
}

/// The last lines of the catch-all log, which ends with the container. Its directory belongs to the
/// logger's user: what is not a file of that user is not read.
pub(super) fn last_lines(log: &Path) -> Vec<String> {
    let tail = tail(log).unwrap_or_default();
    let lines = tail.split(|&b| b == b'\n').rev().filter(|line| !line.is_empty());
    let mut lines: Vec<_> =
        lines.take(TAIL_LINES).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    lines.reverse();
    lines
}

fn tail(log: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut file = fs::File::from(open(log, flags, Mode::empty())?);
    let found = file.metadata()?;
    let owner = log.parent().map(fs::metadata).transpose()?.map(|directory| directory.uid());
    if !found.is_file() || Some(found.uid()) != owner {
        return Err(Errno::EPERM.into());
    }
    file.seek(SeekFrom::Start(found.len().saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail)?;
    Ok(tail)
}

/// The file to look at: what `up` calls, where it is one path; else the definition's own.
fn file_to_look_at(definition: &Definition) -> PathBuf {
    match &definition.kind {
        Kind::Oneshot(oneshot) => match oneshot.up.as_slice() {
            [only] if only.starts_with(b"/") => PathBuf::from(OsStr::from_bytes(only)),
            _ => definition.directory.join("up"),
        },
        Kind::Longrun(_) | Kind::Bundle(_) => definition.directory.join("run"),
    }
}

/// The cause in words, where it can be known.
fn cause(definition: &Definition, failure: Failure, path: &[u8]) -> Option<String> {
    if let Kind::Longrun(_) = definition.kind
        && let Some(cause) = broken_script(&definition.directory.join("run"))
    {
        return Some(cause);
    }
    match (&definition.kind, failure) {
        (Kind::Longrun(longrun), Failure::TimedOut) => longrun.notification_fd.map(|fd| {
            format!(
                "it was not ready within timeout-up ({} ms): it has to write a newline to \
                 descriptor {fd} (notification-fd)",
                longrun.atomic.timeout_up_ms
            )
        }),
        (Kind::Oneshot(oneshot), Failure::Exited(code)) => {
            let known = file_to_look_at(definition);
            let broken = (code >= 126).then(|| broken_program(&oneshot.up, &known, path)).flatten();
            broken.or_else(|| foreign_shebang(&definition.directory.join("up")))
        }
        _ => None,
    }
}

/// Which program of a command line cannot be executed, and why. The file that is `known` by now is
/// not named again.
fn broken_program(up: &[Word], known: &Path, path: &[u8]) -> Option<String> {
    let broken = |name: &str| {
        let found = exec::find(name.as_bytes(), path);
        let e = found.and_then(|found| exec::check(&found)).err()?;
        if name.bytes().all(|byte| b"&|;<>".contains(&byte)) {
            return Some(format!(
                "{name} is shell, and up is one line of execline: put the script into a file of \
                 its own, and that file's path into up"
            ));
        }
        let why = why::unable_to_exec(name.as_bytes(), e);
        Some(if Path::new(name) == known { why } else { format!("{name}: {why}") })
    };
    let programs = Programs::of_words(up).all;
    // The values of variables are not known here.
    let known = programs.iter().map(|program| program.name.as_str());
    known.filter(|name| !name.is_empty() && !name.contains('$')).find_map(broken)
}

/// A script whose interpreter does not exist. Its own executable bit does not matter: the live copy
/// has it.
pub(super) fn broken_script(file: &Path) -> Option<String> {
    let file = file.as_os_str().as_bytes();
    let (interpreter, _) = exec::shebang(file)?;
    let e = exec::find(&interpreter, b"").err()?;
    Some(why::unable_to_exec(file, e))
}

/// `up` is a line of execline: a `#!` in it is a comment, and what follows is no shell.
fn foreign_shebang(up: &Path) -> Option<String> {
    let text = file::head(up.as_os_str().as_bytes(), LINE_BYTES).ok()?;
    let first = text.split(|&b| b == b'\n').next()?;
    let foreign = first.starts_with(b"#!") && !first.windows(8).any(|w| w == b"execline");
    foreign.then(|| {
        format!(
            "up is a line of execline, so that its {} is a comment: put the script into a file of \
             its own, and that file's path into up",
            String::from_utf8_lossy(first).trim_end()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Oneshot;
    use std::os::unix::fs::PermissionsExt;

    fn cause_of(directory: &Path, up: &str, code: u8) -> Option<String> {
        let up = crate::execline::lexer::words(up.as_bytes()).unwrap();
        let oneshot = Oneshot { up, ..Oneshot::default() };
        let definition = Definition {
            directory: directory.to_owned(),
            ..Definition::new("prepare", Kind::Oneshot(oneshot))
        };
        cause(&definition, Failure::Exited(code), b"/usr/bin:/bin")
    }

    #[test]
    fn programs_that_cannot_run_are_explained() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path().to_owned();
        let script = |name: &str, text: &str, mode: u32| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path.display().to_string()
        };
        let crlf = script("crlf", "#!/bin/sh\r\ntrue\r\n", 0o755);
        let plain = script("plain", "#!/bin/sh\n", 0o644);
        let lost = script("lost", "#!/no/such/sh\n", 0o755);
        assert!(cause_of(&folder, &crlf, 127).unwrap().contains("CR LF"));
        assert!(cause_of(&folder, &plain, 126).unwrap().contains("chmod +x"));
        assert!(
            cause_of(&folder, &lost, 127)
                .unwrap()
                .contains("interpreter /no/such/sh: No such file")
        );
        let once = cause_of(&folder, "/no/such", 127).unwrap();
        assert_eq!(once, "No such file or directory", "the line has its name already");
        let other = cause_of(&folder, "env -i /bin/sh -c true", 127);
        assert_eq!(other, None, "whatever that is, it is not missing");
        let second = cause_of(&folder, "nice -n 5 /no/such", 127).unwrap();
        assert!(second.starts_with("/no/such: No such file"), "{second}");
        assert!(cause_of(&folder, "&& echo", 127).unwrap().starts_with("&& is shell"));
        assert_eq!(cause_of(&folder, &plain, 1), None);
        fs::write(folder.join("up"), "#!/bin/bash\necho hi\n").unwrap();
        assert!(cause_of(&folder, "echo", 1).unwrap().contains("#!/bin/bash is a comment"));
    }

    #[test]
    fn only_a_file_of_the_logger_is_read() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        let log = folder.join("current");
        fs::write(&log, "one\ntwo\n").unwrap();
        assert_eq!(last_lines(&log), ["one", "two"]);
        fs::rename(&log, folder.join("other")).unwrap();
        std::os::unix::fs::symlink("other", &log).unwrap();
        assert!(last_lines(&log).is_empty());
        fs::remove_file(&log).unwrap();
        nix::unistd::mkfifo(&log, Mode::S_IRWXU).unwrap();
        assert!(last_lines(&log).is_empty());
    }
}
