//! A boot that failed explains itself: what failed, in which file, probably why, and what was not
//! started because of it.

use super::report::reason;
use crate::definition::{Definition, Kind};
use crate::engine::Failure;
use crate::graph::{Direction, Graph, ServiceId};
use crate::sys::exec;
use nix::errno::Errno;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The lines of the summary.
pub fn summary(
    graph: &Graph,
    failures: &[(ServiceId, Failure)],
    is_up: impl Fn(ServiceId) -> bool,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, failure) in failures {
        let Some(definition) = graph.definition(*id) else { continue };
        let name = &definition.name;
        let file = file(definition);
        let mut line = format!("service {name}: {}: {}", reason(*failure), file.display());
        if let Some(cause) = cause(definition, *failure) {
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

/// The file to look at: what `up` calls, where it is one path; else the definition's own.
fn file(definition: &Definition) -> PathBuf {
    match &definition.kind {
        Kind::Oneshot(oneshot) => match oneshot.up.as_slice() {
            [only] if only.starts_with(b"/") => PathBuf::from(OsStr::from_bytes(only)),
            _ => definition.directory.join("up"),
        },
        Kind::Longrun(_) | Kind::Bundle(_) => definition.directory.join("run"),
    }
}

/// The cause in words, where it can be known.
fn cause(definition: &Definition, failure: Failure) -> Option<String> {
    match (&definition.kind, failure) {
        (Kind::Longrun(longrun), Failure::TimedOut) => longrun.notification_fd.map(|fd| {
            format!(
                "it was not ready within timeout-up ({} ms): it has to write a newline to \
                 descriptor {fd} (notification-fd)",
                longrun.atomic.timeout_up_ms
            )
        }),
        (Kind::Longrun(_), Failure::Permanent) => {
            Some("its finish script exited 125, which means: do not try again".to_owned())
        }
        (Kind::Oneshot(oneshot), Failure::Exited(code)) => {
            let program = oneshot.up.first().map_or(b"".as_slice(), |word| word);
            let broken = (code >= 126).then(|| broken_program(program)).flatten();
            broken.or_else(|| foreign_shebang(&definition.directory.join("up")))
        }
        _ => None,
    }
}

/// Why a program could not be executed.
fn broken_program(program: &[u8]) -> Option<String> {
    let shown = String::from_utf8_lossy(program);
    if !program.contains(&b'/') {
        return Some(format!("is {shown} installed, and in PATH?"));
    }
    match exec::find(program, b"") {
        Err(Errno::ENOENT) => Some(format!("{shown} does not exist")),
        Err(Errno::EACCES) => Some(format!("{shown} is not executable: chmod +x {shown}")),
        Err(_) => None,
        Ok(_) => broken_interpreter(program),
    }
}

fn broken_interpreter(file: &[u8]) -> Option<String> {
    let mut line = fs::read(Path::new(OsStr::from_bytes(file))).ok()?;
    line.truncate(line.iter().position(|&b| b == b'\n')?);
    if line.starts_with(b"#!") && line.ends_with(b"\r") {
        let name = String::from_utf8_lossy(file);
        let text = "its first line ends in CR LF, and no interpreter is named like that";
        return Some(format!("{text}: sed -i 's/\\r$//' {name}"));
    }
    let (interpreter, _) = exec::shebang(file)?;
    let missing = exec::find(&interpreter, b"").err()?;
    let interpreter = String::from_utf8_lossy(&interpreter);
    Some(format!("its interpreter {interpreter}: {}", missing.desc()))
}

/// `up` is a line of execline: a `#!` in it is a comment, and what follows is no shell.
fn foreign_shebang(up: &Path) -> Option<String> {
    let text = fs::read(up).ok()?;
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

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("sixtree-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn cause_of(directory: &Path, up: &str, code: u8) -> Option<String> {
        let up = vec![up.as_bytes().to_vec()];
        let oneshot = Oneshot { up, ..Oneshot::default() };
        let definition = Definition {
            directory: directory.to_owned(),
            ..Definition::new("prepare", Kind::Oneshot(oneshot))
        };
        cause(&definition, Failure::Exited(code))
    }

    #[test]
    fn programs_that_cannot_run_are_explained() {
        let folder = folder("broken");
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
        assert!(cause_of(&folder, &lost, 127).unwrap().contains("interpreter /no/such/sh"));
        assert!(cause_of(&folder, "/no/such", 127).unwrap().contains("does not exist"));
        assert_eq!(cause_of(&folder, &plain, 1), None);
        fs::write(folder.join("up"), "#!/bin/bash\necho hi\n").unwrap();
        assert!(cause_of(&folder, "echo", 1).unwrap().contains("#!/bin/bash is a comment"));
        fs::remove_dir_all(folder).unwrap();
    }
}
