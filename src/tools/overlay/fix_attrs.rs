//! fix-attrs: owners and modes, as the files of /etc/fix-attrs.d ask for. It is the `up` of the
//! service fix-attrs. A line is `PATTERN RECURSE ACCOUNT FMODE DMODE`.

use super::container::{entries_of_image, etc, settings};
use super::unfollowed;
use crate::format::decimal;
use crate::format::settings::ContainerSettings;
use crate::sys::file;
use crate::sys::glob::{Expansion, expand};
use crate::sys::identity::Identity;
use crate::sys::user::{Group, User};
use crate::tools::die::{octal, reason, show};
use crate::tools::s6::envuidgid::parse_defaults;
use crate::tools::{Exit, Next, Process, Word, path};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::libc;
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, fstat};
use nix::unistd::{Gid, Uid, fchownat};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// More than any file of fix-attrs.d has.
const FILE_BYTES: usize = 64 << 20;

/// A line of a fix-attrs.d file.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    pattern: Word,
    recurse: bool,
    account: Word,
    file_mode: Mode,
    directory_mode: Mode,
}

/// Whose the files are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    uid: u32,
    gid: u32,
}

/// `fix-attrs`: applies the files in the order of their names. A fault stops no other line, and
/// fails the service only under `S6_BEHAVIOUR_IF_STAGE2_FAILS=2`.
pub(super) fn run(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let settings = settings(process);
    let dir = etc(&settings).join("fix-attrs.d");
    let files = entries_of_image(process, &dir, &settings);
    let mut failed = false;
    for name in &files {
        let file = dir.join(path(name));
        if settings.verbosity >= 2 {
            process.info(format_args!("applying {}", file.display()));
        }
        failed |= !apply_file(process, &file, &settings);
    }
    if !files.is_empty() && settings.verbosity >= 1 {
        process.warn(
            "fix-attrs is deprecated, please fix volume permissions in your container manager \
             instead",
        );
    }
    if failed && settings.if_boot_fails >= 1 && settings.verbosity >= 1 {
        process.warn("some fix files failed to apply");
    }
    Ok(Next::Exit(u8::from(failed && settings.if_boot_fails >= 2)))
}

/// Applies a file; false if there was any fault, of which a line has told.
fn apply_file(process: &Process, file: &Path, settings: &ContainerSettings) -> bool {
    let text = match file::whole(file, FILE_BYTES) {
        Ok(text) => text,
        Err(e) => {
            process.warn(format_args!("unable to read {}: {e}", file.display()));
            return false;
        }
    };
    let mut good = true;
    for (at, line) in text.split(|&b| b == b'\n').enumerate() {
        let applied = parse(line)
            .and_then(|rule| rule.map_or(Ok(()), |rule| apply(process, &rule, settings)));
        if let Err(why) = applied {
            process.warn(format_args!("{}: line {}: {why}", file.display(), at + 1));
            good = false;
        }
    }
    good
}

/// Reads a line; `None` if it is blank or a comment.
fn parse(line: &[u8]) -> Result<Option<Rule>, String> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let Some(pattern) = fields.next().filter(|f| !f.starts_with(b"#")) else { return Ok(None) };
    let mut field = |what: &str| fields.next().ok_or_else(|| format!("the {what} is missing"));
    let recurse = field("word true or false")? == b"true";
    let account = field("account")?.to_vec();
    let file_mode = mode(field("mode of files")?)?;
    let directory_mode = mode(field("mode of directories")?)?;
    Ok(Some(Rule { pattern: pattern.to_vec(), recurse, account, file_mode, directory_mode }))
}

fn mode(field: &[u8]) -> Result<Mode, String> {
    let bits = octal(field).filter(|bits| *bits <= 0o7777);
    bits.map(Mode::from_bits_truncate).ok_or_else(|| format!("{} is no mode", show(field)))
}

fn apply(process: &Process, rule: &Rule, settings: &ContainerSettings) -> Result<(), String> {
    let owner = owner(&rule.account)?;
    let how = Expansion { sorted: true, or_itself: true, ..Expansion::default() };
    let unable = |path: &[u8], e: Errno| format!("unable to fix {}: {}", show(path), reason(e));
    let paths = expand(&rule.pattern, how).map_err(|e| unable(&rule.pattern, e))?;
    let named = named_components(&rule.pattern);
    let mut first = Ok(());
    for found in paths {
        let opened = match unfollowed::open(&found, named) {
            Ok(opened) => opened,
            Err(Errno::ELOOP) => {
                let text = "it is behind a link that somebody else may have made: left as it is";
                process.warn(format_args!("{}: {text}", show(&found)));
                continue;
            }
            Err(e) => {
                first = first.and(Err(unable(&found, e)));
                continue;
            }
        };
        first = first.and(fix_tree(&opened, path(&found), rule, owner, settings.fix_attrs_hidden));
    }
    first
}

