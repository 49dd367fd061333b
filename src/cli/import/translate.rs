//! The groups of supervisord.conf as services: a longrun for each process.

use super::ImportedFile;
use super::loggers::{Logger, loggers};
use super::naming::{NamedProgram, named};
use super::note::Notes;
use super::program::{Output, Restart, SupervisordProgram};
use super::script::GeneratedScript;
use super::supervisord::{self, Common};
use super::tree::{ImportedService, ImportedTree, Start};
use crate::cli::{CommandFailure, check};

/// The most ends that a `restart-limit` can allow.
const MOST_RETRIES: u64 = 10_000;

/// The tree that supervisord.conf describes.
pub(super) fn tree(
    place: &ImportedFile,
    text: &str,
    notes: &mut Notes,
) -> Result<ImportedTree, CommandFailure> {
    let ini = supervisord::read(place, text, notes)?;
    let common = supervisord::common(&ini, notes);
    let groups = supervisord::groups(&ini, &common, notes);
    supervisord::note_foreign(&ini, notes);
    let all = named(&groups);
    let loggers = loggers(&all);
    let mut tree = ImportedTree::default();
    let stops = ini.sections.iter().any(|section| supervisord::stops_when_fatal(&ini, section));
    for named in &all {
        let mut service = service(place, named, &common, &loggers, notes);
        if stops {
            service.file("on-give-up", "stop");
        }
        service.needs.extend(before(named, &all));
        tree.services.push(service);
    }
    for logger in &loggers {
        logger.add(place, &mut tree, notes);
    }
    for group in &groups {
        let members = all.iter().filter(|named| std::ptr::eq(named.group, group));
        let members: Vec<String> = members.map(|named| named.name.clone()).collect();
        if members.iter().any(|name| *name != group.name) {
            let is_taken = check::is_reserved(&group.name)
                || tree.services.iter().any(|service| service.name == group.name);
            let suffix = if is_taken { "-group" } else { "" };
            tree.bundles.push((format!("{}{suffix}", group.name), members));
        }
    }
    if let Some(first) = all.iter().find(|n| n.program.directory.is_none() && place.is_guessed) {
        let what = "a program without directory= runs in /";
        let remedy = "if the image has a WORKDIR, name it with --workdir";
        notes.differs(&first.program.at, what, remedy);
    }
    Ok(tree)
}

/// The services that a process comes after: those of the next lower priority in its group, or
/// those of the groups of the next lower priority.
fn before<'a>(named: &NamedProgram, all: &'a [NamedProgram]) -> Vec<String> {
    let is_started = |other: &&'a NamedProgram| other.program.autostart;
    if !named.program.autostart {
        return Vec::new();
    }
    let mates = || all.iter().filter(is_started).filter(|o| std::ptr::eq(o.group, named.group));
    let lower = mates().map(|o| o.program.priority).filter(|p| *p < named.program.priority).max();
    let others: Vec<&NamedProgram> = match lower {
        Some(priority) => mates().filter(|o| o.program.priority == priority).collect(),
        None => {
            let priorities = all.iter().filter(is_started).map(|other| other.group.priority);
            let lower = priorities.filter(|priority| *priority < named.group.priority).max();
            let is_there = |other: &&NamedProgram| Some(other.group.priority) == lower;
            all.iter().filter(is_started).filter(is_there).collect()
        }
    };
    others.iter().map(|other| other.name.clone()).collect()
}

fn service(
    place: &ImportedFile,
    named: &NamedProgram,
    common: &Common,
    loggers: &[Logger],
    notes: &mut Notes,
) -> ImportedService {
    let program = named.program;
    let mut service = ImportedService { name: named.name.clone(), ..ImportedService::default() };
    if !program.autostart {
        service.start = Start::Hand;
    }
    service.run = run(place, named, common, loggers, notes);
    ends(program, &mut service, notes);
    if program.stop_signal != "TERM" {
        service.file("down-signal", format!("SIG{}", program.stop_signal));
    }
    // 0 is for ever.
    service.file("timeout-kill", program.stop_wait_seconds.saturating_mul(1000).max(1));
    if program.stop_as_group {
        service.flag("flag-down-killpg");
    }
    if program.kill_as_group {
        service.flag("flag-timeout-killpg");
    }
    service
}

