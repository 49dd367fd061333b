//! s6-ln, s6-linkname and s6-uniquename: names for files.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-ln.html> and its neighbours.

use super::paths::{basename, print};
use super::unique;
use crate::tools::die::{errno, reason, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc::{S_IFDIR, S_IFMT};
use nix::sys::stat::{lstat, stat};
use nix::unistd::{linkat, symlinkat, unlink};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// How to link.
#[derive(Clone, Copy)]
enum Link {
    Symbolic,
    Hard(AtFlags),
}

/// `s6-ln [ -n ] [ -s ] [ -f ] [ -L ] [ -P ] src... dest`: exits with the number of failures.
pub(super) fn s6_ln(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nsfLP")?;
    let link = match options.last_of("LP") {
        _ if options.has('s') => Link::Symbolic,
        Some('L') => Link::Hard(AtFlags::AT_SYMLINK_FOLLOW),
        _ => Link::Hard(AtFlags::empty()),
    };
    let (force, replace_link) = (options.has('f'), options.has('n'));
    let mut sources = options.rest();
    let Some(target) = sources.pop().filter(|_| !sources.is_empty()) else {
        return Err(process.usage());
    };
    let into = sources.len() > 1 || is_directory(process, &target, replace_link)?;
    let mut failures = 0u8;
    for source in &sources {
        let name = if into {
            [target.as_slice(), b"/", basename(source)].concat()
        } else {
            target.clone()
        };
        if let Err(text) = make(link, source, &name, force) {
            process.warn(&text);
            failures = failures.saturating_add(1);
        }
    }
    Ok(Next::Exit(failures))
}

fn is_directory(process: &Process, target: &[u8], replace_link: bool) -> Result<bool, Exit> {
    match if replace_link { lstat(target) } else { stat(target) } {
        Ok(stat) => Ok(stat.st_mode & S_IFMT == S_IFDIR),
        Err(Errno::ENOENT) => Ok(false),
        Err(e) => Err(process.fatal_errno(format_args!("unable to stat {}", show(target)), e)),
    }
}

/// Makes `name` a link to `source`. What is there already is replaced, if so, in one step.
fn make(link: Link, source: &[u8], name: &[u8], force: bool) -> Result<(), String> {
    let failed = |what: String| move |e| format!("unable to {what}: {}", reason(e));
    match link.make(source, name) {
        Err(Errno::EEXIST) if force => {}
        made => {
            let what = format!("make a link from {} to {}", show(name), show(source));
            return made.map_err(failed(what));
        }
    }
    let new = [name, b":s6-ln:", &unique::random(6)].concat();
    link.make(source, &new).map_err(failed(format!("make a link to {}", show(source))))?;
    let renamed = std::fs::rename(OsStr::from_bytes(&new), OsStr::from_bytes(name));
    // It is still there if that has failed, and if both names were links to the same file already.
    let _ = unlink(new.as_slice());
    renamed.map_err(|e| failed(format!("atomically replace {}", show(name)))(errno(&e)))
}

impl Link {
    fn make(self, source: &[u8], name: &[u8]) -> Result<(), Errno> {
        match self {
            Self::Symbolic => symlinkat(source, AT_FDCWD, name),
            Self::Hard(flags) => linkat(AT_FDCWD, source, AT_FDCWD, name, flags),
        }
    }
}

/// `s6-linkname [ -n ] [ -f ] link`
pub(super) fn s6_linkname(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nf")?;
    let (newline, full) = (!options.has('n'), options.has('f'));
    let link = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    let path = OsStr::from_bytes(&link);
    let found = if full { std::fs::canonicalize(path) } else { std::fs::read_link(path) };
    let found = found.map_err(|e| {
        process.fatal_errno(format_args!("unable to resolve {}", show(&link)), errno(&e))
    })?;
    print(process, found.as_os_str().as_bytes(), newline)
}

/// `s6-uniquename [ -n randomlen ] prefix`
pub(super) fn s6_uniquename(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "n:")?;
    let length = options.number(process, 'n', 8u32)? as usize;
    let prefix = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    print(process, &unique::name(&prefix, length), true)
}
