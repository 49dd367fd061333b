//! execlineb: reads a script, becomes the program that it describes.
//! Reference: <https://skarnet.org/software/execline/execlineb.html>.

use crate::execline::lexer;
use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Next, Options, Process, Word};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;

/// `execlineb [ -p | -P | -S n | -s n ] [ -q | -w | -W ] [ -e ] [ -c script | file ] args...`
pub fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Next> {
    let options = Options::parse(process, argv, "pPqwWec:S:s:")?;
    let script = options.value('c').map(<[u8]>::to_vec);
    let mut arguments = options.rest().into_iter();
    let words = match script {
        Some(text) => parse(process, &text, "")?,
        None => {
            let file = arguments.next().ok_or_else(|| process.usage())?;
            let text = read(process, &file)?;
            parse(process, &text, &format!(" in file {}", show(&file)))?
        }
    };
    Ok(words.into())
}

fn read(process: &Process, file: &[u8]) -> Result<Word, Next> {
    let failed = |e| process.fatal_errno(&format!("unable to open {} for reading", show(file)), e);
    let script = open(file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed)?;
    fd::read_to_end(script.as_raw_fd()).map_err(|e| {
        process.fatal_errno(&format!("unable to parse script in file {}", show(file)), e)
    })
}

fn parse(process: &Process, text: &[u8], place: &str) -> Result<Vec<Word>, Next> {
    lexer::words(text).map_err(|e| process.fatal(100, &format!("{e}{place}")))
}
