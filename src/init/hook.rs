//! `S6_STAGE2_HOOK`: a command that may change the service tree before it is read.

use super::{Boot, Refusal};
use crate::runtime::stop_signals;
use crate::sys::spawn::{Child, Session, spawn};
use crate::sys::why::StartError;
use crate::sys::{fd, process, signal};
use crate::tools::{Word, chain};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitPidFlag;

/// A hook with any of these characters is run by a shell.
const METACHARACTERS: &[u8] = b"|&;<>()$`\\\"'*?[#~=%";

/// Splits a text at white space.
pub(super) fn split(text: &[u8]) -> Vec<Word> {
    let words = text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    words.map(<[u8]>::to_vec).collect()
}

/// Runs the hook, if there is one, and waits for its end. `Some` is the exit code of a container
/// that has to stop.
pub(super) fn run(boot: &Boot) -> Result<Option<u8>, Refusal> {
    let Some(text) = &boot.settings.stage2_hook else { return Ok(None) };
    let shown = String::from_utf8_lossy(text);
    let (code, why) = match wait(boot, text) {
        Ok(Ended::Stopped) => return Ok(Some(0)),
        Ok(Ended::Code(code)) => (code, String::new()),
        Err(e) => {
            let file = split(text).into_iter().next().unwrap_or_default();
            (e.exit_code(), format!(": unable to run it: {}", e.reason(&file)))
        }
    };
    let (severity, level) = match code {
        0 => ("info", 2),
        _ if boot.settings.if_boot_fails >= 2 => ("fatal", 0),
        _ => ("warning", 1),
    };
    if boot.settings.verbosity >= level {
        let line = format!("rc.init: {severity}: hook {shown} exited {code}{why}\n");
        fd::write_to_stderr(line.as_bytes());
    }
    Ok((severity == "fatal").then_some(code))
}

enum Ended {
    Code(u8),
    /// A stop signal came before the hook ended.
    Stopped,
}

/// Differs: the reference splits the hook into words, although its README calls it a shell command.
/// Both kinds work here: a shell runs a hook that has any of a shell's characters in it.
fn wait(boot: &Boot, text: &[u8]) -> Result<Ended, StartError> {
    let argv = match text.iter().any(|b| METACHARACTERS.contains(b)) {
        true => vec![b"/bin/sh".to_vec(), b"-c".to_vec(), text.to_vec()],
        false => split(text),
    };
    let stops: Vec<u8> = stop_signals().collect();
    let watched = signal::set(&[stops.as_slice(), &[Signal::SIGCHLD as u8]].concat());
    // The root is always there; else the hook starts where we are.
    let _ = nix::unistd::chdir("/");
    let program = chain::launch(argv, boot.env.strings())?;
    let child = Child {
        session: Session::Same,
        fds: &[(0, 0), (1, 1), (2, 2)],
        passing: &[],
        nofile: None,
        new_pid_namespace: false,
    };
    let hook = spawn(&child, program)?;
    loop {
        let number = signal::wait(&watched, None)?;
        if stops.contains(&number) {
            // It may have gone.
            let _ = process::kill(hook.as_raw(), Signal::SIGTERM as u8);
            return Ok(Ended::Stopped);
        }
        while let Ok(Some((pid, status))) = process::wait(-1, WaitPidFlag::WNOHANG) {
            if pid == hook {
                return Ok(Ended::Code(status.code().unwrap_or_else(|| status.approximation())));
            }
        }
    }
}