/// Does what supervisord does between fork and exec, in its order.
fn run(
    place: &ImportedFile,
    named: &NamedProgram,
    common: &Common,
    loggers: &[Logger],
    notes: &mut Notes,
) -> GeneratedScript {
    let program = named.program;
    let mut run = GeneratedScript::with_environment();
    redirect(place, named, loggers, &mut run);
    let user = program.user.as_ref().or(common.user.as_ref()).map(|user| user.trim());
    match user {
        None | Some("" | "root" | "0") => {}
        Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => {
            let what = format!("user={number}: its group is not known here");
            let remedy = format!("it runs as {number}:{number}; write the user's name instead");
            notes.differs(&program.at, what, remedy);
            run.line(&["s6-setuidgid", &format!("{number}:{number}")]);
        }
        Some(name) => run.line(&["s6-setuidgid", name]),
    }
    run.line(&["cd", &place.absolute(program.directory.as_deref().unwrap_or_default())]);
    if let Some(umask) = &program.umask {
        run.line(&["umask", umask]);
    }
    let own = |key: &String| program.environment.iter().any(|(known, _)| known == key);
    let shared = common.environment.iter().filter(|(key, _)| !own(key));
    for (key, value) in shared.chain(&program.environment) {
        run.line(&["export", key, value]);
    }
    run.program(program.command.clone());
    run
}

/// Leads stdout and stderr where they shall go.
fn redirect(
    place: &ImportedFile,
    named: &NamedProgram,
    loggers: &[Logger],
    run: &mut GeneratedScript,
) {
    let SupervisordProgram { stdout, stderr, .. } = named.program;
    let is_piped = matches!(stdout, Output::Log(_));
    // These two before anything else takes the place of what they lead to.
    if *stderr == Output::Container(1) && !is_piped {
        run.line(&["fdmove", "-c", "2", "1"]);
    } else if *stdout == Output::Container(2) {
        run.line(&["fdmove", "-c", "1", "2"]);
    }
    for (descriptor, output) in [("1", stdout), ("2", stderr)] {
        match output {
            Output::Container(_) => {}
            Output::Nowhere => run.line(&["redirfd", "-w", descriptor, "/dev/null"]),
            Output::File(file) => run.line(&["redirfd", "-a", descriptor, &place.absolute(file)]),
            Output::Stdout => run.line(&["fdmove", "-c", "2", "1"]),
            Output::Log(log) => {
                if let Some(fifo) = loggers.iter().find_map(|logger| logger.fifo_of(place, log)) {
                    run.line(&["redirfd", "-u", descriptor, &fifo]);
                }
            }
        }
    }
}

/// What the end of the program means.
fn ends(program: &SupervisordProgram, service: &mut ImportedService, notes: &mut Notes) {
    match &program.restart {
        Restart::Never => {
            service.file("on-success", "down");
            service.file("on-failure", "down");
        }
        Restart::Unexpected(codes) if !codes.is_empty() => {
            service.file("on-success", "down");
            let codes: Vec<String> = codes.iter().map(u8::to_string).collect();
            if codes != ["0"] {
                service.file("success-codes", codes.join(" "));
            }
        }
        Restart::Unexpected(_) | Restart::Always => {}
    }
    if program.start_seconds == 0 || program.restart == Restart::Never {
        return;
    }
    if program.start_retries > MOST_RETRIES {
        let what = format!("startretries={} has no equivalent", program.start_retries);
        notes.differs(&program.at, what, "it is started again for ever");
        return;
    }
    // A second passes between a death and the next start.
    let life = program.start_seconds.saturating_add(1);
    let seconds = life.saturating_mul(program.start_retries.max(1)).saturating_add(1);
    let seconds = seconds.min(u32::MAX.into());
    service.file("restart-limit", format!("{} {seconds}", program.start_retries));
}
