//! s6-rc-update and s6-rc-format-upgrade: another database becomes the live one.
//! Reference: their pages.

use super::adjust::{Adjustment, Conversion, Impossible, adjust};
use super::change::{self, Task, converse};
use super::conversation::states;
use super::live;
use crate::execline::lexer;
use crate::format::decimal;
use crate::format::request::{ChangeRequest, Outcome, Request, Update};
use crate::graph::{Graph, ServiceId};
use crate::sys::poll::Deadline;
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word, path};
use litemap::LiteMap;
use std::path::{Path, PathBuf};

const LONG: &[(&str, char)] = &[
    ("dry-run", 'n'),
    ("block", 'b'),
    ("no-force-essentials", 'E'),
    ("force-essentials", 'e'),
    ("verbosity", 'v'),
    ("timeout", 't'),
    ("livedir", 'l'),
    ("conversion-file", 'f'),
];

/// How to switch, in the words of the options.
struct Switch<'a> {
    process: &'a Process,
    live: PathBuf,
    database: PathBuf,
    verbosity: u32,
    timeout_ms: u32,
    deadline: Deadline,
    dry_run: bool,
    essential: bool,
    wait: bool,
}

/// `s6-rc-update [ -n ] [ -v verbosity ] [ -t timeout ] [ -l live ] [ -f conversion_file ] [ -b ]
/// [ -E | -e ] newdb`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "nbEev:t:l:f:", LONG)?;
    let conversions = options.value('f').map(<[u8]>::to_vec);
    let switch = Switch::parse(process, options)?;
    let old = open(process, &switch.live.join("compiled"))?;
    let new = open(process, &switch.database)?;
    switch.info(2, "computing state adjustments");
    let conversions = match conversions {
        Some(file) => read_conversions(process, &file, &old, &switch.live)?,
        None => LiteMap::new(),
    };
    let states = states(&switch.live).map_err(|e| process.fatal(e.code, &e.text))?;
    let up = states.iter().filter(|s| s.up).filter_map(|s| old.service(&s.name)).collect();
    let adjustment = adjust(&old, &up, &conversions, &new).map_err(|e| {
        let code = if matches!(e, Impossible::Undefined(_)) { 4 } else { 6 };
        process.fatal(code, e)
    })?;
    switch.perform(adjustment)
}

/// `s6-rc-format-upgrade [ -v verbosity ] [ -t timeout ] [ -l live ] [ -b ] newdb`: the same
/// services in another format, none of which stops.
pub(super) fn format_upgrade(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse_long(process, argv, "bv:t:l:", LONG)?;
    let switch = Switch::parse(process, options)?;
    let old = open(process, &switch.live.join("compiled"))?;
    let new = open(process, &switch.database)?;
    if !old.names().eq(new.names()) {
        let text = format!("{} holds other services: use s6-rc-update", switch.database.display());
        return Err(process.fatal(4, &text));
    }
    switch.perform(Adjustment::default())
}

impl<'a> Switch<'a> {
    fn parse(process: &'a Process, options: Options) -> Result<Self, Exit> {
        let value = |letter, name: &str, default| match options.value(letter) {
            None => Ok(default),
            Some(word) => decimal::parse::<u32>(word).ok_or_else(|| {
                process.fatal(100, format_args!("{name} must be an unsigned integer"))
            }),
        };
        let timeout_ms = value('t', "timeout", 0)?;
        let verbosity = value('v', "verbosity", 1)?;
        let live = live::directory(process, &options);
        let (dry_run, wait) = (options.has('n'), options.has('b'));
        let essential = options.last_of("Ee") == Some('e');
        let database = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
        let database = path(&database).to_owned();
        for path in [&live, &database] {
            if !path.is_absolute() {
                let text = format!("{} is not an absolute path", path.display());
                return Err(process.fatal(100, &text));
            }
        }
        let deadline = Deadline::after_ms(timeout_ms);
        let switch = Self {
            process,
            live,
            database,
            verbosity,
            timeout_ms,
            deadline,
            dry_run,
            essential,
            wait,
        };
        Ok(switch)
    }

