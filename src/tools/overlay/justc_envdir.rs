//! justc-envdir: an s6-envdir that takes files as they are. Reference: its README.

use crate::format::envdir::is_variable;
use crate::sys::file;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use nix::errno::Errno;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// `justc-envdir [ -I | -i ] dir prog...`: an empty file is an empty value, and a NUL ends a value.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Ii")?;
    let loose = options.last_of("Ii") == Some('I');
    let mut words = options.rest().into_iter();
    let dir = words.next().filter(|_| words.len() > 0).ok_or_else(|| process.usage())?;
    match files(&dir) {
        Ok(files) => files.iter().for_each(|(name, content)| {
            let value = content.split(|&b| b == 0).next().unwrap_or_default();
            process.env.set(name, value);
        }),
        Err(Errno::ENOENT) if loose => {}
        Err(e) => {
            return Err(process.fatal_errno(format_args!("unable to envdir {}", show(&dir)), e));
        }
    }
    Ok(words.collect::<Vec<_>>().into())
}

/// The files of a directory of variables, as they are: name and content.
fn files(dir: &[u8]) -> Result<Vec<(Word, Word)>, Errno> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path(dir)).map_err(|e| errno(&e))? {
        let entry = entry.map_err(|e| errno(&e))?;
        let name = entry.file_name().into_vec();
        if is_variable(&name) {
            files.push((name, file::content(&file::open(entry.path().as_os_str().as_bytes())?)?));
        }
    }
    Ok(files)
}
