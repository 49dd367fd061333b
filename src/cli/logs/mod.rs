//! `sixtree logs`: what PID 1 remembers, what is kept of services (`SIXTREE_LOG`), and what the
//! loggers of pipelines and the catch-all logger have written, in the order of time.

mod directory;
mod journal;
mod kept;
mod line;

use super::arguments::{Argument, CommandSyntax, GivenArguments, ValueKind};
use super::known::Known;
use super::terminal::{self, visible};
use super::{CommandFailure, live, print};
use crate::format::decimal;
use crate::graph::{Graph, ServiceId};
use crate::sys::clock;
use directory::LogDirectory;
use journal::JournalReader;
use kept::KeptReader;
use line::LogLine;
use litemap::LiteMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often `--follow` looks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Under which name the catch-all log is shown, if no service has it.
const CATCH_ALL: &str = "container";
/// Under which name what PID 1 remembers is shown, if no service has it.
const INIT: &str = "init";
/// Under which name the CMD is shown, if no service has it.
const CMD: &str = "cmd";
/// What to do where nothing is kept of a service.
const KEEP: &str = "start the container with SIXTREE_LOG=prefix, and what services say is kept";

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("logs", "Show what PID 1 did, and what services said, in the order of time")
        .notes(
            "Of every service, and of the CMD (cmd), the last of what it said is kept where \
             SIXTREE_LOG is prefix, json or none, or its file log says so. Besides there is what \
             loggers write: those of pipelines, of services in /etc/services.d, and the catch-all \
             logger (S6_LOGGING), which is called container. What PID 1 said and did, whatever \
             S6_VERBOSITY is, is called init. TIME is a span such as 90s, 10m, 2h or 1d, or the \
             beginning of a time as it is shown. Exits 1 if there is no log to show, 3 if a name \
             is unknown, 111 if no init answers.",
        )
        .takes(&[&[
            live::names_argument("Only the logs of these services and bundles [default: all]"),
            Argument::flag("follow", "Go on with what is written from now on").short('f'),
            Argument::flag("json", "Print an object a line, as SIXTREE_LOG=json does"),
            Argument::option("since", "TIME", "Leave out what is older than that"),
            Argument::option("lines", "N", "Begin with the last N lines")
                .short('n')
                .kind(ValueKind::Number(0, u32::MAX as u64))
                .default("100"),
        ]])
        .runs(run);

/// A log, and what it is called.
struct NamedLog {
    name: String,
    log: LogReader,
}

/// Where the lines of a log come from.
enum LogReader {
    Directory(LogDirectory),
    Journal(JournalReader),
    Kept(KeptReader),
}

impl LogReader {
    fn last(&mut self, most: usize) -> Vec<LogLine> {
        match self {
            Self::Directory(directory) => directory.last(most),
            Self::Journal(journal) => journal.fresh(),
            Self::Kept(kept) => kept.last(most),
        }
    }

    fn fresh(&mut self) -> Vec<LogLine> {
        match self {
            Self::Directory(directory) => directory.fresh(),
            Self::Journal(journal) => journal.fresh(),
            Self::Kept(kept) => kept.fresh(),
        }
    }
}

/// Shows them; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let names = live::names(arguments);
    let follow = arguments.get_flag("follow");
    let since = since(arguments.text("since"))?;
    let mut sources = sources(&names, follow)?;
    if sources.is_empty() {
        let whose = if names.is_empty() { "the services".to_owned() } else { names.join(", ") };
        let text = format!("no logger writes what {whose} say: {KEEP}");
        return Err(CommandFailure { code: 1, text });
    }
    let most = arguments.number("lines").map_or(0, |n| n as usize);
    let mut width = sources.iter().map(|source| source.name.chars().count()).max().unwrap_or(0);
    let mut lines = collect(&mut sources, |log| log.last(most));
    lines.retain(|(_, line)| line.stamp >= since);
    lines.drain(..lines.len().saturating_sub(most));
    loop {
        width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0).max(width);
        let shown = |(name, line): &(String, LogLine)| match arguments.get_flag("json") {
            true => line.json(name, name == INIT),
            false => line.shown(name, width),
        };
        let text: String = lines.iter().map(shown).collect();
        // A program must not control the terminal by what it writes to its log.
        let text = if terminal::is_terminal() { visible(&text) } else { text.into() };
        match print(&text) {
            0 if follow => {}
            code => return Ok(code),
        }
        wait(&sources);
        lines = collect(&mut sources, LogReader::fresh);
    }
}

