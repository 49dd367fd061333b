//! s6-svscanboot: becomes s6-svscan, with a logger for all that no other logger catches.
//! Reference: <https://skarnet.org/software/s6/s6-svscanboot.html>.

use super::generate::below;
use crate::execline::quote::quote;
use crate::format::decimal;
use crate::sys::fd;
use crate::sys::user::User;
use crate::tools::die::{errno, octal, show};
use crate::tools::{Exec, Exit, Next, Options, Process, Word, path};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::PermissionsExt;

/// The service that s6-svscan gives special care.
const LOGGER: &[u8] = b"s6-svscan-log";

const LONG: &[(&str, char)] = &[
    ("user", 'u'),
    ("console", 'c'),
    ("catchall-directory", 'D'),
    ("catchall-mode", 'm'),
    ("catchall-user", 'l'),
    ("catchall-options", 'o'),
    ("notification-fd", 'd'),
    ("services-max", 'C'),
    ("name-max", 'L'),
    ("timeout", 't'),
];

/// `s6-svscanboot [ -c devconsole ] [ -D catchalldir ] [ -m catchallmode ] [ -l catchalluser ]
/// [ -o catchalloptions ] [ -d notif ] [ -C services_max ] [ -L name_max ] [ -t rescan ] scandir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "uc:D:m:l:o:d:C:L:t:", LONG)?;
    let notification = notification(process, &options)?;
    let console_fd = if notification == Some(3) { 4 } else { 3 };
    let mut svscan =
        vec![b"s6-svscan".to_vec(), b"-X".to_vec(), console_fd.to_string().into_bytes()];
    svscan.extend(passed_on(process, &options)?);
    let user = user(process, &options)?;
    let logs = make_log_folder(process, &options, user.as_ref())?;
    let (settings, console) = (options.value('o').unwrap_or(b"t"), options.value('c'));
    let script = script(user.as_ref(), settings, &logs);
    let console = console.map(<[u8]>::to_vec);
    let rest = options.rest();
    let scandir = rest.first().ok_or_else(|| process.usage())?;
    let fifo = make_service(process, scandir, &script)?;
    place_descriptors(process, &fifo, console.as_deref(), console_fd)?;
    svscan.extend([b"--".to_vec(), scandir.clone()]);
    process.attempt(Exec { argv: svscan, ..Exec::default() }).map_err(|e| {
        let _ = fd::r#move(2, console_fd);
        process.fatal_errno("unable to exec s6-svscan", e)
    })
}

/// The descriptor on which s6-svscan is to tell its readiness.
fn notification(process: &Process, options: &Options) -> Result<Option<RawFd>, Exit> {
    let Some(word) = options.value('d') else { return Ok(None) };
    let wrong = |text| Err(process.fatal(100, format_args!("notification-fd must be {text}")));
    match decimal::parse::<u32>(word).map(RawFd::try_from) {
        Some(Ok(fd)) if fd < 3 => wrong("3 or greater"),
        Some(Ok(fd)) if !fd::is_open(fd) => {
            Err(process.fatal_errno("notification-fd sanity check failed", Errno::EBADF))
        }
        Some(Ok(fd)) => Ok(Some(fd)),
        Some(Err(_)) | None => wrong("an unsigned integer"),
    }
}

/// The options that go on to s6-svscan as they are.
fn passed_on(process: &Process, options: &Options) -> Result<Vec<Word>, Exit> {
    let mut words = Vec::new();
    for (letter, name) in [('d', "-d"), ('C', "-C"), ('L', "-L"), ('t', "-t")] {
        if let Some(word) = options.value(letter) {
            let what = LONG.iter().find(|(_, known)| *known == letter).map_or("", |(long, _)| long);
            let text = format!("{what} must be an unsigned integer");
            let value: u32 = decimal::parse(word).ok_or_else(|| process.fatal(100, &text))?;
            words.extend([name.as_bytes().to_vec(), value.to_string().into_bytes()]);
        }
    }
    Ok(words)
}

/// Who is to own and write the logs, if that is someone else.
fn user(process: &Process, options: &Options) -> Result<Option<User>, Exit> {
    let Some(name) = options.value('l') else { return Ok(None) };
    if !nix::unistd::geteuid().is_root() {
        process.warn("ignoring catchall-user option when not root");
        return Ok(None);
    }
    match User::by_name(name) {
        Ok(Some(user)) => Ok(Some(user)),
        Ok(None) => Err(process.fatal(111, format_args!("unknown user: {}", show(name)))),
        Err(e) => Err(process.unable("read the user database")(e)),
    }
}

