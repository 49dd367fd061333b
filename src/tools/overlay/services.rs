//! services-up and services-down: the services of /etc/services.d, which know no dependencies. They
//! are the `up` and `down` of the service legacy-services.

use super::container::{entries, entries_of_image, etc, settings, word};
use super::script;
use crate::format::settings::ContainerSettings;
use crate::sys::{copy, remove};
use crate::tools::die::{errno, reason, show};
use crate::tools::{Exit, Next, Process, Word, path};
use nix::errno::Errno;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where the copies are, within the run directory.
const COPIES: &str = "s6/legacy-services";

/// The scripts of a service directory that must be executable.
const SCRIPTS: [&str; 4] = ["run", "finish", "log/run", "log/finish"];

/// `services-up`: copies each service, links the copies into the scan directory, and has it
/// scanned.
pub(super) fn up(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let settings = settings(process);
    let from = etc(&settings).join("services.d");
    let copies = process.env.rundir().join(COPIES);
    remove::hierarchy(&copies).map_err(|e| unable(process, "remove", &copies, e))?;
    fs::create_dir_all(&copies).map_err(|e| unable(process, "make", &copies, errno(&e)))?;

    let mut names = entries_of_image(process, &from, &settings);
    names.retain(|name| from.join(path(name)).is_dir());
    let there = names.len();
    names.retain(|name| {
        if settings.verbosity >= 2 {
            report_copying(process, name, &from);
        }
        let copy = copies.join(path(name));
        let is_copied = copy_service(process, &settings, &from.join(path(name)), &copy);
        if is_copied {
            make_executable(process, &settings, &copy);
        }
        is_copied
    });
    let failed = u8::from(names.len() < there && settings.if_boot_fails >= 2);
    let scandir = process.env.rundir().join("service");
    for name in &names {
        let link = scandir.join(path(name));
        let linked = remove::hierarchy(&link)
            .and_then(|()| symlink(copies.join(path(name)), &link).map_err(|e| errno(&e)));
        linked.map_err(|e| unable(process, "make", &link, e))?;
    }
    if names.is_empty() {
        return Ok(Next::Exit(failed));
    }
    scan(process, "-a")?;
    let directories = names.iter().map(|name| copies.join(path(name))).collect();
    Ok(Next::Exit(failed.max(wait_until_up(process, &settings, directories))))
}

/// Copies a service; whether it can be started. What cannot be copied is left out, with a warning.
fn copy_service(process: &Process, settings: &ContainerSettings, from: &Path, copy: &Path) -> bool {
    let mut failed = false;
    copy::each(from, copy, |failure| {
        failed = true;
        if settings.verbosity >= 1 {
            process.warn(format_args!("{failure}{}", failure.remedy()));
        }
    });
    if !failed || fs::symlink_metadata(copy.join("run")).is_ok() {
        return true;
    }
    process.warn(format_args!("{} is not started: its run was not copied", from.display()));
    // It holds nothing that anybody needs.
    let _ = remove::hierarchy(copy);
    false
}

fn report_copying(process: &Process, name: &[u8], from: &Path) {
    let notifies = from.join(path(name)).join("notification-fd").exists();
    let note = if notifies { "" } else { " (no readiness notification)" };
    process.info(format_args!("copying legacy longrun {}{note}", show(name)));
}

/// Differs: a script that has lost its executable bit gets it back in the copy, with one warning.
fn make_executable(process: &Process, settings: &ContainerSettings, copy: &Path) {
    for script in SCRIPTS.map(|name| copy.join(name)) {
        let Ok(found) = fs::metadata(&script) else { continue };
        let mode = found.permissions().mode();
        if found.is_file() && mode & 0o111 == 0 {
            let made = fs::set_permissions(&script, fs::Permissions::from_mode(mode | 0o555));
            if made.is_ok() && settings.verbosity >= 1 {
                let text = "has no executable bit; it is run all the same: chmod +x the original";
                process.warn(format_args!("{} {text}", script.display()));
            }
        }
    }
}

/// With `S6_CMD_WAIT_FOR_SERVICES`, waits until they are up, and those that tell it ready; the exit
/// code.
fn wait_until_up(process: &Process, settings: &ContainerSettings, directories: Vec<PathBuf>) -> u8 {
    if !settings.cmd_wait_for_services {
        return 0;
    }
    // Time to be scanned and started. There is no way to be sure: definitions in s6-rc.d have one.
    std::thread::sleep(std::time::Duration::from_millis(settings.services_readytime_ms.into()));
    let (ready, up): (Vec<_>, Vec<_>) =
        directories.into_iter().partition(|dir| dir.join("notification-fd").exists());
    let limit = settings.cmd_wait_maxtime_ms;
    let all = wait(process, "-u", limit, &up) & wait(process, "-U", limit, &ready);
    if !all && settings.if_boot_fails >= 1 && settings.verbosity >= 1 {
        process.warn("some legacy longruns failed to start");
    }
    u8::from(!all && settings.if_boot_fails >= 2)
}

/// `services-down`: unlinks the services, and waits until they and their loggers are down, for
/// at most `S6_SERVICES_GRACETIME`.
pub(super) fn down(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let copies = process.env.rundir().join(COPIES);
    let names = entries(&copies);
    let mut directories = Vec::new();
    for name in &names {
        let copy = copies.join(path(name));
        let logger = copy.join("log");
        directories.push(copy);
        directories.extend(Some(logger).filter(|log| log.is_dir()));
        let link = process.env.rundir().join("service").join(path(name));
        if let Err(e) = remove::hierarchy(&link) {
            unable(process, "remove", &link, e);
        }
    }
    if !names.is_empty() {
        // One that is stopped before PID 1 has seen it is never supervised.
        directories.retain(|dir| dir.join("supervise/status").exists());
        scan(process, "-an")?;
        wait(process, "-D", settings(process).services_gracetime_ms, &directories);
    }
    Ok(Next::Exit(0))
}

/// Has PID 1 look at the scan directory again.
fn scan(process: &Process, how: &str) -> Result<(), Exit> {
    let scandir = word(&process.env.rundir().join("service"));
    let argv = vec![b"s6-svscanctl".to_vec(), how.as_bytes().to_vec(), scandir];
    match script::run_words(process, argv) {
        Ok(0) => Ok(()),
        Ok(code) => Err(Exit(code)),
        Err(e) => Err(process.fatal_errno("unable to run s6-svscanctl", e)),
    }
}

/// Whether s6-svwait succeeds with these directories; with none it does.
fn wait(process: &Process, what: &str, limit_ms: u32, directories: &[PathBuf]) -> bool {
    let limit = limit_ms.to_string();
    let mut argv: Vec<_> =
        ["s6-svwait", what, "-t", &limit, "--"].map(|w| w.as_bytes().to_vec()).into();
    argv.extend(directories.iter().map(|dir| word(dir)));
    directories.is_empty() || script::run_words(process, argv) == Ok(0)
}

fn unable(process: &Process, what: &str, path: &Path, e: Errno) -> Exit {
    process.fatal(111, format_args!("unable to {what} {}: {}", path.display(), reason(e)))
}
