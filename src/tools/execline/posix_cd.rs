//! posix-cd: changes the working directory the way POSIX asks of shells, with PWD, OLDPWD, CDPATH
//! and `-`.
//! Reference: <https://skarnet.org/software/execline/posix-cd.html>.

use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::stat::{SFlag, stat};
use std::os::unix::ffi::OsStringExt;

/// `posix-cd [ -L | -P ] [ - | path ] [ prog... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "LP")?;
    let physical = options.last_of("LP") == Some('P');
    let mut words = options.rest().into_iter();
    let (target, mut print) = match words.next() {
        None => (process.env.get(b"HOME").map(<[u8]>::to_vec), false),
        Some(word) if word == b"-" => (process.env.get(b"OLDPWD").map(<[u8]>::to_vec), true),
        Some(word) => (Some(word), false),
    };
    let target = target.filter(|t| !t.is_empty()).ok_or_else(|| process.usage())?;
    let mut path = target.clone();
    if let Some(candidate) = in_cdpath(process, &target) {
        print |= check_directory(&candidate).is_ok();
        path = candidate;
    }
    let before = getcwd(process)?;
    if !physical {
        // Differs: without PWD, the reference sets it to a relative path.
        let base = process.env.get(b"PWD").unwrap_or(&before);
        path = canonical(&below(base, path)).map_err(|(path, e)| {
            let (whole, part) = (show(&target), show(&path));
            let why = reason(e);
            process.fatal(
                111,
                format_args!("unable to canonicalize {whole}: problem with {part}: {why}"),
            )
        })?;
    }
    nix::unistd::chdir(path.as_slice())
        .map_err(process.unable(format_args!("chdir to {}", show(&target))))?;
    if physical {
        path = getcwd(process)?;
    }
    process.env.set(b"OLDPWD", &before);
    process.env.set(b"PWD", &path);
    if print {
        process.print(&[&path, b"\n".as_slice()].concat())?;
    }
    Ok(words.collect::<Vec<_>>().into())
}

fn getcwd(process: &Process) -> Result<Word, Exit> {
    let path = nix::unistd::getcwd().map_err(process.unable("getcwd"))?;
    Ok(path.into_os_string().into_vec())
}

/// The first directory of this name in a folder of CDPATH; where no folder has one, the reference
/// insists on the last. Absolute paths, and those that begin with `.` or `..`, are not looked for
/// there.
fn in_cdpath(process: &Process, target: &[u8]) -> Option<Word> {
    if matches!(target.split(|&b| b == b'/').next(), None | Some(b"" | b"." | b"..")) {
        return None;
    }
    let cdpath = process.env.get(b"CDPATH").filter(|path| !path.is_empty())?;
    let folders = cdpath.strip_suffix(b":").unwrap_or(cdpath).split(|&b| b == b':');
    let candidates: Vec<Word> = folders
        .map(|folder| if folder.is_empty() { b".".as_slice() } else { folder })
        .map(|folder| below(folder, target.to_vec()))
        .collect();
    let found = candidates.iter().find(|path| check_directory(path).is_ok());
    found.or(candidates.last()).cloned()
}

/// A path as seen from the directory `base`.
fn below(base: &[u8], path: Word) -> Word {
    if path.starts_with(b"/") {
        return path;
    }
    let slash: &[u8] = if base.is_empty() || base.ends_with(b"/") { b"" } else { b"/" };
    [base, slash, &path].concat()
}

fn check_directory(path: &[u8]) -> Result<(), Errno> {
    let mode = SFlag::from_bits_truncate(stat(path)?.st_mode);
    if mode & SFlag::S_IFMT == SFlag::S_IFDIR { Ok(()) } else { Err(Errno::ENOTDIR) }
}

/// A path without `.`, `..` and needless slashes, by its text alone: links are not followed. What
/// `..` goes back over must be a directory, though; else it is told which is not, and why.
fn canonical(path: &[u8]) -> Result<Word, (Word, Errno)> {
    let root: &[u8] = if path.starts_with(b"/") { b"/" } else { b"" };
    let joined = |parts: &[&[u8]]| [root, &parts.join(&b'/')].concat();
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|&last| last != b"..") => {
                let so_far = joined(&parts);
                check_directory(&so_far).map_err(|e| (so_far, e))?;
                parts.pop();
            }
            b".." if !root.is_empty() => {}
            part => parts.push(part),
        }
    }
    let path = joined(&parts);
    Ok(if path.is_empty() { b".".to_vec() } else { path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_canonical_by_their_text() {
        let canonical = |path: &str| canonical(path.as_bytes()).map(String::from_utf8);
        for (path, expected) in [
            ("/", "/"),
            ("//usr///./bin/", "/usr/bin"),
            ("/usr/../..", "/"),
            ("../a", "../a"),
            ("../..", "../.."),
            ("", "."),
        ] {
            assert_eq!(canonical(path), Ok(Ok(expected.to_owned())), "{path}");
        }
        assert_eq!(super::canonical(b"/no/dir/../x"), Err((b"/no/dir".to_vec(), Errno::ENOENT)));
    }
}
