//! `sixtree start`, `stop`, `restart` and `reload`: changes as s6-rc makes them, with what the
//! services need, or what needs them.

use super::arguments::{Argument, CommandSyntax, GivenArguments};
use super::known::{ServiceState, culprits};
use super::progress::Progress;
use super::wait::{TIMEOUT, timeout_ms};
use super::{CommandFailure, live, rolling};
use crate::format::request::{ChangeRequest, Outcome, Reload, Request, Say, What};
use crate::graph::{Direction, Graph};
use crate::sys::fd;
use crate::tools::s6::control::{self, SUPERVISE};
use crate::tools::s6_rc::conversation::{self, Heard};
use litemap::LiteMap;
use std::os::unix::ffi::OsStrExt;

const EXIT_CODES: &str = "Exits 0 when it is done, 1 if something failed, 2 when the time is over, \
                          3 if a name is unknown, 111 if no init answers.";

/// `sixtree start` and what it takes.
pub(super) const START: CommandSyntax =
    syntax("start", "Start services, and what they need").runs(start);

/// `sixtree stop` and what it takes.
pub(super) const STOP: CommandSyntax =
    syntax("stop", "Stop services, and what needs them").runs(stop);

/// `sixtree restart` and what it takes.
pub(super) const RESTART: CommandSyntax =
    CommandSyntax::new("restart", "Stop services and what needs them, and start them again")
        .notes(EXIT_CODES)
        .takes(&[ARGUMENTS, &[ROLLING]])
        .runs(restart);

const ROLLING: Argument = Argument::flag(
    "rolling",
    "One after the other, the next when the one before is ready; what needs them runs on",
);

/// `sixtree reload` and what it takes.
pub(super) const RELOAD: CommandSyntax =
    syntax("reload", "Let services read their configuration again").runs(reload);

const fn syntax(name: &'static str, about: &'static str) -> CommandSyntax {
    CommandSyntax::new(name, about).notes(EXIT_CODES).takes(&[ARGUMENTS])
}

const ARGUMENTS: &[Argument] = &[
    live::some_names_argument("Services and bundles"),
    TIMEOUT,
    Argument::flag("verbose", "Say what starts and stops").short('v'),
];

/// Starts; returns the exit code.
pub(super) fn start(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    Asking::new("start", arguments)?.start()
}

/// Stops; returns the exit code.
pub(super) fn stop(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    Asking::new("stop", arguments)?.stop()
}

/// Stops and starts; returns the exit code.
pub(super) fn restart(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let mut asking = Asking::new("restart", arguments)?;
    if arguments.get_flag("rolling") {
        return rolling::restart(arguments);
    }
    let graph = live::open_tree()?;
    let up = conversation::states(&live::directory())?.into_iter().filter(|s| s.up);
    let again = again(&asking.names, &graph, up.map(|s| s.name).collect());
    match asking.stop()? {
        0 => {
            asking.names.extend(again);
            asking.start()
        }
        code => Ok(code),
    }
}

/// Reloads; returns the exit code.
pub(super) fn reload(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let asking = Asking::new("reload", arguments)?;
    let (names, timeout_ms) = (asking.names.clone(), asking.timeout_ms);
    let reload = Reload { names, timeout_ms, wait: true, dry_run_ms: None };
    asking.ask(&Request::Reload(reload))
}

/// Of what is up, what stops with the services named.
fn again(names: &[String], graph: &Graph, mut up: Vec<String>) -> Vec<String> {
    up.sort_unstable();
    let named: Vec<_> = names.iter().filter_map(|name| graph.find(name)).flatten().collect();
    let closure = graph.closure(&named, Direction::Down);
    let stopped = closure.into_iter().map(|id| graph.name(id).to_owned());
    stopped.filter(|name| up.binary_search(name).is_ok()).collect()
}

/// What is asked for, by which subcommand.
pub(super) struct Asking {
    subcommand: &'static str,
    names: Vec<String>,
    timeout_ms: u64,
    verbose: bool,
}

impl Asking {
    /// Unknown names are refused, with a better one if there is one.
    pub(super) fn new(
        subcommand: &'static str,
        arguments: &GivenArguments,
    ) -> Result<Self, CommandFailure> {
        let names = live::names(arguments);
        let tree = live::open_tree()?;
        if live::resolve(&names, &[], &tree).is_err() {
            // PID 1 knows what to do about what is off.
            let mut off = live::all()?;
            off.retain(|known| known.state() == ServiceState::Off);
            live::resolve(&names, &off, &tree)?;
        }
        let (timeout_ms, verbose) = (timeout_ms(arguments), arguments.get_flag("verbose"));
        Ok(Self { subcommand, names, timeout_ms, verbose })
    }

