//! Small files, in places where somebody may have put something else: opening a FIFO never blocks.

use super::errno;
use super::fd;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::fs;
use std::io::{Error, Read, Result};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// More than most small files have.
const SMALL_BYTES: usize = 512;

/// More than most scripts have.
const SCRIPT_BYTES: usize = 16_384;

/// The most that is read of what is no regular file, where a variable is looked for.
const VARIABLE_BYTES: usize = 4_096;

/// These have no effect on a regular file.
const NO_WAIT: i32 = nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY;

/// The first bytes of a file. If it is a FIFO, there are none.
pub fn head(file: &[u8], most: usize) -> std::result::Result<Vec<u8>, Errno> {
    read_up_to(&open(file)?, most)
}

/// The same for a file that another user may have put there: a link is an error.
pub fn head_unfollowed(file: &[u8], most: usize) -> std::result::Result<Vec<u8>, Errno> {
    read_up_to(&open_with(file, OFlag::O_NOFOLLOW)?, most)
}

fn read_up_to(file: &OwnedFd, most: usize) -> std::result::Result<Vec<u8>, Errno> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; SMALL_BYTES]);
    while bytes.len() < most {
        let length = fd::read(file.as_raw_fd(), &mut chunk)?;
        bytes.extend_from_slice(&chunk[..length]);
        if length < chunk.len() {
            // The rest of a regular file would have come along.
            break;
        }
    }
    bytes.truncate(most);
    Ok(bytes)
}

/// What a file begins with, as far as one read gives it; how many bytes that is.
pub fn start(file: &[u8], buffer: &mut [u8]) -> std::result::Result<usize, Errno> {
    fd::read(open(file)?.as_raw_fd(), buffer)
}

/// A file that cannot be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The original cannot be read.
    #[error("unable to read {}: {}", .0.display(), errno::text(*.1))]
    Read(PathBuf, Errno),
    /// The original is no regular file: reading it might never end.
    #[error("unable to copy {}: it is not a regular file", .0.display())]
    Irregular(PathBuf),
    /// The copy cannot be made.
    #[error("unable to make {}: {}", .0.display(), errno::text(*.1))]
    Make(PathBuf, Errno),
}

impl CopyError {
    /// The error of the system.
    pub fn errno(&self) -> Errno {
        match self {
            Self::Read(_, e) | Self::Make(_, e) => *e,
            Self::Irregular(_) => Errno::EINVAL,
        }
    }

    /// What to do about it, for the end of a message; empty where that is obvious.
    pub fn remedy(&self) -> String {
        match self {
            Self::Read(_, Errno::EACCES) => {
                format!(": let uid {} read it (chmod -R a+rX in the image)", nix::unistd::geteuid())
            }
            Self::Make(_, Errno::ENOSPC) => ": give that file system more room".to_owned(),
            Self::Read(..) | Self::Make(..) | Self::Irregular(_) => String::new(),
        }
    }
}

/// Copies the content of a regular file; a new file gets this mode, less the umask.
pub fn copy(from: &Path, to: &Path, mode: u32) -> std::result::Result<(), CopyError> {
    let unread = |e| CopyError::Read(from.to_owned(), e);
    let unmade = |e| CopyError::Make(to.to_owned(), e);
    let source = open(from.as_os_str().as_bytes()).map_err(unread)?;
    if !is_regular(&source).map_err(unread)? {
        return Err(CopyError::Irregular(from.to_owned()));
    }
    let target = create(to.as_os_str().as_bytes(), mode).map_err(unmade)?;
    let mut chunk = [0; SCRIPT_BYTES];
    loop {
        let length = fd::read(source.as_raw_fd(), &mut chunk).map_err(unread)?;
        fd::write_all(target.as_raw_fd(), &chunk[..length]).map_err(unmade)?;
        if length < chunk.len() {
            return Ok(());
        }
    }
}

/// All of a regular file, which must not be longer than this.
pub fn whole(file: &Path, most: usize) -> Result<Vec<u8>> {
    let open = open(file.as_os_str().as_bytes())?;
    if !is_regular(&open)? {
        return Err(Error::other("it is not a regular file"));
    }
    let (mut bytes, limit) = (Vec::new(), u64::try_from(most).unwrap_or(u64::MAX));
    fs::File::from(open).take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() > most {
        true => Err(Errno::EFBIG.into()),
        false => Ok(bytes),
    }
}

/// What can be read of an open file: all of a regular one, else what is there now, and no more
/// than an ordinary variable has.
pub fn content(file: &OwnedFd) -> std::result::Result<Vec<u8>, Errno> {
    if is_regular(file)? {
        return fd::read_to_end(file.as_raw_fd());
    }
    fd::set_nonblocking(file.as_raw_fd(), true)?;
    match read_up_to(file, VARIABLE_BYTES) {
        Err(Errno::EAGAIN) => Ok(Vec::new()),
        read => read,
    }
}

