//! s6-svlisten and s6-svlisten1: listen to services, start a program, wait for the services.
//! Reference: <https://skarnet.org/software/s6/s6-svlisten.html> and `s6-svlisten1.html`.

use super::svwait::FAILED;
use super::watch::{Goal, Watch, deadline};
use crate::sys::poll::Deadline;
use crate::tools::die::show;
use crate::tools::execline::blocks::Blocks;
use crate::tools::{Exit, Next, Options, Process, Word};

/// `s6-svlisten [ -U | -u | -d | -D | -r | -R ] [ -a | -o ] [ -t timeout ]
/// servicedir... "" prog...`
pub(super) fn several(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "uUdDrRaot:")?;
    let mut goal = Goal::from_options(&options);
    let deadline = deadline(process, &options, 't')?;
    let rest = options.rest();
    if rest.len() < 3 {
        return Err(process.usage());
    }
    let (dirs, program) = Blocks::new(process).take(rest, "servicedir block")?;
    if program.is_empty() {
        return Err(process.usage());
    }
    if dirs.is_empty() {
        return Ok(program.into());
    }
    if goal.restart && goal.any {
        goal.any = false;
        let letter = if goal.ready { 'R' } else { 'r' };
        let text = "-o is unsupported when combined with";
        process.warn(format_args!("{text} -{letter} - using -a instead"));
    }
    match listen(process, &dirs, program, goal, deadline)? {
        0 => Ok(Next::Exit(0)),
        failed => Err(process.fatal(failed, FAILED)),
    }
}

/// `s6-svlisten1 [ -U | -u | -d | -D | -r | -R ] [ -t timeout ] servicedir prog...`
pub(super) fn one(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "uUdDrRt:")?;
    let goal = Goal::from_options(&options);
    let deadline = deadline(process, &options, 't')?;
    let mut dirs = options.rest();
    if dirs.len() < 2 {
        return Err(process.usage());
    }
    let program = dirs.split_off(1);
    match listen(process, &dirs, program, goal, deadline)? {
        0 => Ok(Next::Exit(0)),
        _ => {
            let dir = dirs.first().map(|dir| show(dir).to_string()).unwrap_or_default();
            Err(process.fatal(1, format_args!("{dir} failed permanently or its supervisor died")))
        }
    }
}

/// Starts the program when every event from now on will be heard; its own end is not waited for.
fn listen(
    process: &Process,
    dirs: &[Word],
    program: Vec<Word>,
    goal: Goal,
    deadline: Deadline,
) -> Result<u8, Exit> {
    let watch = Watch::begin(process, dirs)?;
    watch.spawn(process, program)?;
    watch.wait(process, goal, deadline)
}
