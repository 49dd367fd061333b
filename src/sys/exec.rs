//! Reading argv, finding programs, and execve(2).

use super::raw;
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::{FileStat, stat};
use nix::unistd::AccessFlags;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::OnceLock;

/// The words of a C argument vector.
///
/// # Safety
/// `argv` must point to `argc` NUL-terminated strings.
pub unsafe fn words(argc: c_int, argv: *const *const c_char) -> Vec<Vec<u8>> {
    (0..usize::try_from(argc).unwrap_or(0))
        .map(|i| {
            // SAFETY: i < argc, and the caller vouches for the vector.
            let word = unsafe { argv.add(i) };
            // SAFETY: as above.
            let word = unsafe { *word };
            // SAFETY: as above: a NUL-terminated string.
            unsafe { CStr::from_ptr(word) }.to_bytes().to_vec()
        })
        .collect()
}

/// Replaces this process by `file`. Returns only on failure, with the reason.
///
/// `env` holds `KEY=VALUE` strings. A word with a NUL inside gives EINVAL.
pub fn execve(file: &[u8], argv: &[Vec<u8>], env: &[Vec<u8>]) -> Errno {
    Execve::new(file, argv, env).map_or_else(|e| e, |prepared| prepared.attempt())
}

/// A program with its arguments and its environment, as the kernel takes them.
#[derive(Debug, Default)]
pub struct Execve {
    /// The file's path, the arguments, the environment: each with a NUL.
    strings: Vec<u8>,
    /// Where the arguments are, a null, where the environment is, a null.
    addresses: Vec<usize>,
    /// Where the latter begins.
    env_at: usize,
}

impl Execve {
    /// Prepares an execution. A word with a NUL inside gives EINVAL.
    pub fn new(file: &[u8], argv: &[Vec<u8>], env: &[Vec<u8>]) -> Result<Self, Errno> {
        let words = argv.iter().chain(env).map(Vec::as_slice);
        let bytes = words.clone().map(|word| word.len() + 1).sum::<usize>() + file.len() + 1;
        let mut strings = Vec::with_capacity(bytes);
        let mut addresses = Vec::with_capacity(argv.len() + env.len() + 2);
        for (at, word) in std::iter::once(file).chain(words).enumerate() {
            if word.contains(&0) {
                return Err(Errno::EINVAL);
            }
            if at == argv.len() + 1 {
                addresses.push(0);
            }
            if at > 0 {
                addresses.push(strings.as_ptr() as usize + strings.len());
            }
            strings.extend_from_slice(word);
            strings.push(0);
        }
        if env.is_empty() {
            addresses.push(0);
        }
        addresses.push(0);
        Ok(Self { strings, addresses, env_at: argv.len() + 1 })
    }

    /// Becomes the program. It returns only on failure, with the code to exit with, after reporting
    /// the reason on stderr. It neither allocates memory nor calls the C library.
    pub fn go(&self) -> i32 {
        let e = self.attempt();
        report(&[b"unable to exec ", self.file(), b": ", e.desc().as_bytes(), b"\n"]);
        if e == Errno::ENOENT { 127 } else { 126 }
    }

    /// The file's path.
    pub fn file(&self) -> &[u8] {
        self.strings.split(|&b| b == 0).next().unwrap_or_default()
    }

    /// Becomes the program. It returns only on failure, with the reason. Like `go`, it allocates no
    /// memory.
    pub fn attempt(&self) -> Errno {
        let file = self.strings.as_ptr() as usize;
        let argv = self.addresses.as_ptr() as usize;
        let Some(env) = self.addresses.get(self.env_at..) else { return Errno::EINVAL };
        let env = env.as_ptr() as usize;
        // SAFETY: strings with their NULs, and lists of them with their nulls.
        match unsafe { raw::call(libc::SYS_execve, [file, argv, env, 0]) } {
            Ok(_) => Errno::EIO,
            Err(e) => e,
        }
    }
}

/// Writes the parts of a message to stderr, without allocating memory.
pub fn report(parts: &[&[u8]]) {
    for part in parts {
        // SAFETY: so many bytes are there.
        let written =
            unsafe { raw::call(libc::SYS_write, [2, part.as_ptr() as usize, part.len(), 0]) };
        // There is no other place to report it.
        let _ = written;
    }
}

