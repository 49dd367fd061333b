//! s6-mkdir and s6-mkfifo: make directories and FIFOs.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-mkdir.html> and `s6-mkfifo.html`.

use crate::tools::die::{leading_octal, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{mkdir, mkfifo};

/// `s6-mkdir [ -p ] [ -v ] [ -m mode ] dir...`: goes on after a failure.
pub(super) fn s6_mkdir(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "pvm:")?;
    let (parents, verbose) = (options.has('p'), options.has('v'));
    let mut mode = 0o777;
    let parse = |word: &[u8]| leading_octal(word).ok_or_else(|| process.usage());
    if let Some(asked) = options.parsed('m', parse)? {
        mode = asked;
        umask(Mode::empty());
    }
    let maker = Maker { process, mode: Mode::from_bits_truncate(mode), parents, verbose };
    let failed = options.rest().iter().filter(|folder| maker.make(folder).is_err()).count();
    Ok(Next::Exit(if failed > 0 { 111 } else { 0 }))
}

struct Maker<'a> {
    process: &'a Process,
    mode: Mode,
    parents: bool,
    verbose: bool,
}

impl Maker<'_> {
    /// Makes a directory, after those above it if so.
    fn make(&self, folder: &[u8]) -> Result<(), Errno> {
        let slashes = folder.iter().enumerate().skip(1).filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes.take_while(|_| self.parents) {
            self.make_one(&folder[..at])?;
        }
        self.make_one(folder)
    }

    fn make_one(&self, folder: &[u8]) -> Result<(), Errno> {
        match mkdir(folder, self.mode) {
            Ok(()) if self.verbose => {
                self.process.line(format_args!("created directory {}", show(folder)));
            }
            Ok(()) => {}
            Err(Errno::EEXIST) if self.parents => {}
            Err(e) => {
                self.process.warn_errno(format_args!("unable to mkdir {}", show(folder)), e);
                return Err(e);
            }
        }
        Ok(())
    }
}

/// `s6-mkfifo [ -m mode ] fifo...`: nothing but the execute bits is masked.
pub(super) fn s6_mkfifo(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "m:")?;
    let mode = options.octal(process, 'm', 0o666)?;
    let fifos = options.rest();
    if fifos.is_empty() {
        return Err(process.usage());
    }
    umask(Mode::S_IXUSR | Mode::S_IXGRP | Mode::S_IXOTH);
    for fifo in &fifos {
        mkfifo(fifo.as_slice(), Mode::from_bits_truncate(mode))
            .map_err(process.unable(format_args!("mkfifo {}", show(fifo))))?;
    }
    Ok(Next::Exit(0))
}