fn is_regular(file: &OwnedFd) -> std::result::Result<bool, Errno> {
    let found = nix::sys::stat::fstat(file)?;
    Ok(found.st_mode & nix::libc::S_IFMT == nix::libc::S_IFREG)
}

/// Makes a file of these bytes, or makes an old one hold them. A FIFO without a reader is an error,
/// and so is a link: what it leads to may be another's.
pub fn write(file: &str, bytes: &[u8]) -> Result<()> {
    let open = create(file.as_bytes(), 0o666)?;
    Ok(fd::write_all(open.as_raw_fd(), bytes)?)
}

/// Adds these bytes to the end of a regular file, which is made if need be; all of them or none. A
/// link is an error, and so is a file that has another name, too.
pub fn append(file: &str, bytes: &[u8]) -> Result<()> {
    let open = create_with(file.as_bytes(), 0o666, OFlag::O_APPEND | OFlag::O_NOFOLLOW)?;
    let before = nix::sys::stat::fstat(&open)?;
    if before.st_mode & nix::libc::S_IFMT != nix::libc::S_IFREG || before.st_nlink > 1 {
        return Err(Errno::EINVAL.into());
    }
    if nix::unistd::write(&open, bytes)? < bytes.len() {
        nix::unistd::ftruncate(&open, before.st_size)?;
        return Err(Errno::ENOSPC.into());
    }
    Ok(())
}

/// Makes a regular file hold these bytes without asking the file system for more room than they
/// need: what is there is written over. For a moment readers may see a part of both. A file that
/// has another name, too, is an error as a link is.
pub fn overwrite(file: &Path, bytes: &[u8]) -> Result<()> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC;
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::from_bits_retain(NO_WAIT);
    let open = openat(AT_FDCWD, file, flags, Mode::from_bits_truncate(0o666))?;
    if !is_regular(&open)? || nix::sys::stat::fstat(&open)?.st_nlink > 1 {
        return Err(Errno::EINVAL.into());
    }
    fd::write_all(open.as_raw_fd(), bytes)?;
    Ok(nix::unistd::ftruncate(&open, bytes.len() as nix::libc::off_t)?)
}

/// Like all that is done for every service, this uses openat(2): with O_CLOEXEC, musl's open(2)
/// makes two system calls.
pub fn open(file: &[u8]) -> std::result::Result<OwnedFd, Errno> {
    open_with(file, OFlag::empty())
}

fn open_with(file: &[u8], how: OFlag) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::from_bits_retain(NO_WAIT) | how;
    openat(AT_FDCWD, file, flags, Mode::empty())
}

fn create(file: &[u8], mode: u32) -> std::result::Result<OwnedFd, Errno> {
    create_with(file, mode, OFlag::O_TRUNC | OFlag::O_NOFOLLOW)
}

fn create_with(file: &[u8], mode: u32, how: OFlag) -> std::result::Result<OwnedFd, Errno> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC | how;
    let flags = flags | OFlag::from_bits_retain(NO_WAIT);
    openat(AT_FDCWD, file, flags, Mode::from_bits_truncate(mode))
}

/// Makes a file that is not there; what is there of that name goes, whatever it is.
fn create_new(file: &str) -> std::result::Result<OwnedFd, Errno> {
    let create = || create_with(file.as_bytes(), 0o666, OFlag::O_EXCL);
    match create() {
        Err(Errno::EEXIST) => nix::unistd::unlink(file).and_then(|()| create()),
        other => other,
    }
}

/// Puts a new file in the place of an old one, so that nobody sees it half written. The directory
/// may be another's: no link is followed, and no other file written to.
///
/// The two change places before the old one goes: where a rename replaces a file, ext4 writes the
/// new one to the disk first, which takes longer than all else that a start does.
pub fn replace(file: &str, bytes: &[u8]) -> Result<()> {
    let new = format!("{file}.new");
    let made = create_new(&new).and_then(|open| fd::write_all(open.as_raw_fd(), bytes));
    let replaced = made.map_err(Error::from).and_then(|()| match exchange(&new, file) {
        Ok(()) => Ok(Remains::OldFile),
        // There is no old one yet, or the kernel or the file system cannot do it.
        Err(_) => fs::rename(&new, file).map(|()| Remains::Nothing),
    });
    if !matches!(replaced, Ok(Remains::Nothing)) {
        // Whatever it is, it must not be in the way next time.
        let _ = fs::remove_file(new);
    }
    replaced.map(drop)
}

/// What a replacement leaves behind where the new file was.
enum Remains {
    /// The old file.
    OldFile,
    /// Nothing.
    Nothing,
}

