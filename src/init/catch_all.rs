//! The catch-all logger of `S6_LOGGING` 1 and 2: a service directory in the scan directory, and
//! the FIFO to which everything else writes.

use super::Refusal;
use crate::execline::quote::quote;
use crate::format::settings::ContainerSettings;
use crate::sys::fd;
use crate::sys::user::User;
use crate::tools::Word;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Where stdout and stderr go.
pub(super) struct Outputs {
    /// Those of services.
    pub services: (i32, i32),
    /// Those of the CMD.
    pub cmd: (i32, i32),
    /// The ends of the FIFO that are to be kept open.
    pub kept: Vec<OwnedFd>,
    /// The log, where stderr has no copy of it.
    pub hidden_log: Option<PathBuf>,
}

/// Makes the logger's service directory, where one is wanted; it starts with the first scan.
///
/// `container` are the container's own stdout and stderr. The script keeps the latter as the stdout
/// of its `1` action.
pub(super) fn prepare(
    settings: &ContainerSettings,
    run_directory: &Path,
    container: (i32, i32),
) -> Result<Outputs, Refusal> {
    if settings.logging == 0 {
        let kept = Vec::new();
        return Ok(Outputs { services: container, cmd: container, kept, hidden_log: None });
    }
    let directory = run_directory.join("service/s6-svscan-log");
    let logs = run_directory.join("uncaught-logs");
    let failed = Refusal::unwritable(&directory);
    fs::create_dir_all(&directory).map_err(&failed)?;
    fs::create_dir_all(&logs).map_err(Refusal::unwritable(&logs))?;
    fs::set_permissions(&logs, fs::Permissions::from_mode(0o2750))
        .map_err(Refusal::unwritable(&logs))?;
    let user = user(settings);
    if let Some(user) = &user {
        // Refused without the right to; the logger then reports what it cannot write.
        let _ = nix::unistd::chown(&logs, Some(user.uid.into()), Some(user.gid.into()));
    }
    fs::write(directory.join("run"), script(settings, user.as_ref(), &logs)).map_err(&failed)?;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(directory.join("run"), executable).map_err(&failed)?;
    fs::write(directory.join("notification-fd"), "3\n").map_err(&failed)?;
    let fifo = directory.join("fifo");
    let kept = open_fifo(&fifo).map_err(|e| Refusal::Unwritable(fifo, e.into()))?;
    let opened = kept[0].as_raw_fd();
    // Differs: with S6_LOGGING=1 the CMD keeps its own stdout and stderr, as documented.
    let cmd = if settings.logging == 1 { container } else { (opened, opened) };
    let hidden_log = (settings.logging >= 2).then(|| logs.join("current"));
    Ok(Outputs { services: (opened, opened), cmd, kept: kept.into(), hidden_log })
}

/// Whom the logger is to run as, if that is another user, and we may become it.
fn user(settings: &ContainerSettings) -> Option<User> {
    let name = settings.catchall_user.as_deref().filter(|_| nix::unistd::geteuid().is_root())?;
    let user = User::by_name(name).ok().flatten();
    if user.is_none() && settings.verbosity >= 1 {
        let name = name.escape_ascii();
        super::warn(&format!(
            "S6_CATCHALL_USER is \"{name}\", who is not in /etc/passwd: the catch-all logger runs \
             as root"
        ));
    }
    user
}

/// Opens the FIFO for writing. The opening for both keeps it from ever being without a reader, so
/// that a logger's restart kills no writer.
fn open_fifo(fifo: &Path) -> Result<[OwnedFd; 2], nix::errno::Errno> {
    nix::unistd::mkfifo(fifo, Mode::from_bits_truncate(0o600))?;
    let both = open(fifo, OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())?;
    let write = open(fifo, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    fd::open_to_writers(&write);
    Ok([write, both])
}

/// Differs: with S6_LOGGING_SCRIPT unset lines are stamped as its default (T) says; the
/// reference means to, and has none.
fn script(settings: &ContainerSettings, user: Option<&User>, logs: &Path) -> Word {
    let words = super::hook::split(&settings.logging_script);
    let mut script = b"#!/command/execlineb -P\nfdmove -c 1 2\nredirfd -rnb 0 fifo\n".to_vec();
    if let Some(user) = user {
        script.extend([b"s6-setuidgid ", quote(&user.name).as_slice(), b"\n"].concat());
    }
    script.extend(b"s6-log -bpd3 -- ");
    script.extend_from_slice(if settings.logging == 1 { b"1 " } else { b"" });
    for stamp in [b"t", b"T"].into_iter().filter(|stamp| words.iter().any(|w| w == stamp)) {
        script.extend([stamp.as_slice(), b" "].concat());
    }
    script.extend(quote(logs.as_os_str().as_bytes()));
    script.push(b'\n');
    script
}
