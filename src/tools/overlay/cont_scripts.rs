//! cont-init and cont-finish: the scripts of /etc/cont-init.d at boot, of /etc/cont-finish.d at the
//! end. They are the `up` and `down` of the service legacy-cont-init.

use super::container::{entries_of_image, etc, settings, word};
use super::script;
use crate::format::settings::ContainerSettings;
use crate::sys::why;
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Process, Word};
use nix::errno::Errno;
use nix::unistd::AccessFlags;
use std::path::Path;

/// `cont-init`: runs the scripts in the order of their names. One that fails stops no other, and
/// fails the service only under `S6_BEHAVIOUR_IF_STAGE2_FAILS=2`.
pub(super) fn cont_init(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let settings = settings(process);
    let dir = etc(&settings).join("cont-init.d");
    let mut failed = false;
    for file in scripts(process, &dir, &settings) {
        let shown = show(&file);
        if settings.verbosity >= 2 {
            process.info(format_args!("running {shown}"));
        }
        let code = script::run(process, &file, settings.verbosity);
        if settings.verbosity >= 2 {
            process.info(format_args!("{shown} exited {code}"));
        }
        failed |= code != 0;
    }
    if failed && settings.if_boot_fails >= 1 && settings.verbosity >= 1 {
        process.warn("some scripts exited nonzero");
    }
    Ok(Next::Exit(u8::from(failed && settings.if_boot_fails >= 2)))
}

/// `cont-finish`: runs the scripts in the order of their names, each for at most
/// `S6_KILL_FINISH_MAXTIME`.
pub(super) fn cont_finish(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let settings = settings(process);
    let dir = etc(&settings).join("cont-finish.d");
    for file in scripts(process, &dir, &settings) {
        if settings.verbosity >= 2 {
            process.info(format_args!("running {}", show(&file)));
        }
        let limit = settings.kill_finish_maxtime_ms.to_string().into_bytes();
        let mut argv = vec![b"s6-maximumtime".to_vec(), b"-k".to_vec(), limit];
        argv.extend(script::words(process, &file, settings.verbosity));
        if let Err(e) = script::run_words(process, argv) {
            let why = why::unable_to_exec(&file, e);
            process.warn(format_args!("unable to run {}: {why}", show(&file)));
        }
    }
    Ok(Next::Exit(0))
}

/// The scripts of a directory, in the order of their names.
///
/// Differs: what is no script that can be read (a folder such as lost+found, a file of another
/// user) is left out, with one warning.
fn scripts(process: &Process, dir: &Path, settings: &ContainerSettings) -> Vec<Word> {
    let names = entries_of_image(process, dir, settings);
    let mut files: Vec<Word> =
        names.into_iter().map(|name| [word(dir).as_slice(), b"/", &name].concat()).collect();
    files.retain(|file| {
        let why = match readable(file) {
            Ok(()) => return true,
            Err(Errno::EISDIR) => "it is no file".to_owned(),
            Err(e @ Errno::EACCES) => format!("{}: let the container's user read it", reason(e)),
            Err(e) => reason(e).to_owned(),
        };
        if settings.verbosity >= 1 {
            process.warn(format_args!("{} is skipped: {why}", show(file)));
        }
        false
    });
    files
}

/// Whether a file is one, and can be read.
fn readable(file: &[u8]) -> Result<(), Errno> {
    let kind = nix::sys::stat::stat(file)?.st_mode & nix::libc::S_IFMT;
    if kind != nix::libc::S_IFREG {
        return Err(Errno::EISDIR);
    }
    nix::unistd::access(file, AccessFlags::R_OK)
}
