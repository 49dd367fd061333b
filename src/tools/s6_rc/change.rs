//! A change or reload, from the request to the exit code; and s6-rc-dryrun, in whose words a dry
//! run is told.

use super::conversation::{self, Heard};
use super::live::{self, Trouble};
use crate::format::request::{ChangeRequest, Outcome, Reload, Request, Say, What};
use crate::graph::Graph;
use crate::sys::fd;
use crate::sys::poll::Deadline;
use crate::tools::die::shown;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::path::Path;
use std::time::Duration;

/// What is to be done.
pub(super) enum Task {
    /// `change`, `start` and `stop`.
    Change(ChangeRequest),
    /// `reload`.
    Reload(Reload),
}

/// What a dry run knows of the live tree.
pub(super) struct DryRun<'a> {
    live: &'a Path,
    graph: Graph,
    timeout_ms: u64,
}

/// Asks PID 1 for it, tells what happens on the way, and how to exit.
pub(super) fn perform(
    process: &Process,
    live: &Path,
    task: Task,
    verbosity: u32,
) -> Result<Next, Exit> {
    let (dry_run_ms, timeout_ms) = match &task {
        Task::Change(change) => (change.dry_run_ms, change.timeout_ms),
        Task::Reload(reload) => (reload.dry_run_ms, reload.timeout_ms),
    };
    let request = match task {
        Task::Change(change) => Request::Change(change),
        Task::Reload(reload) => Request::Reload(reload),
    };
    let dry = match dry_run_ms {
        None => None,
        Some(_) => {
            let graph = live::open(&live.join("compiled"));
            let graph = graph.map_err(|e| process.fatal(e.code, &e.text))?;
            Some(DryRun { live, graph, timeout_ms })
        }
    };
    // Differs: the boot, or a change of somebody else's, that is about to end fails nobody.
    let patience = Deadline::after_ms(BUSY_MS);
    let mut outcome = converse(process, live, &request, verbosity, dry.as_ref())?;
    while outcome == Outcome::Busy && !patience.has_passed() {
        std::thread::sleep(ASK_AGAIN);
        outcome = converse(process, live, &request, verbosity, dry.as_ref())?;
    }
    match outcome {
        Outcome::Done => Ok(Next::Exit(0)),
        Outcome::Failed | Outcome::Aborted => Err(Exit(1)),
        Outcome::TimedOut => Err(process.fatal(2, "timed out")),
        Outcome::Busy => Err(process.fatal(111, "unable to take locks: Resource busy")),
    }
}

/// How long a change without -b that is under way is waited for, in ms, and how often it is asked.
const BUSY_MS: u64 = 2_000;
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Asks PID 1, and tells what it says until it is done.
pub(super) fn converse(
    process: &Process,
    live: &Path,
    request: &Request,
    verbosity: u32,
    dry: Option<&DryRun>,
) -> Result<Outcome, Exit> {
    let hear = |heard| match heard {
        Heard::Say(say) => report(process, &say, verbosity, dry),
        Heard::GivingUp(signal) => {
            if verbosity >= 2 {
                let name = signal.as_str().trim_start_matches("SIG");
                process.warn(format_args!(
                    "received {name}, aborting pending processes and exiting asap"
                ));
            }
            Ok(())
        }
    };
    conversation::converse(live, request, hear).map_err(|e| process.fatal(e.code, &e.text))
}

fn report(
    process: &Process,
    say: &Say,
    verbosity: u32,
    dry: Option<&DryRun>,
) -> Result<(), Trouble> {
    let mut prefix = "";
    if let Some(dry) = dry {
        prefix = dry_prefix(say.what);
        if let Some(command) = dry.command(say).filter(|_| verbosity > 0) {
            fd::write_all(1, format!("s6-rc-dryrun: {command}\n").as_bytes())
                .map_err(|e| Trouble::system("unable to write to stdout", e))?;
        }
    }
    if u32::from(say.level) <= verbosity {
        process.line(format_args!("{}: {prefix}{}", say.severity.word(), say.text));
    }
    Ok(())
}

/// What a dry run puts before the text.
fn dry_prefix(what: What) -> &'static str {
    match what {
        What::Starting | What::Started | What::Stopping | What::Stopped => "dry run: ",
        What::Reloading | What::Reloaded => "dry run: ",
        What::NotStarted | What::NotStopped | What::NotReloaded => "(dry run) ",
        What::Already | What::Essential | What::Other => "",
    }
}

impl DryRun<'_> {
    /// The command by which the original would do what is being told of.
    fn command(&self, say: &Say) -> Option<String> {
        let (letters, word) = match say.what {
            What::Starting => ("-uwU", "up"),
            What::Stopping => ("-dwD", "down"),
            What::Reloading | What::Reloaded => ("-l", "reload"),
            What::Started | What::Stopped | What::Already | What::Essential => return None,
            What::NotStarted | What::NotStopped | What::NotReloaded | What::Other => return None,
        };
        let id = self.graph.service(&say.service)?;
        let (live, name) = (self.live.display(), &say.service);
        if !self.graph.is_longrun(id) {
            let program = "/package/admin/s6-rc/command/s6-rc-oneshot-run";
            return Some(format!("{program} -l {live} {word} {} # {name}", id.0));
        }
        let ready = self.live.join("servicedirs").join(name).join("notification-fd").exists();
        let letters = if word == "up" && !ready { "-uwu" } else { letters };
        let timeout = self.timeout_ms(id, word == "up");
        let program = "/package/admin/s6/command/s6-svc";
        Some(format!("{program} {letters} -T {timeout} -- {live}/servicedirs/{name}"))
    }

    /// A service's own timeout, or that of the whole change if it is less.
    fn timeout_ms(&self, id: crate::graph::ServiceId, up: bool) -> u64 {
        let own = self.graph.definition(id).and_then(|definition| definition.atomic());
        let own = own.map_or(0, |a| if up { a.timeout_up_ms } else { a.timeout_down_ms });
        [u64::from(own), self.timeout_ms].into_iter().filter(|ms| *ms > 0).min().unwrap_or(0)
    }
}

/// `s6-rc-dryrun [ -v verbosity ] [ -t timeout ] prog...`: prints a command, and takes its time.
pub(super) fn dryrun(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "v:t:")?;
    let (verbosity, ms) =
        (options.number(process, 'v', 1u32)?, options.number(process, 't', 1000u32)?);
    let prog = options.rest();
    if prog.is_empty() {
        return Err(process.usage());
    }
    if verbosity > 0 {
        let _ = fd::write_all(1, format!("{}: {}\n", process.name(), shown(&prog)).as_bytes());
    }
    std::thread::sleep(Duration::from_millis(ms.into()));
    Ok(Next::Exit(0))
}
