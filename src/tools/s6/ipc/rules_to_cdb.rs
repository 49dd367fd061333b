//! s6-accessrules-cdb-from-fs: makes a constant database from a directory of access rules.
//! Reference: <https://skarnet.org/software/s6/s6-accessrules-cdb-from-fs.html>.

use super::rules;
use crate::format::access::{MAX, Rule};
use crate::format::cdb;
use crate::sys::{fd, random};
use crate::tools::die::{errno, octal, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, open, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{AccessFlags, fsync, unlink};
use std::ffi::OsStr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// `s6-accessrules-cdb-from-fs [ -m mode ] cdbfile dir`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "m:", &[("mode", 'm')])?;
    let mode = options.value('m').map(octal).map(|mode| {
        let text = "mode needs to be an unsigned integer (in octal)";
        mode.map(Mode::from_bits_truncate).ok_or_else(|| process.fatal(100, text))
    });
    let mode = mode.transpose()?;
    let mut words = options.rest().into_iter();
    let (Some(file), Some(dir)) = (words.next(), words.next()) else {
        return Err(process.usage());
    };
    let records = records(process, &dir)?;
    let content = cdb::build(records.iter().map(|(key, datum)| (key.as_slice(), datum.as_slice())));
    let content = content.map_err(|_| process.fatal(111, "unable to make a cdb so big"))?;
    replace(process, &file, &content, mode)
        .map_err(process.unable(format_args!("write {}", show(&file))))?;
    Ok(Next::Exit(0))
}

/// The keys (`uid/0`, say) of all rules in a directory, and what they say.
fn records(process: &Process, dir: &[u8]) -> Result<Vec<(Word, Word)>, Exit> {
    let mut all = Vec::new();
    for kind in entries(process, dir)? {
        let subdir = [dir, b"/", &kind].concat();
        for name in entries(process, &subdir)? {
            let path = [subdir.as_slice(), b"/", &name].concat();
            let rule = rules::read(&path, AccessFlags::F_OK);
            let rule = rule.map_err(process.unable(format_args!("read rule {}", show(&path))))?;
            let Some(rule) = rule else { continue };
            if matches!(&rule, Rule::Allow(grant) if grant.exec.len() == MAX) {
                process.warn(format_args!("possibly truncated file {}/exec", show(&path)));
            }
            let too_big = || process.fatal(100, format_args!("{}/env too big", show(&path)));
            all.push(([kind.as_slice(), b"/", &name].concat(), rule.encode().ok_or_else(too_big)?));
        }
    }
    Ok(all)
}

/// The names in a directory, in order, but those with a dot in front.
fn entries(process: &Process, dir: &[u8]) -> Result<Vec<Word>, Exit> {
    let unable = process.unable(format!("opendir {}", show(dir)));
    let unable = |e: std::io::Error| unable(errno(&e));
    let mut names = Vec::new();
    for entry in std::fs::read_dir(OsStr::from_bytes(dir)).map_err(&unable)? {
        names.push(entry.map_err(&unable)?.file_name().into_vec());
    }
    names.retain(|name| !name.starts_with(b"."));
    names.sort_unstable();
    Ok(names)
}

/// Gives a file a new content, all at once.
pub fn replace(
    process: &Process,
    file: &[u8],
    content: &[u8],
    mode: Option<Mode>,
) -> Result<(), Errno> {
    let mut bytes = [0; 8];
    random::fill(&mut bytes);
    let suffix = format!(":{}:{:016x}", process.name(), u64::from_ne_bytes(bytes));
    let new = [file, suffix.as_bytes()].concat();
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let written = open(new.as_slice(), flags, Mode::S_IRUSR | Mode::S_IWUSR).and_then(|open| {
        fd::write_all(open.as_raw_fd(), content)?;
        fsync(&open)?;
        mode.map_or(Ok(()), |mode| fchmod(&open, mode))?;
        renameat(AT_FDCWD, new.as_slice(), AT_FDCWD, file)
    });
    if written.is_err() {
        let _ = unlink(new.as_slice());
    }
    written
}