/// How many components of a path that a pattern matches are the image's own words.
fn named_components(pattern: &[u8]) -> usize {
    let mut components = pattern.split(|&b| b == b'/').filter(|part| !part.is_empty());
    let is_pattern = |part: &[u8]| part.iter().any(|byte| b"*?[\\".contains(byte));
    components.position(is_pattern).unwrap_or(usize::MAX)
}

/// Fixes a path, and if asked to what is in it. Links are not followed, whoever puts them there
/// meanwhile: a directory is entered by its descriptor.
fn fix_tree(
    root: &OwnedFd,
    path: &Path,
    rule: &Rule,
    owner: Owner,
    hidden: bool,
) -> Result<(), String> {
    let mut first = Ok(());
    let mut note = |at: PathBuf, e| first = std::mem::replace(&mut first, Ok(())).and(Err((at, e)));
    fix(root, path.to_owned(), &Fix { rule, owner, hidden }, &mut note);
    first.map_err(|(at, e)| format!("unable to fix {}: {}", at.display(), reason(e)))
}

/// What is to be done to a path.
struct Fix<'a> {
    rule: &'a Rule,
    owner: Owner,
    hidden: bool,
}

/// Fixes what a descriptor (of O_PATH) stands for, and if asked to what is in it.
// Differs: plain recursion; the original fails on all but one entry, and does not end on none.
fn fix(found: &OwnedFd, at: PathBuf, how: &Fix, failed: &mut impl FnMut(PathBuf, Errno)) {
    let directory = match fix_one(found, how) {
        Ok(kind) => kind == libc::S_IFDIR && how.rule.recurse,
        Err(e) => return failed(at, e),
    };
    if !directory {
        return;
    }
    let names = match names(found) {
        Ok(names) => names,
        Err(e) => return failed(at, e),
    };
    for name in names.iter().filter(|name| how.hidden || !name.starts_with(b".")) {
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let at = at.join(path(name));
        match openat(found, name.as_slice(), flags, Mode::empty()) {
            Ok(inner) => fix(&inner, at, how, failed),
            Err(e) => failed(at, e),
        }
    }
}

/// What is in a directory.
fn names(directory: &OwnedFd) -> Result<Vec<Word>, Errno> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut opened = Dir::openat(directory, c".", flags, Mode::empty())?;
    let names = opened.iter().map(|entry| Ok(entry?.file_name().to_bytes().to_vec()));
    names.filter(|name| !matches!(name.as_deref(), Ok(b"." | b".."))).collect()
}

/// Fixes one thing; its kind, of S_IFMT. Of a link the owner alone.
fn fix_one(found: &OwnedFd, how: &Fix) -> Result<libc::mode_t, Errno> {
    let kind = fstat(found)?.st_mode & libc::S_IFMT;
    let (uid, gid) = (Uid::from_raw(how.owner.uid), Gid::from_raw(how.owner.gid));
    fchownat(found, c"", Some(uid), Some(gid), AtFlags::AT_EMPTY_PATH)?;
    let mode = match kind {
        libc::S_IFLNK => return Ok(kind),
        libc::S_IFDIR => how.rule.directory_mode,
        _ => how.rule.file_mode,
    };
    // Not by fchmod, which does not take such a descriptor.
    let itself = format!("/proc/self/fd/{}", found.as_raw_fd());
    fchmodat(AT_FDCWD, itself.as_str(), mode, FchmodatFlags::FollowSymlink)?;
    Ok(kind)
}

/// Looks an account up: `user`, or `user:group` (names or numbers), each with `,uid:gid` behind it:
/// a user or a group that does not exist falls back on its own number.
fn owner(account: &[u8]) -> Result<Owner, String> {
    let (name, fallback) = split(account, b',');
    let fallback = match fallback {
        None => Identity::default(),
        Some(text) => parse_defaults(text)
            .ok_or_else(|| format!("{} is no uid:gid to fall back on", show(text)))?,
    };
    let (uid, gid) = match split(name, b':') {
        (name, None) => match user(name)? {
            Some(user) => (Some(user.uid), Some(user.gid)),
            None => (fallback.uid, fallback.gid),
        },
        (name, Some(group_name)) => {
            let uid = user(name)?.map(|user| user.uid).or_else(|| decimal::parse(name));
            let gid = group(group_name)?.or_else(|| decimal::parse(group_name));
            (uid.or(fallback.uid), gid.or(fallback.gid))
        }
    };
    let unknown = || format!("unknown account {}, and no numbers to fall back on", show(name));
    let (uid, gid) = uid.zip(gid).ok_or_else(unknown)?;
    Ok(Owner { uid, gid })
}

fn split(word: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = word.splitn(2, |&b| b == at);
    (parts.next().unwrap_or_default(), parts.next())
}

fn user(name: &[u8]) -> Result<Option<User>, String> {
    User::by_name(name).map_err(|e| format!("/etc/passwd: {}", reason(e)))
}

