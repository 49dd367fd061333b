//! s6-basename and s6-dirname: the parts of a path.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-basename.html> and
//! `s6-dirname.html`.

use crate::tools::{Exit, Next, Options, Process, Word};

/// `s6-basename [ -n ] file [ suffix ]`
pub(super) fn s6_basename(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "n")?;
    let newline = !options.has('n');
    let mut words = options.rest().into_iter();
    let path = words.next().ok_or_else(|| process.usage())?;
    let mut name = basename(&path);
    if let Some(stem) = words.next().and_then(|suffix| name.strip_suffix(suffix.as_slice())) {
        name = if stem.is_empty() { name } else { stem };
    }
    print(process, name, newline)
}

/// `s6-dirname [ -n ] file`
pub(super) fn s6_dirname(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "n")?;
    let newline = !options.has('n');
    let path = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    print(process, dirname(&path), newline)
}

/// Prints one word.
pub(super) fn print(process: &Process, word: &[u8], newline: bool) -> Result<Next, Exit> {
    let end: &[u8] = if newline { b"\n" } else { b"" };
    process.print(&[word, end].concat())?;
    Ok(Next::Exit(0))
}

/// The last part of a path, slashes at its end aside; `/` if it is all slashes, `.` if it is empty.
pub(super) fn basename(path: &[u8]) -> &[u8] {
    match without_slashes(path) {
        Ok(path) => crate::tools::basename(path),
        Err(whole) => whole,
    }
}

/// What comes before the last part of a path.
fn dirname(path: &[u8]) -> &[u8] {
    match without_slashes(path) {
        Ok(path) => match path.iter().rposition(|&b| b == b'/') {
            None => b".",
            Some(0) => b"/",
            Some(at) => &path[..at],
        },
        Err(whole) => whole,
    }
}

/// A path without the slashes at its end. `Err`: nothing is left, and this stands for all of it.
fn without_slashes(path: &[u8]) -> Result<&[u8], &'static [u8]> {
    match path.iter().rposition(|&b| b != b'/') {
        Some(last) => Ok(&path[..=last]),
        None if path.is_empty() => Err(b"."),
        None => Err(b"/"),
    }
}
