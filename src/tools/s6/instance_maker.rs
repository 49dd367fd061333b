//! s6-instance-maker: writes a service of which instances can be made while it runs.
//! Reference: <https://skarnet.org/software/s6/s6-instance-maker.html>.

use super::generate::{LOGGER_OPTIONS, Logger, Names, SHEBANG, Service, below, make_folder};
use crate::execline::quote::quote;
use crate::sys::copy;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word, path};

/// `s6-instance-maker [ -c max ] [ -u user ] [ -r service[/logger[/pipeline]] ] [ -L logdir ]
/// [ -l loguser ] [ -t stamptype ] [ -n nfiles ] [ -s filesize ] [ -S maxsize ] [ -P prefix ]
/// template dir`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, &format!("u:L:c:r:{LOGGER_OPTIONS}"))?;
    let logger = Logger::from_options(process, &options)?;
    let log_dir = options.value('L').map(<[u8]>::to_vec);
    let user = options.value('u').unwrap_or_default().to_vec();
    let most = options.number(process, 'c', 500u32)?;
    let names = options.value('r').map(|word| Names::parse(process, word)).transpose()?;
    let words = options.rest();
    let [template, dir, ..] = words.as_slice() else { return Err(process.usage()) };
    check(process, log_dir.as_deref(), &user, names.as_ref())?;
    // Each instance may have a supervised logger of its own.
    let doubled = if log_dir.is_some() && names.is_none() { 2 } else { 1 };
    let run = script(&user, most.clamp(1, 90_000) * doubled);
    let log = log_dir.as_deref().map(|into| (&logger, into));
    let service = Service { run: &run, log, names: names.as_ref() }.write(process, dir)?;
    if names.is_none() {
        make_folder(process, &below(&service, b"instance"))?;
        make_folder(process, &below(&service, b"instances"))?;
    }
    let copied = below(&service, b"template");
    copy::hierarchy(path(template), path(&copied)).map_err(|e| {
        let text = format!("unable to copy file hierarchy from {}", show(template));
        process.fatal_errno(format_args!("{text} to {}", show(&copied)), e.errno())
    })?;
    Ok(Next::Exit(0))
}

fn check(
    process: &Process,
    log_dir: Option<&[u8]>,
    user: &[u8],
    names: Option<&Names>,
) -> Result<(), Exit> {
    let wrong = |text| Err(process.fatal(100, text));
    if log_dir.is_some_and(|dir| !dir.starts_with(b"/")) {
        return wrong("logdir must be absolute");
    }
    if user.iter().any(|byte| b" \t\n".contains(byte)) {
        return wrong("invalid user");
    }
    match names.map(|names| names.logger.is_some()) {
        Some(true) if log_dir.is_none() => {
            wrong("logger specified (-r) but logdir not specified (-L)")
        }
        Some(false) if log_dir.is_some() => {
            wrong("logdir specified (-L) but logger name not specified (-r)")
        }
        _ => Ok(()),
    }
}

fn script(user: &[u8], most: u32) -> Word {
    let mut script = format!("{SHEBANG}\nfdmove -c 2 1\n").into_bytes();
    if !user.is_empty() {
        script.extend([b"s6-setuidgid ", quote(user).as_slice(), b"\n"].concat());
    }
    script.extend(format!("s6-svscan -d3 -C{most} -- instance\n").bytes());
    script
}
