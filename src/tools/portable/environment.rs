//! s6-env, s6-printenv and s6-dumpenv: sets, prints and stores the environment.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-env.html> and its neighbours.

use crate::execline::netstring;
use crate::tools::die::{errno, show};
use crate::tools::{Environment, Exec, Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::stat::Mode;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// `s6-env [ -i ] [ name=value... ] prog...`
pub(super) fn s6_env(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "i")?;
    if options.has('i') {
        process.env = Environment::empty();
    }
    let mut words = options.rest().into_iter().peekable();
    while let Some(word) = words.next_if(|word| word.contains(&b'=')) {
        let at = word.iter().position(|&b| b == b'=').unwrap_or(word.len());
        process.env.set(&word[..at], word.get(at + 1..).unwrap_or_default());
    }
    let program: Vec<Word> = words.collect();
    if program.is_empty() {
        return Ok(Exec::own(vec![b"s6-printenv".to_vec()]).into());
    }
    Ok(program.into())
}

/// `s6-printenv [ -n ] [ -0 | -d delimchar ]`
pub(super) fn s6_printenv(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nd:0")?;
    let delimiter = match options.value('d') {
        _ if options.has('0') => Some(0),
        Some(characters) => characters.first().copied(),
        None => Some(b'\n'),
    };
    let mut text = Vec::new();
    for entry in process.env.strings() {
        match delimiter {
            Some(delimiter) => text.extend(entry.iter().copied().chain([delimiter])),
            None => netstring::append(&mut text, entry),
        }
    }
    if options.has('n') && delimiter.is_some() {
        text.pop();
    }
    process.print(&text)?;
    Ok(Next::Exit(0))
}

/// `s6-dumpenv [ -N | -n ] [ -m mode ] envdir`
pub(super) fn s6_dumpenv(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "nNm:")?;
    let newline = options.last_of("nN") == Some('N');
    let mode = options.octal(process, 'm', 0o755)?;
    let folder = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    let path = crate::tools::path(&folder);
    match nix::unistd::mkdir(path, Mode::from_bits_truncate(mode)) {
        Err(Errno::EEXIST) if path.is_dir() => {}
        made => made.map_err(process.unable(format_args!("mkdir {}", show(&folder))))?,
    }
    for (name, value) in process.env.iter() {
        let file = path.join(OsStr::from_bytes(name));
        let end: &[u8] = if newline { b"\n" } else { b"" };
        store(&file, &[value, end].concat()).map_err(|e| {
            process.fatal_errno(format_args!("unable to open {}", file.display()), errno(&e))
        })?;
    }
    Ok(Next::Exit(0))
}

/// Writes a file whole, or not at all.
fn store(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut partial = file.as_os_str().to_owned();
    // No variable has such a name.
    partial.push("=.tmp");
    let partial = PathBuf::from(partial);
    let stored = std::fs::write(&partial, content).and_then(|()| std::fs::rename(&partial, file));
    if stored.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    stored
}
