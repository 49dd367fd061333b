//! s6-accessrules-fs-from-cdb: makes a directory of access rules from a constant database.
//! Reference: <https://skarnet.org/software/s6/s6-accessrules-fs-from-cdb.html>.

use super::rules::Rules;
use crate::format::access::Rule;
use crate::sys::remove;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Process, Word};
use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use nix::unistd::mkdir;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// `s6-accessrules-fs-from-cdb dir cdbfile`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let mut words = argv.into_iter().skip(1);
    let (Some(dir), Some(file)) = (words.next(), words.next()) else {
        return Err(process.usage());
    };
    let rules = Rules::open(('x', &file)).map_err(process.unable("cdb_init"))?;
    let Rules::Database(cdb) = rules else { return Ok(Next::Exit(0)) };
    let invalid = || {
        let text = format!("{} does not contain valid accessrules data", show(&file));
        process.fatal(111, format_args!("unable to handle cdb record: {text}"))
    };
    let records = cdb.records().map_err(|_| invalid())?;
    let records: Option<Vec<_>> = records
        .into_iter()
        .map(|(key, datum)| Some((key, Rule::decode(datum)?)).filter(is_safe))
        .collect();
    let records = records.ok_or_else(invalid)?;
    make_dir(&dir).map_err(process.unable(format_args!("mkdir {}", show(&dir))))?;
    for (key, rule) in records {
        let path = [dir.as_slice(), b"/", key].concat();
        write(&dir, key, rule.as_ref()).map_err(|e| {
            let _ = remove::hierarchy(Path::new(OsStr::from_bytes(&dir)));
            process.unable(format_args!("write rule {}", show(&path)))(e)
        })?;
    }
    Ok(Next::Exit(0))
}

/// Whether all that a record leads to is below the directory.
fn is_safe((key, rule): &(&[u8], Option<Rule>)) -> bool {
    let is_name = |part: &[u8]| !matches!(part, b"" | b"." | b"..") && !part.contains(&b'/');
    let names = match rule {
        Some(Rule::Allow(grant)) => grant.env.as_slice(),
        Some(Rule::Deny) | None => &[],
    };
    key.split(|&b| b == b'/').all(is_name) && names.iter().all(|(name, _)| is_name(name))
}

fn write(dir: &[u8], key: &[u8], rule: Option<&Rule>) -> Result<(), Errno> {
    let path = [dir, b"/", key].concat();
    let ends = path.iter().enumerate().skip(dir.len() + 1).filter(|(_, b)| **b == b'/');
    for end in ends.map(|(end, _)| end).chain([path.len()]) {
        match make_dir(&path[..end]) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(e) => return Err(e),
        }
    }
    let file = |name: &[u8], content: &[u8]| {
        let file = [path.as_slice(), b"/", name].concat();
        std::fs::write(OsStr::from_bytes(&file), content).map_err(|e| errno(&e))
    };
    let grant = match rule {
        None => return Ok(()),
        Some(Rule::Deny) => return file(b"deny", b""),
        Some(Rule::Allow(grant)) => grant,
    };
    file(b"allow", b"")?;
    if !grant.env.is_empty() {
        make_dir(&[&path, &b"/env"[..]].concat())?;
    }
    for (name, value) in &grant.env {
        let content = value.as_ref().map(|value| [value, &b"\n"[..]].concat());
        file(&[b"env/", name.as_slice()].concat(), &content.unwrap_or_default())?;
    }
    if grant.exec.is_empty() { Ok(()) } else { file(b"exec", &grant.exec) }
}

/// Makes a directory that everyone can read, whatever the umask.
fn make_dir(path: &[u8]) -> Result<(), Errno> {
    let mask = umask(Mode::empty());
    let made = mkdir(path, Mode::from_bits_truncate(0o2755));
    umask(mask);
    made
}
