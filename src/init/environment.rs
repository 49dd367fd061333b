//! The container's variables: PATH completed, the rest dumped where with-contenv finds it.

use super::{Boot, Refusal};
use crate::format::settings::ContainerSettings;
use crate::sys::machine::page_size;
use crate::sys::mount::is_mount_point;
use crate::tools::{Environment, path};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How many names a warning shows, and how much of each.
const MOST_NAMES: usize = 10;
const MOST_BYTES: usize = 60;

/// Linux's MAX_ARG_STRLEN, in pages.
const VARIABLE_PAGES: usize = 32;

/// The folders that PATH must have, in the reverse of the order in which they are put in front.
const FOLDERS: [&[u8]; 3] = [b"/bin", b"/usr/bin", b"/command"];

/// The environment with what a shell in the container's directory adds to it, as the reference's
/// /init is one: PWD, and a PATH with all that a tree needs.
pub(super) fn complete(env: Environment, directory: &Path) -> Environment {
    let mut env = with_path(env);
    let directory_of =
        |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    let named = env.get(b"PWD").map(path).filter(|pwd| pwd.is_absolute());
    if named.and_then(directory_of).is_none_or(|found| Some(found) != directory_of(directory)) {
        env.set(b"PWD", directory.as_os_str().as_bytes());
    }
    env
}

/// The environment with a PATH in which the folders that a tree needs are never missing.
fn with_path(mut env: Environment) -> Environment {
    let mut path = env.get(b"PATH").unwrap_or_default().to_vec();
    for folder in FOLDERS {
        if path.is_empty() {
            path = folder.to_vec();
        } else if !path.split(|&b| b == b':').any(|known| known == folder) {
            path = [folder, b":", &path].concat();
        }
    }
    env.set(b"PATH", &path);
    env
}

/// What services get: PATH alone, or everything with `S6_KEEP_ENV`.
pub(super) fn of_services(container: &Environment, settings: &ContainerSettings) -> Environment {
    let mut env = container.clone();
    if !settings.keep_env {
        env.retain(|name, _| name == b"PATH");
    }
    env
}

/// What the CMD gets beside that, as if a shell in / had changed to its directory.
pub(super) fn of_cmd(services: &Environment, directory: &Path) -> Environment {
    let mut env = services.clone();
    env.set(b"PWD", directory.as_os_str().as_bytes());
    env.set(b"OLDPWD", b"/");
    env
}

/// Where with-contenv finds the container's variables.
pub(super) fn directory(boot: &Boot) -> PathBuf {
    boot.run_directory.join("s6/container_environment")
}

fn work_directory_file(boot: &Boot) -> PathBuf {
    boot.run_directory.join("s6/workdir")
}

/// Whether what `publish` writes is there.
pub(super) fn is_published(boot: &Boot) -> bool {
    work_directory_file(boot).exists() && (boot.settings.keep_env || directory(boot).exists())
}

/// Writes /run/s6/container_environment: a file per variable, its value and a newline.
pub(super) fn publish(boot: &Boot) -> Result<(), Refusal> {
    let workdir = work_directory_file(boot);
    let line = [boot.work_directory.as_os_str().as_bytes(), b"\n"].concat();
    fs::write(&workdir, line).map_err(Refusal::unwritable(&workdir))?;
    if boot.settings.keep_env {
        return Ok(());
    }
    let directory = directory(boot);
    fs::create_dir_all(&directory).map_err(Refusal::unwritable(&directory))?;
    let Modes { of_directory, of_files } = Modes::of(boot.settings.environment_mode);
    let mut dropped = Vec::new();
    for (name, value) in boot.container_env.iter() {
        if can_name_a_file(name) {
            let file = directory.join(path(name));
            let is_secret = boot.secrets.iter().any(|secret| secret == name);
            let mode = if is_secret { 0o600 } else { of_files };
            write(&file, mode, &[value, b"\n"].concat()).map_err(Refusal::unwritable(&file))?;
        } else {
            dropped.push(name);
        }
    }
    if !dropped.is_empty() && boot.settings.verbosity >= 1 {
        warn_of_dropped(&dropped);
    }
    let mode = fs::Permissions::from_mode(of_directory);
    fs::set_permissions(&directory, mode).map_err(Refusal::unwritable(&directory))
}

/// Whether the kernel takes a variable: it is no longer than so many pages, with a NUL.
pub(super) fn fits(name: &[u8], value: &[u8]) -> bool {
    name.len() + value.len() + 2 <= VARIABLE_PAGES * page_size()
}