/// A program that was found.
#[derive(Debug, PartialEq, Eq)]
pub struct FoundProgram {
    /// Its path.
    pub file: Vec<u8>,
    /// The interpreter and its one argument, if it begins with `#!`.
    pub shebang: Option<Shebang>,
    /// Whether it is a script that the kernel refuses only because its mount is noexec. Its
    /// interpreter can run it nevertheless.
    pub noexec: bool,
    /// Device and inode.
    identity: (u64, u64),
    /// Whether the kernel may know what to do with it: a script, ELF, or what only the kernel may
    /// read.
    is_program: bool,
}

impl FoundProgram {
    /// Reads the beginning of the file.
    fn at(file: Vec<u8>, stat: &FileStat, noexec: bool) -> Self {
        let mut head = [0; HEAD_BYTES];
        let read = super::file::start(&file, &mut head);
        let head = read.map(|length| head.get(..length).unwrap_or_default());
        let shebang = head.ok().and_then(shebang_of);
        let is_program = head.map_or(true, |h| shebang.is_some() || h.starts_with(b"\x7fELF"));
        Self { file, shebang, noexec, identity: (stat.st_dev, stat.st_ino), is_program }
    }

    /// Whether it is the program that is running now.
    pub fn is_self(&self) -> bool {
        own_identity() == Some(self.identity)
    }
}

/// How much of a file the kernel looks at.
const HEAD_BYTES: usize = 256;

/// What follows `#!`: the interpreter, and the rest of the line as one argument.
pub type Shebang = (Vec<u8>, Option<Vec<u8>>);

/// Finds a program as execvp would: a name with a slash as it is, another (even an empty one) in
/// the folders of `path`, where an empty name is no folder. A file that cannot be executed is
/// passed over; if no other one is found, its error is returned, else ENOENT.
pub fn find(name: &[u8], path: &[u8]) -> Result<FoundProgram, Errno> {
    if name.contains(&b'/') {
        let refused = match executable(name) {
            Ok(stat) => return Ok(FoundProgram::at(name.to_vec(), &stat, false)),
            Err(e) => e,
        };
        let found = FoundProgram::at(name.to_vec(), &stat(name)?, true);
        return match found.shebang {
            Some(_) if is_on_noexec(name) => Ok(found),
            _ => Err(refused),
        };
    }
    let mut folders = path.split(|&b| b == b':').filter(|folder| !folder.is_empty()).peekable();
    let mut error = if folders.peek().is_some() { Errno::ENOENT } else { Errno::EINVAL };
    for folder in folders {
        match candidate([folder, b"/", name].concat()) {
            Ok(found) => return Ok(found),
            Err(Errno::ENOENT) => {}
            Err(e @ (Errno::EACCES | Errno::EPERM | Errno::EISDIR | Errno::ENOTDIR)) => error = e,
            Err(e) => return Err(e),
        }
    }
    Err(error)
}

fn candidate(file: Vec<u8>) -> Result<FoundProgram, Errno> {
    let stat = executable(&file)?;
    let found = FoundProgram::at(file, &stat, false);
    match &found.shebang {
        Some((interpreter, _)) if interpreter.is_empty() => return Err(Errno::ENOEXEC),
        Some((interpreter, _)) => nix::unistd::access(interpreter.as_slice(), AccessFlags::F_OK)?,
        None => {}
    }
    Ok(found)
}

/// Whether a file could be executed, were it on another mount.
pub fn is_on_noexec(file: &[u8]) -> bool {
    use nix::sys::statvfs::{FsFlags, statvfs};
    let is_program = stat(file).is_ok_and(|s| s.st_mode & 0o111 != 0);
    is_program && statvfs(file).is_ok_and(|mount| mount.flags().contains(FsFlags::ST_NOEXEC))
}

fn executable(file: &[u8]) -> Result<FileStat, Errno> {
    nix::unistd::access(file, AccessFlags::X_OK)?;
    let stat = stat(file)?;
    let regular = stat.st_mode & libc::S_IFMT == libc::S_IFREG;
    if regular { Ok(stat) } else { Err(Errno::EACCES) }
}