/// Two files change names in one step.
fn exchange(one: &str, other: &str) -> std::result::Result<(), Errno> {
    let (one, other) = (CString::new(one), CString::new(other));
    let (Ok(one), Ok(other)) = (one, other) else { return Err(Errno::EINVAL) };
    let here = nix::libc::AT_FDCWD;
    let (call, flags) = (nix::libc::SYS_renameat2, nix::libc::RENAME_EXCHANGE);
    // SAFETY: both are NUL-terminated strings that outlive the call.
    let done = unsafe { nix::libc::syscall(call, here, one.as_ptr(), here, other.as_ptr(), flags) };
    Errno::result(done).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A directory with a file that must stay as it is, and a link to it under each of the names.
    fn with_links(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let scratch = tempfile::tempdir().unwrap();
        let precious = scratch.path().join("precious");
        fs::write(&precious, "precious").unwrap();
        for name in names {
            symlink(&precious, scratch.path().join(name)).unwrap();
        }
        (scratch, precious)
    }

    #[test]
    fn what_a_link_leads_to_is_not_written_to() {
        let (scratch, precious) = with_links(&["status", "status.new"]);
        let status = scratch.path().join("status");
        let name = status.to_str().unwrap();
        assert!(write(name, b"new").is_err());
        assert!(head_unfollowed(name.as_bytes(), 10).is_err());
        assert!(overwrite(&status, b"new").is_err());
        assert!(append(name, b"new").is_err());
        replace(name, b"new").unwrap();
        assert_eq!(fs::read(&status).unwrap(), b"new");
        assert!(!fs::symlink_metadata(&status).unwrap().is_symlink());
        fs::remove_file(&status).unwrap();
        fs::hard_link(&precious, &status).unwrap();
        assert!(overwrite(&status, b"new").is_err());
        assert!(append(name, b"new").is_err());
        assert_eq!(fs::read(&precious).unwrap(), b"precious");
    }

    #[test]
    fn a_file_is_replaced_though_the_last_attempt_was_interrupted() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("status");
        fs::write(scratch.path().join("status.new"), "half").unwrap();
        replace(file.to_str().unwrap(), b"whole").unwrap();
        overwrite(&file, b"all").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"all");
    }

    /// Eight readers look at a file as fast as they can while it is replaced, in this folder.
    #[expect(clippy::disallowed_methods, reason = "nothing is forked here")]
    fn readers_see_whole_files_in(folder: &Path) {
        use std::sync::atomic::{AtomicBool, Ordering};
        let file = folder.join("status");
        let content = |number: u8| [number; 35];
        replace(file.to_str().unwrap(), &content(0)).unwrap();
        let over = AtomicBool::new(false);
        let read = || {
            let mut seen = 0;
            while !over.load(Ordering::Relaxed) {
                let bytes = fs::read(&file).expect("it is always there");
                assert_eq!(bytes, content(bytes[0]), "half of it");
                seen += 1;
            }
            seen
        };
        let seen: usize = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..8).map(|_| scope.spawn(read)).collect();
            for number in (0..=255).cycle().take(2_000) {
                replace(file.to_str().unwrap(), &content(number)).unwrap();
            }
            over.store(true, Ordering::Relaxed);
            readers.into_iter().map(|reader| reader.join().unwrap()).sum()
        });
        assert!(seen > 8, "{seen}");
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn readers_see_whole_files() {
        let scratch = tempfile::tempdir().unwrap();
        readers_see_whole_files_in(scratch.path());
    }

    /// The other file systems on which /run may be, mounted in a namespace for this test alone.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test starts programs as anyone would")]
    fn readers_see_whole_files_on_every_file_system() {
        const HERE: &str = "SIXTREE_TEST_FOLDER";
        if let Some(folder) = std::env::var_os(HERE) {
            return readers_see_whole_files_in(Path::new(&folder));
        }
        if !nix::unistd::geteuid().is_root() {
            return;
        }
        let name = "sys::file::tests::readers_see_whole_files_on_every_file_system";
        let script = r#"set -e
mount -t tmpfs tmpfs "$1" && cd "$1" && mkdir memory disk layers
truncate -s 64M image && mkfs.ext4 -q -F image && mount -o loop image disk
mkdir disk/lower disk/upper disk/work disk/folder
mount -t overlay -o lowerdir=disk/lower,upperdir=disk/upper,workdir=disk/work layers layers
for folder in memory disk/folder layers; do
    SIXTREE_TEST_FOLDER=$PWD/$folder "$2" --exact "$3" || { echo "on $folder" >&2; exit 1; }
done"#;
        let scratch = tempfile::tempdir().unwrap();
        let mut shell = std::process::Command::new("unshare");
        shell.args(["--mount", "sh", "-c", script, "sh"]).arg(scratch.path());
        shell.arg(std::env::current_exe().unwrap()).arg(name);
        let ended = shell.output().expect("unshare: make deps");
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        let refused = ["permitted", "mount:", "mkfs"].iter().any(|word| said.contains(word));
        assert!(ended.status.success() || (refused && !said.contains("on ")), "{said}");
    }
}
