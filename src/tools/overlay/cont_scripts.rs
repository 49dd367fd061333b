//! cont-init and cont-finish: the scripts of /etc/cont-init.d at boot, of /etc/cont-finish.d at the
//! end. They are the `up` and `down` of the service legacy-cont-init.

use super::container::{entries, etc, settings, word};
use super::script;
use crate::sys::why;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};

/// `cont-init`: runs the scripts in the order of their names. One that fails stops no other, and
/// fails the service only under `S6_BEHAVIOUR_IF_STAGE2_FAILS=2`.
pub fn cont_init(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let settings = settings(process);
    let dir = etc(&settings).join("cont-init.d");
    let mut failed = false;
    for name in entries(&dir) {
        let file = [word(&dir).as_slice(), b"/", &name].concat();
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
pub fn cont_finish(process: &mut Process, _: Vec<Word>) -> Result<Next, Exit> {
    let settings = settings(process);
    let dir = etc(&settings).join("cont-finish.d");
    for name in entries(&dir) {
        let file = [word(&dir).as_slice(), b"/", &name].concat();
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
