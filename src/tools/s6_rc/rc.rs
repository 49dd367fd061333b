//! s6-rc: tells and changes which services are up. Reference: s6-rc's page.

use super::change::{self, Task};
use super::conversation::states;
use super::live;
use crate::format::decimal;
use crate::format::request::{ChangeRequest, Reload, State};
use crate::format::status::Status;
use crate::graph::{Direction, Graph, ServiceId};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const HELP: &str = "\
s6-rc help
s6-rc [ -l live ] [ -a ] list [ servicenames... ]
s6-rc [ -l live ] [ -a ] [ -u | -d ] listall [ servicenames... ]
s6-rc [ -l live ] diff
s6-rc [ -l live ] [ -a ] [ -v verbosity ] [ -t timeout ] start | stop [ servicenames... ]
s6-rc [ -l live ] [ -a ] [ -v verbosity ] [ -t timeout ] reload [ servicenames... ]
s6-rc [ -l live ] [ -a ] [ -u | -d | -D ] [ -p ] [ -v verbosity ] [ -t timeout ] \
[ -n dryrunthrottle ] change [ servicenames... ]
";

const LONG: &[(&str, char)] = &[
    ("up", 'u'),
    ("down", 'd'),
    ("all-down", 'D'),
    ("prune", 'p'),
    ("add", 'a'),
    ("block", 'b'),
    ("with-essentials", 'E'),
    ("without-essentials", 'e'),
    ("no-lock", 'L'),
    ("verbosity", 'v'),
    ("dry-run", 'n'),
    ("timeout", 't'),
    ("livedir", 'l'),
];

/// What is asked for, but for the sub-command.
struct Query {
    live: PathBuf,
    verbosity: u32,
    names: Vec<Word>,
    change: ChangeRequest,
}

/// `s6-rc [ -v verbosity ] [ -n dryrunthrottle ] [ -t timeout ] [ -l live ] [ -b ] [ -E | -e ]
/// [ -u | -d | -D ] [ -p ] [ -a ] command [ servicenames... ]`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    // -L: PID 1 is the only one that changes states, so there is no lock to leave alone.
    let options = Options::parse_long(process, argv, "v:n:t:l:bEeudDpaL", LONG)?;
    let (command, query) = parse(process, options)?;
    match command.as_slice() {
        b"help" => {
            process.print(HELP.as_bytes())?;
            Ok(Next::Exit(0))
        }
        b"list" => list(process, &query, false),
        b"listall" => list(process, &query, true),
        b"diff" => diff(process, &query),
        b"start" | b"stop" => {
            let down = command == b"stop";
            let change = ChangeRequest { down, prune: false, ..query.change.clone() };
            perform(process, &query, change)
        }
        b"change" => perform(process, &query, query.change.clone()),
        b"reload" => reload(process, &query),
        _ => Err(process.fatal(100, format_args!("unknown command: {}", show(&command)))),
    }
}

fn parse(process: &Process, options: Options) -> Result<(Word, Query), Exit> {
    let number = |letter, name: &str| {
        let text = format!("{name} must be an unsigned integer");
        let parsed = options.value(letter).map(decimal::parse::<u32>);
        parsed.map(|n| n.ok_or_else(|| process.fatal(100, &text))).transpose()
    };
    let essential = options.iter().fold(false, |on, (letter, _)| match letter {
        'D' | 'e' => true,
        'E' => false,
        _ => on,
    });
    let change = ChangeRequest {
        names: Vec::new(),
        down: options.last_of("udD").is_some_and(|c| c != 'u'),
        prune: options.has('p'),
        all: options.has('a'),
        essential,
        timeout_ms: number('t', "timeout")?.unwrap_or(0).into(),
        wait: options.has('b'),
        dry_run_ms: number('n', "dry-run")?.map(u64::from),
    };
    let verbosity = number('v', "verbosity")?.unwrap_or(1);
    let live = live::directory(process, &options);
    let mut words = options.rest().into_iter();
    let command = words.next().ok_or_else(|| process.usage())?;
    Ok((command, Query { live, verbosity, names: words.collect(), change }))
}