/// Makes the folder for the logs, and says where it is.
fn make_log_folder(
    process: &Process,
    options: &Options,
    user: Option<&User>,
) -> Result<Word, Exit> {
    let mode = options.value('m').map_or(Some(0o2750), octal);
    let text = "catchall-mode must be an (octal) unsigned integer";
    let mode = mode.ok_or_else(|| process.fatal(100, text))?;
    let folder = match options.value('D') {
        Some(folder) if folder.starts_with(b"/") || !options.has('u') => folder.to_vec(),
        None if !options.has('u') => b"/run/uncaught-logs".to_vec(),
        relative => {
            let base = process.env.get(b"XDG_RUNTIME_DIR");
            let base = base.ok_or_else(|| process.fatal(100, "XDG_RUNTIME_DIR is not set"))?;
            below(base, relative.unwrap_or(b"uncaught-logs"))
        }
    };
    let failed = |what, e| failed(process, what, &folder, e);
    std::fs::create_dir_all(path(&folder)).map_err(|e| failed("mkdir", errno(&e)))?;
    if let Some(user) = user {
        let (uid, gid) = (Uid::from_raw(user.uid), Gid::from_raw(user.gid));
        nix::unistd::chown(folder.as_slice(), Some(uid), Some(gid))
            .map_err(|e| failed("chown", e))?;
    }
    std::fs::set_permissions(path(&folder), PermissionsExt::from_mode(mode))
        .map_err(|e| failed("chmod", errno(&e)))?;
    let real = std::fs::canonicalize(path(&folder)).map_err(|e| failed("realpath", errno(&e)))?;
    Ok(std::os::unix::ffi::OsStringExt::into_vec(real.into_os_string()))
}

/// The `run` of the logger.
fn script(user: Option<&User>, settings: &[u8], logs: &[u8]) -> Word {
    let mut script = b"#!/command/execlineb -s1\nfdmove -c 1 2\nredirfd -rnb 0 fifo\n".to_vec();
    if let Some(user) = user {
        script.extend([b"s6-setuidgid ", quote(&user.name).as_slice(), b"\n"].concat());
    }
    script.extend([b"exec -c\ns6-log -bpd3 -- ", settings, b" ", &quote(logs), b"\n"].concat());
    script
}

/// Makes the logger's service directory anew; its FIFO.
fn make_service(process: &Process, scandir: &[u8], script: &[u8]) -> Result<Word, Exit> {
    let service = below(scandir, LOGGER);
    let (run, fifo) = (below(&service, b"run"), below(&service, b"fifo"));
    let mode =
        |file: &[u8], mode| std::fs::set_permissions(path(file), PermissionsExt::from_mode(mode));
    let _ = std::fs::remove_dir_all(path(&service));
    let made = || -> io::Result<()> {
        std::fs::create_dir_all(path(&service))?;
        mode(&service, 0o2755)?;
        std::fs::write(path(&below(&service, b"notification-fd")), b"3\n")?;
        std::fs::write(path(&run), script)?;
        mode(&run, 0o755)?;
        nix::unistd::mkfifo(fifo.as_slice(), Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(())
    };
    made().map_err(|e| failed(process, "make", &service, errno(&e)))?;
    Ok(fifo)
}

/// Stdin is /dev/null; stdout and stderr are the FIFO, which the logger will read; the console, or
/// what was stderr, is `console_fd`.
fn place_descriptors(
    process: &Process,
    fifo: &[u8],
    console: Option<&[u8]>,
    console_fd: RawFd,
) -> Result<(), Exit> {
    let open = |file: &[u8], flags| {
        open(file, flags, Mode::empty()).map_err(|e| failed(process, "open", file, e))
    };
    let null = open(b"/dev/null", OFlag::O_RDONLY)?;
    let placed = fd::place(0, null);
    let placed = placed.and(match console {
        Some(console) => fd::place(console_fd, open(console, OFlag::O_WRONLY)?),
        None => fd::copy(console_fd, 2),
    });
    let reader = open(fifo, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
    let writer = open(fifo, OFlag::O_WRONLY | OFlag::O_NONBLOCK)?;
    drop(reader);
    placed
        .and_then(|()| fd::set_nonblocking(writer.as_raw_fd(), false))
        .and_then(|()| fd::place(1, writer))
        .and_then(|()| fd::copy(2, 1))
        .map_err(process.unable("place descriptors"))
}

fn failed(process: &Process, what: &str, file: &[u8], e: Errno) -> Exit {
    process.unable(format_args!("{what} {}", show(file)))(e)
}
