//! s6-svc: sends letters to the supervisors of services, and may wait for what they do.
//! Reference: <https://skarnet.org/software/s6/s6-svc.html>.

use super::control::{self, Failure, SUPERVISE};
use super::svwait::FAILED;
use super::watch::{Goal, Watch, deadline};
use crate::format::{control as letters, signal};
use crate::sys::poll::Deadline;
use crate::tools::die::{reason, show};
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::unistd::AccessFlags;

/// The most letters that are sent at once.
const MAX_LETTERS: usize = 62;

/// `s6-svc [ -w(u|U|d|D|r|R) ] [ -T timeout ] [ -s signal | -abqhkti12pcyrlPCK ] [ -oduDUxOQ ]
/// servicedirs...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "s:abqhkti12pcyrlPCKoduDUxOQT:w:")?;
    let commands = commands(process, &options)?;
    let wanted = wanted(process, &options)?;
    let deadline = deadline(process, &options, 'T')?;
    let dirs = options.rest();
    let first = dirs.first().ok_or_else(|| process.usage())?;
    if first.is_empty() {
        return Err(process.fatal(100, "invalid service path"));
    }
    match wanted {
        None => Ok(Next::Exit(send(process, &dirs, &commands))),
        Some(letter) => {
            let goal = Goal::from_letter(without_readiness(process, first, letter)?);
            send_and_wait(process, &dirs, &commands, goal, deadline)
        }
    }
}

/// The letters to send, in the order of the options.
fn commands(process: &Process, options: &Options) -> Result<Word, Exit> {
    let mut commands = Word::new();
    for (option, value) in options.iter() {
        match option {
            's' => commands.push(letter_of(process, value)?),
            'T' | 'w' => {}
            letter => commands.push(letter as u8),
        }
    }
    if commands.len() > MAX_LETTERS {
        return Err(process.fatal(100, "too many commands"));
    }
    Ok(commands)
}

fn letter_of(process: &Process, word: &[u8]) -> Result<u8, Exit> {
    let number = signal::parse(word)
        .ok_or_else(|| process.fatal(100, format_args!("invalid signal: {}", show(word))))?;
    letters::letter_of(number).ok_or_else(|| {
        let text = "is not in the list of user-available signals";
        process.fatal(100, format_args!("{} {text}", show(word)))
    })
}

/// The letter of the state to wait for, if any.
fn wanted(process: &Process, options: &Options) -> Result<Option<char>, Exit> {
    options.parsed('w', |value| {
        let letter = value.first().map(|byte| char::from(*byte));
        let known = letter.filter(|letter| "dDuUrR".contains(*letter));
        known.ok_or_else(|| process.usage())
    })
}

/// A service that never notifies readiness must not be waited for until it does.
fn without_readiness(process: &Process, dir: &[u8], letter: char) -> Result<char, Exit> {
    if !matches!(letter, 'U' | 'R') {
        return Ok(letter);
    }
    let file = [dir, b"/notification-fd"].concat();
    match nix::unistd::access(file.as_slice(), AccessFlags::F_OK) {
        Ok(()) => Ok(letter),
        Err(Errno::ENOENT) => {
            let text = "not present - ignoring request for readiness notification";
            process.warn(format_args!("{} {text}", show(&file)));
            Ok(letter.to_ascii_lowercase())
        }
        Err(e) => Err(process.unable(format_args!("access {}", show(&file)))(e)),
    }
}

/// Listens before it sends, so that it misses nothing.
fn send_and_wait(
    process: &Process,
    dirs: &[Word],
    commands: &[u8],
    goal: Goal,
    deadline: Deadline,
) -> Result<Next, Exit> {
    let watch = Watch::begin(process, dirs)?;
    if !commands.is_empty() {
        match send(process, dirs, commands) {
            0 => {}
            // Differs: the original waits for what it could not send, until the time is over.
            code => return Ok(Next::Exit(code)),
        }
    }
    match watch.wait(process, goal, deadline)? {
        0 => Ok(Next::Exit(0)),
        failed => Err(process.fatal(failed, FAILED)),
    }
}

/// Sends the letters to one after the other. The exit code: that of the last failure.
fn send(process: &Process, dirs: &[Word], commands: &[u8]) -> u8 {
    let mut code = 0;
    for dir in dirs {
        let name = show(dir);
        let (text, failure) = match control::write(dir, SUPERVISE, commands) {
            Ok(()) => continue,
            Err(Failure::NotListening) => {
                (format!("unable to control {name}: supervisor not listening"), 102)
            }
            Err(Failure::Wrong(e)) => {
                let text = format!("something is wrong with the {name}/{SUPERVISE} directory");
                (format!("{text}: {}", reason(e)), 1)
            }
            Err(Failure::System(e)) => (format!("unable to control {name}: {}", reason(e)), 111),
        };
        process.warn(&text);
        code = failure;
    }
    code
}