fn group(name: &[u8]) -> Result<Option<u32>, String> {
    let found = Group::by_name(name).map_err(|e| format!("/etc/group: {}", reason(e)))?;
    Ok(found.map(|group| group.gid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    fn opened(path: &Path) -> OwnedFd {
        unfollowed::open(path.as_os_str().as_bytes(), usize::MAX).unwrap()
    }

    #[test]
    fn the_image_names_what_comes_before_a_pattern() {
        assert_eq!(named_components(b"/srv/data/*/x"), 2);
        assert_eq!(named_components(b"//srv//[ab]"), 1);
        assert_eq!(named_components(b"/srv/data"), usize::MAX);
    }

    #[test]
    fn lines_are_read() {
        assert_eq!(parse(b""), Ok(None));
        assert_eq!(parse(b" # a comment"), Ok(None));
        let rule = parse(b"/srv/*\ttrue app,1:2  0644 2755\r").unwrap().unwrap();
        assert_eq!((rule.pattern.as_slice(), rule.recurse), (b"/srv/*".as_slice(), true));
        assert_eq!(rule.directory_mode.bits(), 0o2755);
        assert!(parse(b"/srv true root 0644").unwrap_err().contains("missing"));
        assert!(parse(b"/srv true root rw 0755").unwrap_err().contains("rw"));
    }

    #[test]
    fn accounts_are_looked_up_with_a_fallback() {
        assert_eq!(owner(b"root"), Ok(Owner { uid: 0, gid: 0 }));
        assert_eq!(owner(b"root:7"), Ok(Owner { uid: 0, gid: 7 }));
        assert_eq!(owner(b"8:root"), Ok(Owner { uid: 8, gid: 0 }));
        assert_eq!(owner(b"no such,3:4"), Ok(Owner { uid: 3, gid: 4 }));
        assert_eq!(owner(b"root:no such,3:4"), Ok(Owner { uid: 0, gid: 4 }));
        assert_eq!(owner(b"no such:root,3:4"), Ok(Owner { uid: 3, gid: 0 }));
        assert_eq!(owner(b"no such:no such,3"), Ok(Owner { uid: 3, gid: 0 }));
        assert_eq!(owner(b"no such,:4"), Ok(Owner { uid: 0, gid: 4 }));
        assert!(owner(b"no such,x").is_err());
        assert!(owner(b"no such").is_err());
        assert!(owner(b"5").is_err());
    }

    #[test]
    fn recursion_takes_every_entry_and_leaves_what_links_point_to() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        let inside = root.join("data");
        fs::create_dir_all(inside.join("a/b")).unwrap();
        for file in ["outside", "data/one", "data/a/two", "data/.hidden"] {
            fs::write(root.join(file), "").unwrap();
            fs::set_permissions(root.join(file), fs::Permissions::from_mode(0o600)).unwrap();
        }
        symlink(root.join("outside"), inside.join("link")).unwrap();
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        let line = format!("{} true {uid}:{gid} 0640 0710", inside.display());
        let rule = parse(line.as_bytes()).unwrap().unwrap();
        let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o777;

        let fixed = |hidden| fix_tree(&opened(&inside), &inside, &rule, Owner { uid, gid }, hidden);

        assert_eq!(fixed(false), Ok(()));
        assert_eq!((mode("data"), mode("data/a"), mode("data/a/b")), (0o710, 0o710, 0o710));
        assert_eq!((mode("data/one"), mode("data/a/two")), (0o640, 0o640));
        assert_eq!((mode("outside"), mode("data/.hidden")), (0o600, 0o600));
        assert_eq!(fixed(true), Ok(()));
        assert_eq!(mode("data/.hidden"), 0o640);
    }

    /// Someone who may write to the tree has directories and links change places meanwhile.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "nothing is forked here")]
    fn a_link_that_takes_a_directory_s_place_is_not_followed() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        let (tree, precious) = (root.join("tree"), root.join("precious"));
        fs::create_dir_all(tree.join("a/b")).unwrap();
        fs::create_dir_all(precious.join("b")).unwrap();
        for folder in [precious.join("b"), precious.clone()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        }
        symlink(&precious, tree.join("link")).unwrap();
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        let line = format!("{} true {uid}:{gid} 0700 0700", tree.display());
        let rule = parse(line.as_bytes()).unwrap().unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    for (from, to) in [("a", "x"), ("link", "a"), ("a", "link"), ("x", "a")] {
                        fs::rename(tree.join(from), tree.join(to)).unwrap();
                    }
                }
            });
            for _ in 0..2000 {
                let _ = fix_tree(&opened(&tree), &tree, &rule, Owner { uid, gid }, false);
            }
            over.store(true, Ordering::Relaxed);
        });
        for folder in [precious.join("b"), precious] {
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o755);
        }
    }
}