/// Whether a file is the program that is running now.
pub fn is_self(file: &[u8]) -> bool {
    stat(file).is_ok_and(|found| own_identity() == Some((found.st_dev, found.st_ino)))
}

fn own_identity() -> Option<(u64, u64)> {
    static SELF: OnceLock<Option<(u64, u64)>> = OnceLock::new();
    *SELF.get_or_init(|| {
        let own = stat("/proc/self/exe").or_else(|_| stat(started_as().as_slice()));
        own.ok().map(|own| (own.st_dev, own.st_ino))
    })
}

/// The most links that are followed one after the other, as in the kernel.
const MAX_LINKS: usize = 40;

/// The paths that a file's links lead to, one after the other.
pub fn links(file: &[u8]) -> Vec<Vec<u8>> {
    let mut targets: Vec<Vec<u8>> = Vec::new();
    while targets.len() < MAX_LINKS {
        let link = targets.last().map_or(file, Vec::as_slice);
        let Ok(target) = nix::fcntl::readlink(link) else { break };
        let target = std::os::unix::ffi::OsStringExt::into_vec(target);
        let folder = link.iter().rposition(|&b| b == b'/').map_or(&b""[..], |at| &link[..=at]);
        let is_absolute = target.starts_with(b"/");
        targets.push(if is_absolute { target } else { [folder, &target].concat() });
    }
    targets
}

/// The path with which the kernel started this program, or the script whose interpreter it is.
pub fn started_as() -> Vec<u8> {
    // SAFETY: getauxval has no preconditions.
    let path = unsafe { libc::getauxval(libc::AT_EXECFN) } as *const c_char;
    if path.is_null() {
        return Vec::new();
    }
    // SAFETY: the kernel put a NUL-terminated string there, for the life of the process.
    unsafe { CStr::from_ptr(path) }.to_bytes().to_vec()
}

/// The interpreter of a file that begins with `#!`, and its argument.
pub fn shebang(file: &[u8]) -> Option<Shebang> {
    let mut head = [0; HEAD_BYTES];
    let length = super::file::start(file, &mut head).ok()?;
    shebang_of(head.get(..length)?)
}

fn shebang_of(head: &[u8]) -> Option<Shebang> {
    let line = trim_blanks(head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?);
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let argument = trim_blanks(&line[end..]);
    let interpreter = line[..end].to_vec();
    Some((interpreter, (!argument.is_empty()).then(|| argument.to_vec())))
}

/// What the kernel takes for a blank there. A carriage return is part of the name.
fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

fn trim_blanks(line: &[u8]) -> &[u8] {
    let from = line.iter().position(|b| !is_blank(b)).unwrap_or(line.len());
    let to = line.iter().rposition(|b| !is_blank(b)).map_or(from, |last| last + 1);
    &line[from..to]
}

/// Names this process, as `ps` and /proc/PID/comm show it (15 bytes at most).
pub fn set_comm(name: &str) {
    if let Ok(name) = CString::new(name) {
        // It only shows in `ps`.
        let _ = nix::sys::prctl::set_name(&name);
    }
}

/// Whether the kernel could execute what `find` found: a script's interpreter must be there too,
/// and a file that is neither script nor ELF is ENOEXEC.
pub fn check(found: &FoundProgram) -> Result<(), Errno> {
    if let Some((interpreter, _)) = &found.shebang {
        return executable(interpreter).map(drop);
    }
    if found.is_program { Ok(()) } else { Err(Errno::ENOEXEC) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "nothing is forked here")]
    fn a_fifo_is_no_program_and_is_not_waited_for() {
        let scratch = tempfile::tempdir().unwrap();
        let fifo = scratch.path().join("fifo");
        nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
        let name = fifo.as_os_str().as_bytes().to_vec();
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || done.send(find(&name, b"")));
        let found = is_done.recv_timeout(std::time::Duration::from_secs(10));
        std::fs::remove_file(fifo).unwrap();
        assert_eq!(found, Ok(Err(Errno::EACCES)));
    }
}