/// `list` and `listall`.
fn list(process: &Process, query: &Query, close: bool) -> Result<Next, Exit> {
    let states = states(&query.live).map_err(|e| process.fatal(e.code, &e.text))?;
    let graph = open(process, query)?;
    let mut selected: BTreeSet<ServiceId> = resolve(process, query, &graph)?.into_iter().collect();
    if query.change.all {
        let up = states.iter().filter(|s| s.up);
        selected.extend(up.filter_map(|s| graph.service(&s.name)));
    }
    if close {
        let direction = if query.change.down { Direction::Down } else { Direction::Up };
        let ids: Vec<_> = selected.into_iter().collect();
        selected = graph.closure(&ids, direction).into_iter().collect();
    } else if query.change.down {
        selected = graph.ids().filter(|id| !selected.contains(id)).collect();
    }
    let mut text = String::new();
    for definition in selected.into_iter().filter_map(|id| graph.definition(id)) {
        if !(query.change.essential && definition.essential) {
            text.push_str(&definition.name);
            text.push('\n');
        }
    }
    process.print(text.as_bytes())?;
    Ok(Next::Exit(0))
}

/// `diff`: where the supervisor wants something else than s6-rc does.
fn diff(process: &Process, query: &Query) -> Result<Next, Exit> {
    let states = states(&query.live).map_err(|e| process.fatal(e.code, &e.text))?;
    let graph = open(process, query)?;
    let mut text = String::new();
    for State { name, up, .. } in states {
        if !graph.service(&name).is_some_and(|id| graph.is_longrun(id)) {
            continue;
        }
        let directory = query.live.join("servicedirs").join(&name);
        let wanted = wanted_up(&directory).ok_or_else(|| {
            let text = format!("unable to read longrun status for {}", directory.display());
            process.fatal(111, &text)
        })?;
        if wanted != up {
            text.push_str(&format!("{}{name}\n", if wanted { '+' } else { '-' }));
        }
    }
    process.print(text.as_bytes())?;
    Ok(Next::Exit(u8::from(!text.is_empty())))
}

fn wanted_up(directory: &Path) -> Option<bool> {
    let bytes = fs::read(directory.join("supervise/status")).ok()?;
    Status::decode(&bytes).map(|status| status.want_up)
}

fn perform(process: &Process, query: &Query, change: ChangeRequest) -> Result<Next, Exit> {
    let names = utf8(process, query)?;
    let task = Task::Change(ChangeRequest { names, ..change });
    change::perform(process, &query.live, task, query.verbosity)
}

fn reload(process: &Process, query: &Query) -> Result<Next, Exit> {
    let mut names = utf8(process, query)?;
    if query.change.all {
        let states = states(&query.live).map_err(|e| process.fatal(e.code, &e.text))?;
        names.extend(states.into_iter().filter(|s| s.up).map(|s| s.name));
    }
    let ChangeRequest { timeout_ms, wait, dry_run_ms, .. } = query.change;
    let task = Task::Reload(Reload { names, timeout_ms, wait, dry_run_ms });
    change::perform(process, &query.live, task, query.verbosity)
}

/// The services that the names stand for.
fn resolve(process: &Process, query: &Query, graph: &Graph) -> Result<Vec<ServiceId>, Exit> {
    let names = utf8(process, query)?;
    let mut ids = Vec::new();
    for name in &names {
        ids.extend(graph.find(name).ok_or_else(|| unknown(process, query, name))?);
    }
    Ok(ids)
}

/// The names as text: no service has another one.
fn utf8(process: &Process, query: &Query) -> Result<Vec<String>, Exit> {
    let one = |name: &Word| {
        String::from_utf8(name.clone())
            .map_err(|_| unknown(process, query, &show(name).to_string()))
    };
    query.names.iter().map(one).collect()
}

fn unknown(process: &Process, query: &Query, name: &str) -> Exit {
    let compiled = query.live.join("compiled/resolve.cdb");
    let text = format!("{name} is not a recognized identifier in {}", compiled.display());
    process.fatal(3, &text)
}

fn open(process: &Process, query: &Query) -> Result<Graph, Exit> {
    let opened = live::open(&query.live.join("compiled"));
    opened.map_err(|e| process.fatal(e.code, &e.text))
}
