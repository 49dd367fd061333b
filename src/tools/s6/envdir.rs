//! s6-envdir: sets variables from the files of a directory, then becomes a program.
//! Reference: <https://skarnet.org/software/s6/s6-envdir.html>.

use crate::format::envdir::{Reading, is_variable};
use crate::sys::file;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

/// A variable's name, and its value; `None` unsets it.
pub type Change = (Word, Option<Word>);

/// `s6-envdir [ -I | -i ] [ -n ] [ -f ] [ -L ] [ -c nullis ] dir prog...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "IinfLc:")?;
    let reading = Reading {
        whole: options.has('f'),
        chomp: !options.has('n'),
        clamp: !options.has('L'),
        nul: options.value('c').map_or(b'\n', |c| c.first().copied().unwrap_or(0)),
    };
    let loose = options.last_of("Ii") == Some('I');
    let mut words = options.rest().into_iter();
    let dir = words.next().filter(|_| words.len() > 0).ok_or_else(|| process.usage())?;
    match open(
        dir.as_slice(),
        OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
        Mode::empty(),
    ) {
        Err(Errno::ENOENT) if loose => {}
        // No variable can hold a NUL.
        _ if reading.nul == 0 => {
            let text = format!("unable to envdir {}", show(&dir));
            return Err(process.fatal_errno(text, Errno::EINVAL));
        }
        opened => opened
            .and_then(|opened| apply(process, Dir::from_fd(opened)?, reading))
            .map_err(|e| process.fatal_errno(format_args!("unable to envdir {}", show(&dir)), e))?,
    }
    Ok(words.collect::<Vec<_>>().into())
}

/// Sets and unsets what the files of a directory say.
pub fn apply(process: &mut Process, dir: Dir, reading: Reading) -> Result<(), Errno> {
    process.env.apply(read(dir, reading)?);
    Ok(())
}

/// Reads a directory of variables. One that cannot be read is an error: better no program than one
/// with half an environment. Of a FIFO or a device, only what is there at once is read.
pub fn read(mut dir: Dir, reading: Reading) -> Result<Vec<Change>, Errno> {
    let entries = dir.iter().map(|entry| entry.map(|e| e.file_name().to_owned()));
    let names = entries.collect::<Result<Vec<_>, Errno>>()?;
    let variables = names.into_iter().filter(|name| is_variable(name.to_bytes()));
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let change = |name: std::ffi::CString| {
        let content = file::content(&openat(&dir, name.as_c_str(), flags, Mode::empty())?)?;
        Ok((name.into_bytes(), reading.value(&content)))
    };
    variables.map(change).collect()
}
