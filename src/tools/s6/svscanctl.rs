//! s6-svscanctl: sends letters to the supervisor of a scan directory.
//! Reference: <https://skarnet.org/software/s6/s6-svscanctl.html>.

use super::control::{self, Failure, SVSCAN};
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word};

/// The most letters that are sent at once.
const MAX_LETTERS: usize = 64;

/// `s6-svscanctl [ -zabhitqnN ] scandir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "zabhitqnN")?;
    let letters: Word = options.iter().map(|(letter, _)| letter as u8).collect();
    if letters.len() > MAX_LETTERS {
        return Err(process.fatal(100, "too many commands"));
    }
    let rest = options.rest();
    let dir = rest.first().ok_or_else(|| process.usage())?;
    let name = show(dir);
    match control::write(dir, SVSCAN, &letters) {
        Ok(()) => Ok(Next::Exit(0)),
        Err(Failure::NotListening) => {
            let text = format!("unable to control {name}: supervisor not listening");
            Err(process.fatal(100, &text))
        }
        Err(Failure::Wrong(e)) => {
            let text = format!("something is wrong with the {name}/{SVSCAN} directory");
            Err(process.fatal(100, format_args!("{text}: {}", reason(e))))
        }
        Err(Failure::System(e)) => Err(process.unable(format_args!("control {name}"))(e)),
    }
}
