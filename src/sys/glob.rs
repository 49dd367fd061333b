//! File name patterns, by the C library: what a shell and elglob expand.

use nix::errno::Errno;
use nix::libc;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};

/// How a pattern is expanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The names in order.
    pub sorted: bool,
    /// A slash after the name of each directory.
    pub mark_directories: bool,
    /// A backslash is an ordinary character.
    pub no_escape: bool,
    /// A directory that cannot be read is an error.
    pub strict: bool,
    /// A pattern that matches nothing stands for itself.
    pub or_itself: bool,
}

/// The names that match `pattern`. A pattern with a NUL inside gives EINVAL, a directory that
/// cannot be read (if that matters) EIO.
pub fn expand(pattern: &[u8], how: Expansion) -> Result<Vec<Vec<u8>>, Errno> {
    expand_noting(pattern, how, &mut Vec::new())
}

/// The same, and the directories that could not be read, each with the reason.
pub fn expand_noting(
    pattern: &[u8],
    how: Expansion,
    unread: &mut Vec<Unread>,
) -> Result<Vec<Vec<u8>>, Errno> {
    let pattern = CString::new(pattern).map_err(|_| Errno::EINVAL)?;
    let flags = [
        (!how.sorted, libc::GLOB_NOSORT),
        (how.mark_directories, libc::GLOB_MARK),
        (how.no_escape, libc::GLOB_NOESCAPE),
        (how.strict, libc::GLOB_ERR),
        (how.or_itself, libc::GLOB_NOCHECK),
    ];
    let flags = flags.iter().filter(|(on, _)| *on).fold(0, |all, (_, flag)| all | flag);
    // SAFETY: all of a glob_t may be zero.
    let mut found: libc::glob_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pattern is NUL-terminated, and `found` outlives the call.
    let result = unsafe { libc::glob(pattern.as_ptr(), flags, Some(note), &raw mut found) };
    *unread = UNREAD.take();
    let names = if result == 0 { names(&found) } else { Vec::new() };
    // SAFETY: glob has filled `found` in, whatever its result; no name is borrowed from it.
    unsafe { libc::globfree(&raw mut found) };
    match result {
        0 | libc::GLOB_NOMATCH => Ok(names),
        libc::GLOB_NOSPACE => Err(Errno::ENOMEM),
        _ => Err(Errno::EIO),
    }
}

/// A directory that could not be read, and why.
pub type Unread = (Vec<u8>, Errno);

thread_local! {
    /// What the callback of the glob that is under way has noted.
    static UNREAD: RefCell<Vec<Unread>> = const { RefCell::new(Vec::new()) };
}

extern "C" fn note(directory: *const c_char, error: c_int) -> c_int {
    // SAFETY: glob calls this with the name of a directory.
    let directory = unsafe { CStr::from_ptr(directory) }.to_bytes().to_vec();
    UNREAD.with_borrow_mut(|unread| unread.push((directory, Errno::from_raw(error))));
    0
}

fn names(found: &libc::glob_t) -> Vec<Vec<u8>> {
    let name = |i: usize| {
        // SAFETY: glob has filled in gl_pathc entries.
        let entry = unsafe { found.gl_pathv.add(i) };
        // SAFETY: as above.
        let name = unsafe { *entry };
        // SAFETY: as above: a NUL-terminated string.
        unsafe { CStr::from_ptr(name) }.to_bytes().to_vec()
    };
    (0..found.gl_pathc).map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_expands_in_order_or_to_itself() {
        let how = Expansion { sorted: true, or_itself: true, ..Expansion::default() };
        let both = [b"/etc/group".to_vec(), b"/etc/passwd".to_vec()];
        let mut found = expand(b"/etc/[gp][ra][os][us]*", how).unwrap();
        found.retain(|name| both.contains(name));
        assert_eq!(found, both);
        assert_eq!(expand(b"/nowhere/*", how), Ok(vec![b"/nowhere/*".to_vec()]));
        assert_eq!(expand(b"/nowhere/*", Expansion::default()), Ok(vec![]));
        let marked = Expansion { mark_directories: true, ..how };
        assert_eq!(expand(b"/et[c]", marked), Ok(vec![b"/etc/".to_vec()]));
    }
}
