//! execlineb: reads a script, becomes the program that it describes.
//! Reference: <https://skarnet.org/software/execline/execlineb.html>.

use super::frames;
use crate::execline::lexer;
use crate::execline::substitute::Definitions;
use crate::format::decimal;
use crate::sys::fd;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use litemap::LiteMap;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::os::fd::AsRawFd;

/// What becomes of the script's arguments.
enum Arguments {
    /// They are exported, those of the script before are set aside.
    Push,
    /// They are exported.
    Export,
    /// Nothing.
    Ignore,
    /// They are substituted, `least` of them at any rate; `$@` begins after those if `shift`.
    Substitute { least: u32, shift: bool },
}

/// `execlineb [ -p | -P | -S n | -s n ] [ -q | -w | -W ] [ -e ] [ -c script | file ] args...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let started_as = argv.first().cloned().unwrap_or_default();
    let options = Options::parse(process, argv, "pPqwWec:S:s:")?;
    let to_do = arguments_option(process, &options)?;
    let strict = options.last_of("qwW");

    let script = options.value('c').map(<[u8]>::to_vec);
    let mut arguments = options.rest();
    let (name, (mut words, rest)) = match script {
        Some(text) => (started_as, parse(process, &text, "")?),
        None if arguments.is_empty() => return Err(process.usage()),
        None => {
            let file = arguments.remove(0);
            let text = read(process, &file)?;
            let words = parse(process, &text, &format!(" in file {}", show(&file)))?;
            (file, words)
        }
    };
    if words.is_empty() {
        return Ok(Next::Exit(0));
    }
    let strictness = strictness(process, strict);
    match to_do {
        Arguments::Push => {
            frames::push(&mut process.env, frames::POSITIONALS);
            export(process, &name, &arguments);
        }
        Arguments::Export => export(process, &name, &arguments),
        Arguments::Ignore => {}
        Arguments::Substitute { least, shift } => {
            check_number(process, strictness, least, arguments.len())?;
            // To the reference's substitution a word that never ended is one.
            words.extend(Some(rest).filter(|rest| !rest.is_empty()));
            return Ok(definitions(name, &arguments, least, shift).substitute(&words).into());
        }
    }
    Ok(words.into())
}

/// The last of the options that say what becomes of the arguments. All numbers are checked.
fn arguments_option(process: &Process, options: &Options) -> Result<Arguments, Exit> {
    let mut arguments = Arguments::Push;
    for (letter, value) in options.iter() {
        match letter {
            'p' => arguments = Arguments::Export,
            'P' => arguments = Arguments::Ignore,
            's' | 'S' => {
                let least = process.number(value)?;
                arguments = Arguments::Substitute { least, shift: letter == 's' };
            }
            _ => {}
        }
    }
    Ok(arguments)
}

fn read(process: &Process, file: &[u8]) -> Result<Word, Exit> {
    let failed =
        |e| process.fatal_errno(format_args!("unable to open {} for reading", show(file)), e);
    let script = open(file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed)?;
    fd::read_to_end(script.as_raw_fd()).map_err(|e| {
        process.fatal_errno(format_args!("unable to parse script in file {}", show(file)), e)
    })
}

/// The words, and what is left of one that never ended.
fn parse(process: &Process, text: &[u8], place: &str) -> Result<(Vec<Word>, Word), Exit> {
    lexer::words_and_rest(text).map_err(|e| process.fatal(100, format_args!("{e}{place}")))
}

/// Exports how strict programs shall be, if an option says so. `None`: nobody says.
fn strictness(process: &mut Process, option: Option<char>) -> Option<u64> {
    let level = match option {
        Some('q') => 0,
        Some('w') => 1,
        Some(_) => 2,
        None => {
            let inherited = process.env.get(b"EXECLINE_STRICT")?;
            let level = decimal::parse(inherited);
            if level.is_none() {
                process.warn("invalid EXECLINE_STRICT value, unsetting it");
                process.env.unset(b"EXECLINE_STRICT");
            }
            return level;
        }
    };
    match level {
        0 => process.env.unset(b"EXECLINE_STRICT"),
        _ => process.env.set(b"EXECLINE_STRICT", level.to_string().as_bytes()),
    }
    Some(level)
}

/// Complains if there are too few arguments.
fn check_number(
    process: &Process,
    strictness: Option<u64>,
    least: u32,
    got: usize,
) -> Result<(), Exit> {
    if got >= least as usize {
        return Ok(());
    }
    let text = format!("too few arguments: expecting at least {least} but got {got}");
    match strictness {
        Some(0) => {}
        None | Some(1) => process.warn(&text),
        Some(_) => return Err(process.fatal(100, &text)),
    }
    Ok(())
}

fn export(process: &mut Process, name: &[u8], arguments: &[Word]) {
    process.env.set(b"#", arguments.len().to_string().as_bytes());
    process.env.set(b"0", name);
    for (number, argument) in (1..).zip(arguments) {
        process.env.set(u32::to_string(&number).as_bytes(), argument);
    }
}

/// What `$#`, `$0`, `$1`… and `$@` stand for.
fn definitions(name: Word, arguments: &[Word], least: u32, shift: bool) -> Definitions {
    let first = if shift { least as usize } else { 0 };
    let whole = [
        (b"#".to_vec(), vec![arguments.len().to_string().into_bytes()]),
        (b"0".to_vec(), vec![name]),
        (b"@".to_vec(), arguments.get(first..).unwrap_or_default().to_vec()),
    ];
    let each = (0..arguments.len().max(least as usize)).map(|at| {
        let argument = arguments.get(at).cloned().unwrap_or_default();
        ((at + 1).to_string().into_bytes(), vec![argument])
    });
    whole.into_iter().chain(each).collect::<LiteMap<_, _>>().into()
}
