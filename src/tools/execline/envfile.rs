//! envfile: sets the variables that a file names.
//! Reference: <https://skarnet.org/software/execline/envfile.html>.

use crate::execline::envfile::variables;
use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;

/// `envfile [ -i | -I ] file prog...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "iI")?;
    let may_be_missing = options.last_of("iI") == Some('I');
    let ([file], program) = process.operands(options.rest())?;
    let (name, text) = if file == b"-" {
        let text = fd::read_to_end(0).map_err(process.unable("read from standard input"))?;
        fd::close(0);
        ("standard input".to_owned(), text)
    } else {
        (show(&file).to_string(), read(process, &file, may_be_missing)?)
    };
    let found = variables(&text).map_err(|bad| {
        process.fatal(1, format_args!("in {name}: syntax error line {}", bad.line))
    })?;
    for (name, value) in found {
        process.env.set(&name, &value);
    }
    Ok(program.into())
}

fn read(process: &Process, file: &[u8], may_be_missing: bool) -> Result<Word, Exit> {
    match open(file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()) {
        Ok(open) => {
            let failed = process.unable(format!("read from {}", show(file)));
            fd::read_to_end(open.as_raw_fd()).map_err(failed)
        }
        Err(Errno::ENOENT) if may_be_missing => Ok(Word::new()),
        Err(e) => Err(process.unable(format_args!("open {}", show(file)))(e)),
    }
}