/// The permissions of container_environment and its files.
#[derive(Debug, PartialEq, Eq)]
struct Modes {
    of_directory: u32,
    of_files: u32,
}

impl Modes {
    /// Whoever may read shall find what there is, and we shall make it.
    fn of(mode: u32) -> Self {
        Self { of_directory: mode | (mode & 0o444) >> 2 | 0o700, of_files: mode & 0o666 | 0o600 }
    }
}

/// Whether there can be a file of this name, and with-contenv reads it.
fn can_name_a_file(name: &[u8]) -> bool {
    !name.is_empty() && !name.starts_with(b".") && !name.contains(&b'/') && name.len() <= 255
}

fn warn_of_dropped(names: &[&[u8]]) {
    let shown = names.iter().take(MOST_NAMES).map(|name| {
        let (start, rest) = name.split_at(name.len().min(MOST_BYTES));
        format!("\"{}{}\"", start.escape_ascii(), if rest.is_empty() { "" } else { "…" })
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = match names.len().saturating_sub(MOST_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    super::warn(&format!(
        "variables that with-contenv does not set, because no file can have their name or it is \
         hidden: {shown}{more}; rename them, or set S6_KEEP_ENV=1"
    ));
}

/// Writes a file, but not what is mounted in its place: that wins.
fn write(file: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut how = fs::File::options();
    how.write(true).mode(mode);
    match how.create_new(true).open(file) {
        Ok(mut new) => new.write_all(content),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists && is_mount_point(file) => Ok(()),
        // A name that comes twice.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => fs::write(file, content),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(given: Option<&str>) -> String {
        let mut env = Environment::empty();
        given.into_iter().for_each(|p| env.set(b"PATH", p.as_bytes()));
        String::from_utf8(with_path(env).get(b"PATH").unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_longest_variable_is_one_that_the_kernel_takes() {
        let value = |length: usize| vec![b'x'; length];
        let words = [b"/bin/true".to_vec()];
        let run = |value: Vec<u8>| {
            let env = [[b"A=", value.as_slice()].concat()];
            let execve = crate::sys::exec::Execve::new(b"/bin/true", &words, &env).unwrap();
            let child = crate::sys::process::fork_to(move || execve.attempt() as i32).unwrap();
            let flags = nix::sys::wait::WaitPidFlag::empty();
            crate::sys::process::wait(child.as_raw(), flags).unwrap().unwrap().1.code()
        };
        let most = VARIABLE_PAGES * page_size() - "A".len() - 2;
        assert!(fits(b"A", &value(most)) && !fits(b"A", &value(most + 1)));
        assert_eq!(run(value(most)), Some(0));
        assert_eq!(run(value(most + 1)), Some(nix::errno::Errno::E2BIG as u8));
    }

    #[test]
    fn who_may_read_the_environment_finds_it() {
        let modes = |mode| (Modes::of(mode).of_directory, Modes::of(mode).of_files);
        assert_eq!(modes(0o755), (0o755, 0o644));
        assert_eq!(modes(0o700), (0o700, 0o600));
        assert_eq!(modes(0o640), (0o750, 0o640));
        assert_eq!(modes(0), (0o700, 0o600));
    }

    #[test]
    fn pwd_is_where_the_container_starts() {
        let pwd = |named: &str, directory: &str| {
            let mut env = Environment::empty();
            env.set(b"PWD", named.as_bytes());
            let env = complete(env, Path::new(directory));
            String::from_utf8(env.get(b"PWD").unwrap().to_vec()).unwrap()
        };
        assert_eq!(pwd("", "/tmp"), "/tmp");
        assert_eq!(pwd("/usr", "/tmp"), "/tmp");
        assert_eq!(pwd("/no/such/directory", "/tmp"), "/tmp");
        assert_eq!(pwd("/tmp/../tmp", "/tmp"), "/tmp/../tmp", "the same by another name");
    }

    #[test]
    fn a_variable_that_no_file_can_be_called_by_is_seen() {
        assert!(can_name_a_file(b"A.b"));
        for name in [b"".as_slice(), b"a/b", b".", b"..", b".hidden", &[b'x'; 256]] {
            assert!(!can_name_a_file(name));
        }
    }

    #[test]
    fn what_path_lacks_is_put_in_front() {
        assert_eq!(path(None), "/command:/usr/bin:/bin");
        assert_eq!(path(Some("")), "/command:/usr/bin:/bin");
        assert_eq!(path(Some("/opt/bin:/sbin")), "/command:/usr/bin:/bin:/opt/bin:/sbin");
        assert_eq!(path(Some("/usr/bin:/bin:/command")), "/usr/bin:/bin:/command");
    }
}
