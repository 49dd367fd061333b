//! s6-ftrig-notify, s6-ftrig-wait, s6-ftrig-listen and s6-ftrig-listen1: events of any kind, in
//! directories of events. Reference: <https://skarnet.org/software/s6/s6-ftrig-notify.html>,
//! `s6-ftrig-wait.html`, `s6-ftrig-listen.html` and `s6-ftrig-listen1.html`.

use super::watch::each;
use crate::format::decimal;
use crate::sys::fifodir::{Listener, notify as notify_all};
use crate::sys::poll::Deadline;
use crate::sys::regex::Regex;
use crate::sys::signal;
use crate::tools::die::{reason, show};
use crate::tools::execline::blocks::Blocks;
use crate::tools::{Exit, Next, Options, Process, Word};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::ops::ControlFlow;

/// `s6-ftrig-notify fifodir message`
pub(super) fn notify(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let [_, dir, events, ..] = argv.as_slice() else { return Err(process.usage()) };
    signal::ignore(Signal::SIGPIPE)
        .and_then(|()| notify_all(dir, events))
        .map_err(process.unable(format_args!("notify {}", show(dir))))?;
    Ok(Next::Exit(0))
}

/// `s6-ftrig-wait [ -t timeout ] fifodir regexp`
pub(super) fn wait(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let (_, deadline, words) = options(process, argv, "t:")?;
    let [dir, pattern, ..] = words.as_slice() else { return Err(process.usage()) };
    let mut all = Subscriptions::default();
    all.add(process, dir, pattern)?;
    let text = format!("unable to match regexp on {}", show(pattern));
    match all.wait(process, deadline, false)? {
        true => all.print(process),
        false => Err(process.fatal(99, format_args!("{text}: {}", reason(Errno::ETIMEDOUT)))),
    }
}

/// `s6-ftrig-listen1 [ -t timeout ] fifodir regexp prog...`
pub(super) fn listen_to_one(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let (_, deadline, mut words) = options(process, argv, "t:")?;
    if words.len() < 3 {
        return Err(process.usage());
    }
    let program = words.split_off(2);
    let all = listen(process, &words, program, deadline, false)?;
    all.print(process)
}

/// `s6-ftrig-listen [ -a | -o ] [ -t timeout ] fifodir1 regexp1 ... "" prog...`
pub(super) fn listen_to_several(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let (options, deadline, words) = options(process, argv, "aot:")?;
    let (pairs, program) = Blocks::new(process).take(words, "fifodir+regex block")?;
    if pairs.is_empty() || pairs.len() % 2 != 0 || program.is_empty() {
        return Err(process.usage());
    }
    let any = options == Some('o');
    listen(process, &pairs, program, deadline, any)?;
    Ok(Next::Exit(0))
}

/// The last of -a and -o, the deadline of -t, and what follows the options.
fn options(
    process: &Process,
    argv: Vec<Word>,
    spec: &str,
) -> Result<(Option<char>, Deadline, Vec<Word>), Exit> {
    let long = [("and", 'a'), ("or", 'o'), ("timeout", 't')];
    let options = Options::parse_long(process, argv, spec, &long)?;
    let ms = match options.value('t') {
        None => 0,
        Some(word) => decimal::parse::<u32>(word)
            .ok_or_else(|| process.fatal(100, "timeout must be an unsigned integer"))?,
    };
    Ok((options.last_of("ao"), Deadline::after_ms(ms), options.rest()))
}

/// Subscribes to pairs of directory and pattern, starts the program, and waits.
fn listen(
    process: &Process,
    pairs: &[Word],
    program: Vec<Word>,
    deadline: Deadline,
    any: bool,
) -> Result<Subscriptions, Exit> {
    let mut all = Subscriptions::default();
    for pair in pairs.chunks_exact(2) {
        let [dir, pattern] = pair else { continue };
        all.add(process, dir, pattern)?;
    }
    let name = program.first().map(|word| show(word).to_string()).unwrap_or_default();
    process
        .spawn(program.into(), &|| Ok(()))
        .map_err(process.unable(format_args!("spawn {name}")))?;
    match all.wait(process, deadline, any)? {
        true => Ok(all),
        false => {
            let text = format!("unable to get expected event: {}", reason(Errno::ETIMEDOUT));
            Err(process.fatal(1, &text))
        }
    }
}

/// Directories with the patterns that their events are to match.
#[derive(Default)]
struct Subscriptions {
    listeners: Vec<Listener>,
    patterns: Vec<Pattern>,
}

struct Pattern {
    regex: Regex,
    events: Vec<u8>,
    matched: bool,
}

impl Subscriptions {
    fn add(&mut self, process: &Process, dir: &[u8], pattern: &[u8]) -> Result<(), Exit> {
        let subscribed = Regex::extended(pattern)
            .map_err(|bad| bad.errno())
            .and_then(|regex| Listener::subscribe(dir).map(|listener| (listener, regex)));
        let (listener, regex) = subscribed.map_err(|e| {
            let text = format!("unable to subscribe to {}", show(dir));
            process.fatal_errno(format_args!("{text} with regexp {}", show(pattern)), e)
        })?;
        self.listeners.push(listener);
        self.patterns.push(Pattern { regex, events: Vec::new(), matched: false });
        Ok(())
    }

    /// Waits for a match of all patterns, or of any. False: the deadline has passed.
    fn wait(&mut self, process: &Process, deadline: Deadline, any: bool) -> Result<bool, Exit> {
        let patterns = &mut self.patterns;
        let matched = each(&self.listeners, deadline, |place, events| {
            if let Some(pattern) = patterns.get_mut(place).filter(|pattern| !pattern.matched) {
                pattern.hear(events);
            }
            let mut matched = patterns.iter().map(|pattern| pattern.matched);
            let done = if any { matched.any(|m| m) } else { matched.all(|m| m) };
            if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        matched.map_err(process.unable("wait for events"))
    }

    /// The events that made the first pattern match, on a line.
    fn print(&self, process: &Process) -> Result<Next, Exit> {
        let mut line = self.patterns.first().map(|p| p.events.clone()).unwrap_or_default();
        line.push(b'\n');
        process.print(&line)?;
        Ok(Next::Exit(0))
    }
}

impl Pattern {
    /// Events that come together count together: it is not looked for a match among them.
    fn hear(&mut self, events: &[u8]) {
        self.events.extend_from_slice(events);
        self.matched = self.regex.is_match(&self.events);
    }
}
