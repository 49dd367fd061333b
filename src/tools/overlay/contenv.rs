//! with-contenv and printcontenv: the container's variables for what runs without them.

use super::container::{READING, environment_directory, keeps_environment, variable, word};
use crate::sys::machine::page_size;
use crate::tools::die::show;
use crate::tools::s6::envdir;
use crate::tools::{Exec, Exit, Next, Process, Word};
use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

/// `with-contenv [ options of exec ] prog...`: replaces the environment, but for PATH, by the
/// container's.
pub(super) fn with_contenv(process: &mut Process, mut argv: Vec<Word>) -> Result<Next, Exit> {
    if argv.len() < 2 {
        return Err(process.usage());
    }
    if !keeps_environment(process) {
        let directory = environment_directory(process);
        // PID 1 gives these to a service that has `notify`; the container's own are not meant.
        let given = [b"NOTIFY_SOCKET".as_slice(), b"WATCHDOG_USEC"]
            .map(|name| (name, process.env.get(name).map(<[u8]>::to_vec)));
        // Without SIXTREE_RUNDIR, what comes next would look for its container in /run.
        process.env.retain(|name, _| matches!(name, b"PATH" | b"SIXTREE_RUNDIR"));
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let opened = Dir::open(&directory, flags, Mode::empty());
        opened.and_then(|dir| envdir::apply(process, dir, READING)).map_err(|e| {
            process.fatal_errno(format_args!("unable to envdir {}", show(&word(&directory))), e)
        })?;
        for (name, value) in given {
            if let Some(value) = value {
                process.env.set(name, &value);
            }
        }
        // The kernel would refuse any program with them: secrets that are files, and are read so.
        process.env.retain(|name, value| name.len() + value.len() + 2 <= 32 * page_size());
        process.adopt_path();
        argv[0] = b"exec".to_vec();
        return Ok(Exec::own(argv).into());
    }
    Ok(argv.split_off(1).into())
}

/// `printcontenv variable`: its value and a newline. If there is no such variable it exits 2, or 1
/// where the environment is the container's own.
pub(super) fn printcontenv(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let Some(name) = argv.get(1) else { return Err(process.fatal(100, "too few arguments")) };
    // Differs: one newline; the original prints the one of the file and another one.
    let Ok(value) = variable(process, name) else {
        return Ok(Next::Exit(if keeps_environment(process) { 1 } else { 2 }));
    };
    process.print(&[value.as_slice(), b"\n"].concat())?;
    Ok(Next::Exit(0))
}
