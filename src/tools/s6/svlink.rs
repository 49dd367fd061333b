//! s6-svlink and s6-svunlink: put a service directory into a scan directory, and take it away.
//! Reference: <https://skarnet.org/software/s6/s6-svlink.html> and `s6-svunlink.html`.

use super::control::{SUPERVISE, SVSCAN, is_supervised};
use super::link::{self, Style};
use super::watch::deadline;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word, basename};
use nix::errno::Errno;
use nix::libc;
use nix::sys::stat::stat;

/// `s6-svlink [ -d | -D ] [ -f ] [ -P ] [ -t timeout ] scandir servicedir [ name ]`
pub(super) fn link(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "dDfPt:")?;
    let style = Style::from_options(&options);
    let deadline = deadline(process, &options, 't')?;
    let words = options.rest();
    let [scandir, service, rest @ ..] = words.as_slice() else { return Err(process.usage()) };
    let name = match rest.first() {
        Some(name) => name.as_slice(),
        None => basename(service.trim_ascii_end().strip_suffix(b"/").unwrap_or(service)),
    };
    for (word, what) in [(scandir, "scandir"), (service, "servicedir")] {
        if word.is_empty() {
            return Err(process.fatal(100, format_args!("invalid {what}")));
        }
    }
    if matches!(name.first(), None | Some(b'.' | b'/')) {
        return Err(process.fatal(100, "invalid name"));
    }
    check_scandir(process, scandir)?;
    check_service(process, service)?;
    link::link(scandir, service, name, style, deadline).map_err(|e| {
        let [scandir, service, name] = [scandir, service, name].map(show);
        let text = format!("unable to link servicedir {service} into scandir {scandir}");
        failed(process, &format!("{text} with name {name}"), e)
    })?;
    Ok(Next::Exit(0))
}

/// `s6-svunlink [ -X ] [ -t timeout ] scandir servicename`
pub(super) fn unlink(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "Xt:")?;
    let deadline = deadline(process, &options, 't')?;
    let deadline = (!options.has('X')).then_some(deadline);
    let words = options.rest();
    let [scandir, name, ..] = words.as_slice() else { return Err(process.usage()) };
    if matches!(name.first(), None | Some(b'.' | b'/')) {
        return Err(process.fatal(100, "invalid service name"));
    }
    link::unlink(scandir, name, deadline).map_err(|e| {
        let text = format!("unable to prepare unlinking of service {}", show(name));
        process.fatal_errno(format_args!("{text} in scandir {}", show(scandir)), e)
    })?;
    Ok(Next::Exit(0))
}

/// Exit 99 if the time was over, else 111.
pub(super) fn failed(process: &Process, text: &str, e: Errno) -> Exit {
    match process.fatal_errno(text, e) {
        _ if e == Errno::ETIMEDOUT => Exit(99),
        exit => exit,
    }
}

fn check_scandir(process: &Process, scandir: &[u8]) -> Result<(), Exit> {
    let lock = [scandir, b"/", SVSCAN.as_bytes(), b"/lock"].concat();
    let failed = process.unable(format!("open {}", show(&lock)));
    stat(lock.as_slice()).map_err(&failed)?;
    match is_supervised(scandir, SVSCAN).map_err(failed)? {
        true => Ok(()),
        false => Err(process.fatal(1, format_args!("s6-svscan not running on {}", show(scandir)))),
    }
}

/// A service directory, and its `log` if there is one, must have something to run.
fn check_service(process: &Process, service: &[u8]) -> Result<(), Exit> {
    check_run(process, service)?;
    let log = [service, b"/log"].concat();
    match stat(log.as_slice()) {
        Err(Errno::ENOENT) => Ok(()),
        Err(e) => Err(process.unable(format_args!("stat {}", show(&log)))(e)),
        Ok(found) if found.st_mode & libc::S_IFMT != libc::S_IFDIR => {
            Err(process.fatal(100, format_args!("{} is not a directory", show(&log))))
        }
        Ok(_) => check_run(process, &log),
    }
}

fn check_run(process: &Process, service: &[u8]) -> Result<(), Exit> {
    let run = [service, b"/run"].concat();
    let found =
        stat(run.as_slice()).map_err(process.unable(format_args!("stat {}", show(&run))))?;
    if found.st_mode & libc::S_IXUSR == 0 {
        return Err(process.fatal(100, format_args!("{} is not executable", show(&run))));
    }
    let supervised = is_supervised(service, SUPERVISE)
        .map_err(process.unable(format_args!("check supervision status of {}", show(service))))?;
    if supervised {
        process.warn(format_args!("supervisor already running on {}", show(service)));
    }
    Ok(())
}
