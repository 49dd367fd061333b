//! s6-supervise and s6-svscan: the engine that PID 1 runs, on any directory.
//! Reference: s6-supervise's and s6-svscan's pages.

use crate::engine::{Event, Scanned};
use crate::format::decimal;
use crate::graph::Graph;
use crate::runtime::{Absences, OutputHolder, Role, Runtime, RuntimeSettings, supervisors};
use crate::sys::{fd, lock};
use crate::tools::{Exit, Next, Options, Process, Word, chain, die};
use std::path::PathBuf;
use std::time::Instant;

/// Whether this process is there to be seen: PID 1 supervises.
pub fn is_shown() -> bool {
    std::env::var_os(supervisors::REPORTS_TO).is_some()
}

/// s6-supervise: supervises one service directory.
pub(super) fn supervise(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    if let Some(socket) = process.env.get(supervisors::REPORTS_TO.as_bytes()) {
        let socket = decimal::parse::<u32>(socket).and_then(|fd| i32::try_from(fd).ok());
        return Ok(Next::Exit(socket.map_or(100, supervisors::watch_child) as u8));
    }
    let words = Options::parse(process, argv, "")?.rest();
    let name = words.into_iter().next().ok_or_else(|| process.usage())?;
    let directory = enter(process, &name)?;
    if lock::is_locked(b"supervise/lock").unwrap_or(false) {
        return Err(process.fatal(100, "another instance of s6-supervise is already running"));
    }
    let settings = settings(process, directory.clone(), Role::Supervise);
    let failed = |e| process.fatal_errno("unable to supervise", e);
    let mut runtime =
        Runtime::new(settings, Graph::default(), OutputHolder::default()).map_err(failed)?;
    let id = runtime.add(die::show(&name).to_string(), directory);
    Ok(Next::Exit(runtime.run(Some(Event::Appeared(id, Scanned { logger: false })))))
}

/// s6-svscan: supervises all that is in a scan directory.
pub(super) fn svscan(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    const LONG: &[(&str, char)] = &[
        ("services-max", 'C'),
        ("name-max", 'L'),
        ("timeout", 't'),
        ("notification-fd", 'd'),
        ("console-holder", 'X'),
    ];
    let options = Options::parse_long(process, argv, "C:L:t:d:X:", LONG)?;
    let number = |letter| options.value(letter).map(|v| process.number(v)).transpose();
    let descriptor = |letter| -> Result<Option<i32>, Exit> {
        let Some(n) = number(letter)? else { return Ok(None) };
        let open = i32::try_from(n).ok().filter(|n| *n >= 3 && fd::is_open(*n));
        open.map(Some).ok_or_else(|| process.fatal(100, "invalid descriptor: not open, or below 3"))
    };
    let (rescan_ms, ready) = (number('t')?.unwrap_or(0), descriptor('d')?);
    // Both limits bound arrays that we do not have; the values are only checked.
    for limit in ['C', 'L'] {
        number(limit)?;
    }
    descriptor('X')?;
    let scan = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    let directory = enter(process, &scan)?;
    if lock::is_locked(b".s6-svscan/lock").unwrap_or(false) {
        let text = "another instance of s6-svscan is already running on the same directory";
        return Err(process.fatal(100, text));
    }
    let mut settings = settings(process, directory.clone(), Role::Scan);
    (settings.rescan_ms, settings.ready) = (rescan_ms, ready);
    let failed = |e| process.fatal_errno("unable to scan", e);
    let runtime =
        Runtime::new(settings, Graph::default(), OutputHolder::default()).map_err(failed)?;
    runtime.run(None);
    let _ = nix::unistd::chdir(&directory);
    let finish = b".s6-svscan/finish".to_vec();
    match directory.join(".s6-svscan/finish").exists() {
        true => Ok(vec![finish].into()),
        false => Ok(Next::Exit(0)),
    }
}

fn enter(process: &Process, name: &Word) -> Result<PathBuf, Exit> {
    let failed = |e| process.fatal_errno(format_args!("unable to chdir to {}", die::show(name)), e);
    nix::unistd::chdir(name.as_slice()).map_err(failed)?;
    nix::unistd::getcwd().map_err(failed)
}

fn settings(process: &Process, directory: PathBuf, role: Role) -> RuntimeSettings {
    RuntimeSettings {
        run_directory: directory.clone(),
        scan_directory: directory,
        env: process.env.strings().to_vec(),
        cmd: None,
        verbosity: 2,
        launch: chain::launch,
        pid_1: false,
        role,
        nofile: None,
        outputs: (1, 2),
        catch_all: Vec::new(),
        cmd_receives_signals: false,
        supervisors: false,
        sample_ms: 5_000,
        rescan_ms: 0,
        absences: Absences::default(),
        hidden_log: None,
        begun: Instant::now(),
        steps: Vec::new(),
        ready: None,
    }
}
