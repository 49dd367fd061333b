//! One binary, many names: what to be is decided by the file that was executed, or by `argv[0]`.
//!
//! The programs of s6 and s6-rc are files of their own in the reference, so that a script may give
//! one any `argv[0]` (`exec -a`), or a link of another name. Scripts, on the other hand, are what
//! the kernel says was executed, and there `argv[0]` alone names their interpreter.

use crate::sys::exec;
use crate::tools::{Environment, Tool, Word, basename, chain};
use crate::{cli, init, looker, output, tools};

/// What a name stands for.
#[derive(Clone, Copy)]
enum CalledAs {
    /// A compatible command.
    Tool(&'static Tool),
    /// `/init`, under any name that ends so: images rename it.
    Init,
    /// The command for people.
    Sixtree,
    /// What shows the output of services; /init starts it.
    Output,
}

/// Runs the program that this process was started as, and returns its exit code.
///
/// At PID 1 that is `/init` unless the name says something else. `/init check` is `sixtree check`,
/// so that a Dockerfile can say so, unless there is a program of that name to run.
pub fn run(argv: Vec<Word>) -> i32 {
    let called = argv.first().map(Vec::as_slice).unwrap_or_default();
    // Its name is that of no file: PID 1 gives it.
    if called == looker::NAME.as_bytes() {
        return looker::run();
    }
    let role = shown_supervisor(called)
        .or_else(|| tool_of_file(called))
        .map(CalledAs::Tool)
        .or_else(|| named(basename(called)));
    match role.or_else(|| behind_links(called)) {
        Some(CalledAs::Tool(tool)) => chain::run_tool(tool, argv),
        Some(CalledAs::Init) if asks_for_check(&argv) => cli::run(argv),
        Some(CalledAs::Init) => init::run(argv),
        Some(CalledAs::Sixtree) => cli::run(argv),
        Some(CalledAs::Output) => output::run(),
        None => refuse(called),
    }
}

fn named(name: &[u8]) -> Option<CalledAs> {
    if let Some(tool) = tools::find(name) {
        return Some(CalledAs::Tool(tool));
    }
    if name == output::NAME.as_bytes() {
        return Some(CalledAs::Output);
    }
    if name.starts_with(b"sixtree") {
        return Some(CalledAs::Sixtree);
    }
    name.ends_with(b"init").then_some(CalledAs::Init)
}

/// s6-supervise, if PID 1 has executed this program to show one: under an emulator, the file has
/// the name that PID 1 was started as.
fn shown_supervisor(called: &[u8]) -> Option<&'static Tool> {
    let is_shown = called == b"s6-supervise" && tools::s6::is_shown_supervisor();
    is_shown.then(|| tools::find(called)).flatten()
}

/// The tool whose name the executed file has, where `argv[0]` says something else.
fn tool_of_file(called: &[u8]) -> Option<&'static Tool> {
    let file = exec::started_as();
    let name = basename(&file);
    if name == basename(called) {
        return None;
    }
    // A script of that name is no tool.
    tools::find(name).filter(|_| exec::is_self(&file) && exec::shebang(&file).is_none())
}

/// What the links stand for by which the executed file was found, the first that is known.
fn behind_links(called: &[u8]) -> Option<CalledAs> {
    let files = [exec::started_as(), called.to_vec()];
    let mut links = files.iter().filter(|f| exec::is_self(f)).flat_map(|f| exec::links(f));
    let role = links.find_map(|name| named(basename(&name)));
    match role {
        Some(CalledAs::Tool(_)) => role,
        _ if std::process::id() == 1 => Some(CalledAs::Init),
        _ => role,
    }
}

/// Differs: a copy of a tool's file under another name is a copy of all tools.
fn refuse(called: &[u8]) -> i32 {
    let name = crate::tools::die::show(basename(called));
    let text = "fatal: this file is sixtree, which has no tool of that name: make a link to a tool";
    crate::sys::fd::write_to_stderr(format!("{name}: {text}, not a copy\n").as_bytes());
    100
}

fn asks_for_check(argv: &[Word]) -> bool {
    let check = b"check".as_slice();
    let environment = Environment::inherited();
    let path = environment.get(b"PATH").unwrap_or(chain::DEFAULT_PATH);
    argv.get(1).is_some_and(|word| word == check) && exec::find(check, path).is_err()
}
