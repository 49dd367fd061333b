//! What archives go through: a program that reads the old file, and writes the new one.

use super::script::Processor;
use crate::execline::lexer;
use crate::sys::{fd, spawn};
use crate::tools::{Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, chdir};
use std::os::fd::RawFd;

/// Starts the processor in its logging directory: `previous` is its stdin and `processed` its
/// stdout, `state` is its descriptor 4 and `newstate` its descriptor 5.
pub(super) fn start(process: &Process, processor: &Processor, dir: &[u8]) -> Result<Pid, Errno> {
    let setup = || {
        chdir(dir)?;
        let new = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        place(0, b"previous", OFlag::O_RDONLY)?;
        place(1, b"processed", new)?;
        place(4, b"state", OFlag::O_RDONLY | OFlag::O_CREAT)?;
        place(5, b"newstate", new)?;
        spawn::restore_signals()
    };
    process.spawn(words(processor)?.into(), &setup)
}

/// The descriptors that a processor gets, and that must not be anything else here.
pub(super) const DESCRIPTORS: [RawFd; 2] = [4, 5];

fn place(number: RawFd, file: &[u8], flags: OFlag) -> Result<(), Errno> {
    fd::place(number, open(file, flags, Mode::from_bits_truncate(0o666))?)
}

fn words(processor: &Processor) -> Result<Vec<Word>, Errno> {
    match processor {
        Processor::Execline(line) => lexer::words(line).map_err(|_| Errno::EINVAL),
        Processor::Shell(line) => Ok(vec![b"/bin/sh".to_vec(), b"-c".to_vec(), line.clone()]),
    }
}
