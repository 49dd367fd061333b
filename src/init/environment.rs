//! The container's variables: PATH completed, the rest dumped where with-contenv finds it.

use super::{Boot, Refusal};
use crate::format::settings::Settings;
use crate::tools::Environment;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The folders that PATH must have, in the reverse of the order in which they are put in front.
const FOLDERS: [&[u8]; 3] = [b"/bin", b"/usr/bin", b"/command"];

/// The environment with a PATH in which the folders that a tree needs are never missing.
pub fn with_path(mut env: Environment) -> Environment {
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
pub fn of_services(container: &Environment, settings: &Settings) -> Environment {
    let mut env = container.clone();
    if !settings.keep_env {
        env.retain(|name, _| name == b"PATH");
    }
    env
}

/// What the CMD gets beside that, as if a shell in / had changed to its directory.
pub fn of_cmd(services: &Environment, directory: &Path) -> Environment {
    let mut env = services.clone();
    env.set(b"PWD", directory.as_os_str().as_bytes());
    env.set(b"OLDPWD", b"/");
    env
}

/// Writes /run/s6/container_environment: a file per variable, its value and a newline.
pub fn publish(boot: &Boot) -> Result<(), Refusal> {
    let workdir = boot.run_directory.join("s6/workdir");
    let line = [boot.work_directory.as_os_str().as_bytes(), b"\n"].concat();
    fs::write(&workdir, line).map_err(Refusal::unwritable(&workdir))?;
    if boot.settings.keep_env {
        return Ok(());
    }
    let directory = boot.run_directory.join("s6/container_environment");
    fs::create_dir_all(&directory).map_err(Refusal::unwritable(&directory))?;
    let mut published = boot.container_env.clone();
    // As the shell sets it that is the reference's /init.
    published.set(b"PWD", boot.work_directory.as_os_str().as_bytes());
    for (name, value) in published.iter() {
        let usable = !name.is_empty() && !name.contains(&b'/') && name.len() <= 255;
        if usable && name != b"." && name != b".." {
            let file = directory.join(std::ffi::OsStr::from_bytes(name));
            write_new(&file, &[value, b"\n"].concat()).map_err(Refusal::unwritable(&file))?;
        }
    }
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(&directory, open).map_err(Refusal::unwritable(&directory))
}

/// Writes a file that is not there. One that is has been mounted, and wins.
fn write_new(file: &Path, content: &[u8]) -> io::Result<()> {
    match fs::File::create_new(file) {
        Ok(mut new) => new.write_all(content),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
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
    fn what_path_lacks_is_put_in_front() {
        assert_eq!(path(None), "/command:/usr/bin:/bin");
        assert_eq!(path(Some("")), "/command:/usr/bin:/bin");
        assert_eq!(path(Some("/opt/bin:/sbin")), "/command:/usr/bin:/bin:/opt/bin:/sbin");
        assert_eq!(path(Some("/usr/bin:/bin:/command")), "/usr/bin:/bin:/command");
    }
}
