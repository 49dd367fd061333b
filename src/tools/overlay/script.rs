//! How the overlay runs the scripts of an image: one after the other, as a shell would.

use crate::sys::{process::wait, why};
use crate::tools::chain::exec_failure;
use crate::tools::die::show;
use crate::tools::{Process, Word};
use nix::errno::Errno;
use nix::sys::wait::WaitPidFlag;
use nix::unistd::Pid;

/// Runs a file and waits for it. A file without `#!` is run by the shell.
///
/// The code is that of a shell: 128 plus the signal that killed it, 126 or 127 if it could not be
/// executed (a line then says why).
pub fn run(process: &Process, file: &[u8]) -> u8 {
    match run_words(process, vec![file.to_vec()]) {
        Err(Errno::ENOEXEC) => {
            let shell = vec![b"/bin/sh".to_vec(), file.to_vec()];
            run_words(process, shell).unwrap_or_else(|e| failed(process, file, e))
        }
        other => other.unwrap_or_else(|e| failed(process, file, e)),
    }
}

/// Runs a program and waits for it; the code is that of a shell.
pub fn run_words(process: &Process, argv: Vec<Word>) -> Result<u8, Errno> {
    process.spawn(argv, || Ok(())).and_then(code)
}

fn code(child: Pid) -> Result<u8, Errno> {
    let status = wait(child.as_raw(), WaitPidFlag::empty())?.ok_or(Errno::ECHILD)?.1;
    Ok(status.code().unwrap_or_else(|| 128u8.wrapping_add(status.signal().unwrap_or(0))))
}

fn failed(process: &Process, file: &[u8], e: Errno) -> u8 {
    process.warn(format_args!("unable to exec {}: {}", show(file), why::unable_to_exec(file, e)));
    exec_failure(e)
}