/// Waits until it is time to look again.
fn wait(sources: &[NamedLog]) {
    let begun = Instant::now();
    let has_news = sources.iter().any(|source| match &source.log {
        LogReader::Kept(kept) => kept.has_news(LOOK_AGAIN),
        LogReader::Directory(_) | LogReader::Journal(_) => false,
    });
    if !has_news {
        std::thread::sleep(LOOK_AGAIN.saturating_sub(begun.elapsed()));
    }
}

/// The stamp of the first lines that are shown: of a span before now, or the beginning of one.
fn since(text: Option<&str>) -> Result<String, CommandFailure> {
    let Some(text) = text else { return Ok(String::new()) };
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.get(4..5) == Some("-") {
        return Ok(text.replace('T', " "));
    }
    let units = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let count: u64 = decimal::parse(text.strip_suffix(unit)?.as_bytes())?;
        count.checked_mul(*seconds)
    });
    let Some(seconds) = seconds else {
        let text = format!("--since {text}: neither a span such as 10m nor a time");
        return Err(CommandFailure::usage(text));
    };
    let from = clock::utc().saturating_sub(Duration::from_secs(seconds));
    Ok(line::stamp(from).unwrap_or_default())
}

/// Takes lines out of every log, and puts them in the order of time.
fn collect(
    sources: &mut [NamedLog],
    take: impl Fn(&mut LogReader) -> Vec<LogLine>,
) -> Vec<(String, LogLine)> {
    let mut all = Vec::new();
    for NamedLog { name, log } in sources {
        let named = |line: LogLine| (line.service.clone().unwrap_or_else(|| name.clone()), line);
        all.extend(take(log).into_iter().map(named));
    }
    all.sort_by(|(_, a), (_, b)| a.stamp.cmp(&b.stamp));
    all
}

/// The logs of what is named, or all that there are.
fn sources(names: &[String], follow: bool) -> Result<Vec<NamedLog>, CommandFailure> {
    // Without a database there are still the services that PID 1 knows.
    let (services, graph) = (live::all()?, live::tree().unwrap_or_default());
    let is_service =
        |name: &str| graph.find(name).is_some() || services.iter().any(|known| known.name == name);
    let is_own =
        |name: &String| [CATCH_ALL, INIT, CMD].contains(&name.as_str()) && !is_service(name);
    let (own, of_services): (Vec<String>, Vec<String>) = names.iter().cloned().partition(is_own);
    let chosen = live::resolve(&of_services, &services, &graph)?;
    let is_wanted =
        |whose: &Vec<String>| names.is_empty() || whose.iter().any(|n| chosen.contains_key(n));
    let wants_own = |name: &str| names.is_empty() || own.iter().any(|own| own == name);

    let mut found = Vec::new();
    for known in &services {
        let Some(whose) = written_by(known, &graph).filter(is_wanted) else { continue };
        let directory = live::run_directory().join("service").join(&known.name);
        let name = whose.first().unwrap_or(&known.name);
        found.extend(directories(known, &directory).into_iter().map(|path| (name.clone(), path)));
    }
    let catch_all = live::run_directory().join("uncaught-logs");
    let has_catch_all = wants_own(CATCH_ALL) && is_log(&catch_all);
    found.extend(has_catch_all.then_some((CATCH_ALL.to_owned(), catch_all)));
    let mut seen: LiteMap<PathBuf, ()> = LiteMap::new();
    found.retain(|(_, path)| seen.insert(path.clone(), ()).is_none());
    let source =
        |(name, path)| NamedLog { name, log: LogReader::Directory(LogDirectory::new(path)) };
    let mut sources: Vec<NamedLog> = found.into_iter().map(source).collect();
    let kept_of = chosen.keys().cloned().chain(own.iter().filter(|own| *own == CMD).cloned());
    let kept_of: Vec<String> = kept_of.collect();
    if names.is_empty() || !kept_of.is_empty() {
        // Each line says whose it is.
        let kept = KeptReader::connect(kept_of, follow).map(LogReader::Kept);
        sources.extend(kept.map(|log| NamedLog { name: String::new(), log }));
    }
    if wants_own(INIT) {
        let log = LogReader::Journal(JournalReader::new(has_catch_all));
        sources.push(NamedLog { name: INIT.to_owned(), log });
    }
    Ok(sources)
}