    /// Stops, switches and starts.
    fn perform(&self, adjustment: Adjustment) -> Result<Next, Exit> {
        let Adjustment { stop, start, renamed } = adjustment;
        if self.dry_run {
            self.show("-d", &stop)?;
            self.show("-u", &start)?;
            return Ok(Next::Exit(0));
        }
        if !stop.is_empty() {
            self.info(2, "stopping services in the old database");
            let down = ChangeRequest { names: stop, down: true, ..self.change() };
            match self.ask(&Request::Change(down))? {
                Outcome::Done => {}
                Outcome::Failed | Outcome::Aborted => return Err(self.stop_failed(9)),
                Outcome::TimedOut => return Err(self.stop_failed(10)),
                Outcome::Busy => return Err(self.busy()),
            }
        }
        self.info(2, "updating state and service directories");
        let database = self.database.display().to_string();
        let update = Request::Update(Update { database, renamed });
        let mut outcome = self.ask(&update)?;
        while outcome == Outcome::Busy && self.wait && !self.deadline.has_passed() {
            // A change of nothing, for which PID 1 says when its turn comes, or that it never will:
            // this may be a script that the change under way waits for.
            let turn = Request::Change(self.change());
            outcome = match self.ask(&turn)? {
                Outcome::Done => self.ask(&update)?,
                over => over,
            };
        }
        match outcome {
            Outcome::Done => self.info(2, "successfully switched to new database"),
            Outcome::Busy => return Err(self.busy()),
            Outcome::Failed | Outcome::Aborted | Outcome::TimedOut => return Err(Exit(111)),
        }
        if start.is_empty() {
            return Ok(Next::Exit(0));
        }
        self.info(2, "starting services in the new database");
        let up = Task::Change(ChangeRequest { names: start, ..self.change() });
        change::perform(self.process, &self.live, up, self.verbosity)
    }

    /// What both changes have in common. The second one gets what is left of the time.
    fn change(&self) -> ChangeRequest {
        let left = match self.timeout_ms {
            0 => 0,
            _ => self.deadline.timeout().as_millis().map_or(0, |ms| u64::from(ms).max(1)),
        };
        ChangeRequest {
            essential: self.essential,
            timeout_ms: left,
            wait: self.wait,
            ..ChangeRequest::default()
        }
    }

    fn ask(&self, request: &Request) -> Result<Outcome, Exit> {
        converse(self.process, &self.live, request, self.verbosity, None)
    }

    /// Prints the command by which the original would do it.
    fn show(&self, direction: &str, names: &[String]) -> Result<(), Exit> {
        let direction = if self.essential && direction == "-d" { "-D" } else { direction };
        let (verbosity, live) = (self.verbosity, self.live.display());
        let line = format!(
            "s6-rc-dryrun: /package/admin/s6-rc/command/s6-rc -v {verbosity} -t {} -l {live} \
             {direction} -- change {}\n",
            self.timeout_ms,
            names.join(" ")
        );
        if verbosity > 0 && !names.is_empty() {
            self.process.print(line.as_bytes())
        } else {
            Ok(())
        }
    }

    fn info(&self, level: u32, text: &str) {
        if self.verbosity >= level {
            self.process.info(text);
        }
    }
    fn stop_failed(&self, code: u8) -> Exit {
        self.process.fatal(code, "unable to stop what has to stop first; nothing was switched")
    }
    fn busy(&self) -> Exit {
        let live = self.live.display();
        self.process.fatal(111, format_args!("unable to take lock on {live}: Resource busy"))
    }
}

fn open(process: &Process, compiled: &Path) -> Result<Graph, Exit> {
    live::open(compiled).map_err(|e| process.fatal(e.code, &e.text))
}

/// Reads a conversion file: execline words, a line each.
fn read_conversions(
    process: &Process,
    file: &[u8],
    old: &Graph,
    live: &Path,
) -> Result<LiteMap<ServiceId, Conversion>, Exit> {
    let text = std::fs::read(path(file)).map_err(|e| {
        process.fatal_errno(format_args!("unable to open {}", show(file)), errno(&e))
    })?;
    let mut conversions = LiteMap::new();
    for line in text.split(|&b| b == b'\n') {
        let words = lexer::words(line).map_err(|e| {
            process.fatal(100, format_args!("syntax error in conversion file: {e}"))
        })?;
        let Some((name, rest)) = words.split_first() else { continue };
        let id = old_service(process, &show(name).to_string(), old, live)?;
        let conversion = conversion(process, rest)?;
        if conversions.insert(id, conversion).is_some() {
            let name = show(name);
            let text = format!("service {name} appears more than once in conversion file");
            return Err(process.fatal(6, &text));
        }
    }
    Ok(conversions)
}

fn old_service(process: &Process, name: &str, old: &Graph, live: &Path) -> Result<ServiceId, Exit> {
    let compiled = live.join("compiled");
    let compiled = compiled.display();
    if old.bundle(name).is_some() {
        let text = format!("identifier {name} does not represent an atomic service in {compiled}");
        return Err(process.fatal(5, &text));
    }
    let unknown = format!("unknown identifier in {compiled}/resolve.cdb: {name}");
    old.service(name).ok_or_else(|| process.fatal(3, &unknown))
}

fn conversion(process: &Process, words: &[Word]) -> Result<Conversion, Exit> {
    let (new, rest) = match words {
        [arrow, new, rest @ ..] if arrow == b"->" => (Some(show(new).to_string()), rest),
        rest => (None, rest),
    };
    if let Some(word) = rest.iter().find(|word| *word != b"restart") {
        let text = format!("unknown keyword in conversion file: {}", show(word));
        return Err(process.fatal(100, &text));
    }
    Ok(Conversion { new, restart: !rest.is_empty() })
}
