//! How the overlay runs the scripts of an image: one after the other, as a shell would.

use crate::sys::signal::default_sigchld;
use crate::sys::{exec, process::wait, why};
use crate::tools::chain::exec_failure;
use crate::tools::die::show;
use crate::tools::{Process, Word};
use nix::errno::Errno;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

/// What runs a file that names no interpreter.
const SHELL: &[u8] = b"/bin/sh";

/// The words that run a file of the image.
///
/// Differs: a file without any executable bit is run by its interpreter, with one warning.
pub(super) fn words(process: &Process, file: &[u8], verbosity: u8) -> Vec<Word> {
    let stat = nix::sys::stat::stat(file);
    let is_plain = stat.is_ok_and(|s| {
        s.st_mode & 0o111 == 0 && s.st_mode & nix::libc::S_IFMT == nix::libc::S_IFREG
    });
    if !is_plain {
        return vec![file.to_vec()];
    }
    if verbosity >= 1 {
        let text = "has no executable bit; it is run all the same: chmod +x it";
        process.warn(format!("{} {text}", show(file)));
    }
    let (interpreter, argument) = exec::shebang(file).unwrap_or((SHELL.to_vec(), None));
    [interpreter].into_iter().chain(argument).chain([file.to_vec()]).collect()
}

/// Runs a file and waits for it. A file without `#!` is run by the shell.
///
/// The code is that of a shell: 128 plus the signal that killed it, 126 or 127 if it could not be
/// executed (a line then says why).
pub(super) fn run(process: &Process, file: &[u8], verbosity: u8) -> u8 {
    match run_words(process, words(process, file, verbosity)) {
        Err(Errno::ENOEXEC) => {
            let shell = vec![SHELL.to_vec(), file.to_vec()];
            run_words(process, shell).unwrap_or_else(|e| failed(process, file, e))
        }
        other => other.unwrap_or_else(|e| failed(process, file, e)),
    }
}

/// Runs a program and waits for it; the code is that of a shell.
pub(super) fn run_words(process: &Process, argv: Vec<Word>) -> Result<u8, Errno> {
    default_sigchld()?;
    process.spawn(argv.into(), &|| Ok(())).and_then(code)
}

fn code(child: Pid) -> Result<u8, Errno> {
    let status = wait(child.as_raw(), WaitPidFlag::empty())?.ok_or(Errno::ECHILD)?.1;
    Ok(status.code().unwrap_or_else(|| 128u8.wrapping_add(status.signal().unwrap_or(0))))
}

fn failed(process: &Process, file: &[u8], e: Errno) -> u8 {
    process.warn(format_args!("unable to exec {}: {}", show(file), why::unable_to_exec(file, e)));
    exec_failure(e)
}