/// The services whose output a logger writes, nearest first, and its own name. `None`: it is no
/// logger.
fn written_by(known: &Known, graph: &Graph) -> Option<Vec<String>> {
    if let Some(service) = known.name.strip_suffix("/log") {
        return Some(vec![service.to_owned(), known.name.clone()]);
    }
    let id = graph.service(&known.name)?;
    let name = |id: &ServiceId| graph.name(*id).to_owned();
    let is_last = graph.consumer(id).is_none() && !graph.producers(id).is_empty();
    let mut whose: Vec<_> = graph.pipeline(id).iter().skip(1).map(name).collect();
    whose.push(known.name.clone());
    is_last.then_some(whose)
}

/// The directories into which a logger writes, found in its command line or in its script.
fn directories(known: &Known, service: &Path) -> Vec<PathBuf> {
    // What cannot be read names no directory.
    let words = known.pid().and_then(|pid| fs::read(format!("/proc/{pid}/cmdline")).ok());
    let words = words.unwrap_or_default();
    let script = fs::read(service.join("run")).unwrap_or_default();
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\0\"'".contains(byte);
    let both = words.split(ends).chain(script.split(ends));
    let is_path = |word: &&[u8]| word.starts_with(b"/") || word.starts_with(b"./");
    let paths = both.filter(is_path).map(|word| service.join(OsStr::from_bytes(word)));
    let mut found: Vec<_> = paths.filter(|path| is_log(path)).collect();
    found.sort();
    found.dedup();
    found
}

fn is_log(path: &Path) -> bool {
    path.join("current").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Definition, Kind, Longrun, Reference};
    use crate::format::request::ServiceStatus;

    fn known(name: &str) -> Known {
        Known::from(ServiceStatus { name: name.into(), ..ServiceStatus::default() })
    }

    #[test]
    fn the_last_of_a_pipeline_and_a_log_directory_are_loggers() {
        let longrun = |name: &str, from: &[&str], to: Option<&str>| {
            let consumer_for = from.iter().map(|name| Reference::to(name)).collect();
            let producer_for = to.map(Reference::to);
            let kind = Longrun { consumer_for, producer_for, ..Longrun::default() };
            Definition::new(name, Kind::Longrun(kind))
        };
        let filter = longrun("filter", &["web"], Some("web-log"));
        let all = vec![
            longrun("web", &[], Some("filter")),
            filter,
            longrun("web-log", &["filter"], None),
        ];
        let graph = Graph::new(all).unwrap();
        let whose = |name: &str| written_by(&known(name), &graph).unwrap_or_default().join(" ");
        assert_eq!(whose("web-log"), "filter web web-log");
        assert_eq!(whose("filter"), "");
        assert_eq!(whose("old/log"), "old old/log");
        assert_eq!(whose("web"), "");
    }
}