    /// The same of others.
    pub(super) fn of(&self, names: Vec<String>) -> Self {
        let Self { subcommand, timeout_ms, verbose, .. } = *self;
        Self { subcommand, names, timeout_ms, verbose }
    }

    pub(super) fn start(&self) -> Result<i32, CommandFailure> {
        let code = self.ask(&Request::Change(self.change(false)))?;
        if code == 0 {
            self.wake()?;
        } else {
            for line in culprits(&live::select(&self.names)?, true) {
                self.say(&line);
            }
        }
        Ok(code)
    }

    /// Starts what is up to s6-rc and has no process: it rests, or waits for its next start.
    fn wake(&self) -> Result<(), CommandFailure> {
        for known in live::select(&self.names)?.iter().filter(|known| known.is_idle()) {
            let directory = live::run_directory().join("service").join(&known.name);
            if control::write(directory.as_os_str().as_bytes(), SUPERVISE, b"u").is_err() {
                self.say(&format!("the supervisor of {} does not listen", known.name));
            }
        }
        Ok(())
    }

    pub(super) fn stop(&self) -> Result<i32, CommandFailure> {
        self.ask(&Request::Change(self.change(true)))
    }

    fn change(&self, down: bool) -> ChangeRequest {
        let (names, timeout_ms) = (self.names.clone(), self.timeout_ms);
        ChangeRequest { names, down, timeout_ms, wait: true, ..ChangeRequest::default() }
    }

    /// Asks PID 1, shows what is on its way, and tells how to exit.
    fn ask(&self, request: &Request) -> Result<i32, CommandFailure> {
        let (mut progress, mut moving) = (Progress::new(), Moving::default());
        let outcome = conversation::converse(&live::directory(), request, |heard| {
            if let Heard::Say(say) = heard {
                moving.hear(&say);
                if say.level <= 1 + u8::from(self.verbose) {
                    progress.clear();
                    self.say(&format!("{}: {}", say.severity.word(), say.text));
                }
                progress.show(moving.verb, moving.names.keys().map(String::as_str));
            }
            Ok(())
        })?;
        drop(progress);
        let (code, why) = match outcome {
            Outcome::Done => return Ok(0),
            Outcome::Failed => (1, "not all of it could be done"),
            Outcome::Aborted => (1, "aborted"),
            Outcome::TimedOut => (2, "timed out"),
            Outcome::Busy => (111, "another change is under way"),
        };
        self.say(why);
        Ok(code)
    }

    fn say(&self, text: &str) {
        let line = format!("sixtree {}: {text}\n", self.subcommand);
        fd::write_to_stderr(line.as_bytes());
    }
}

/// What is on its way.
#[derive(Default)]
struct Moving {
    verb: &'static str,
    names: LiteMap<String, ()>,
}

impl Moving {
    fn hear(&mut self, say: &Say) {
        let verb = match say.what {
            What::Starting => Some("starting"),
            What::Stopping => Some("stopping"),
            What::Reloading => Some("reloading"),
            What::Started | What::NotStarted | What::Stopped | What::NotStopped => None,
            What::Reloaded | What::NotReloaded => None,
            What::Already | What::Essential | What::Other => return,
        };
        match verb {
            Some(verb) => {
                self.verb = verb;
                self.names.insert(say.service.clone(), ());
            }
            None => drop(self.names.remove(&say.service)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Atomic, Definition, Kind, Longrun, Reference};

    #[test]
    fn what_stops_with_a_service_starts_again_with_it() {
        let longrun = |name: &str, needs: &[&str]| {
            let dependencies = needs.iter().map(|name| Reference::to(name)).collect();
            let atomic = Atomic { dependencies, ..Atomic::default() };
            Definition::new(name, Kind::Longrun(Longrun { atomic, ..Longrun::default() }))
        };
        let all = vec![longrun("a", &[]), longrun("b", &["a"]), longrun("c", &["b"])];
        let graph = Graph::new(all).unwrap();
        let up = || ["b", "a"].map(str::to_owned).to_vec();
        assert_eq!(again(&["a".to_owned()], &graph, up()), ["a", "b"]);
        assert_eq!(again(&["c".to_owned()], &graph, up()), [""; 0]);
    }
}
