//! `sixtree scale`: more or fewer instances of a service, while it runs.

use super::arguments::{Argument, CommandSyntax, GivenArguments, ValueKind};
use super::change::Asking;
use super::wait::{TIMEOUT, timeout_ms};
use super::{CommandFailure, live};
use crate::definition::MOST_INSTANCES;
use crate::format::request::{Outcome, Request, Scale};
use crate::sys::poll::Deadline;
use crate::tools::s6_rc::conversation;
use std::time::Duration;

/// How long to wait for a change that is under way before asking again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("scale", "Change how many instances of a service run")
        .notes(
            "The highest numbers go, or come; the other instances are left alone. A service has \
             instances if there is a file instances in its definition, which says how many there \
             are at boot. Exits 0 when it is done, 1 if something failed or it has none, 2 when \
             the time is over, 3 if the name is unknown, 111 if no init answers.",
        )
        .takes(&[&[
            Argument::word("service", "SERVICE", "The service").required(),
            Argument::word("count", "COUNT", "How many instances there are to be")
                .kind(ValueKind::Number(0, MOST_INSTANCES as u64))
                .required(),
            TIMEOUT,
            Argument::flag("verbose", "Say what starts and stops").short('v'),
        ]])
        .runs(run);

/// Changes it; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let asking = Asking::new("scale", arguments)?;
    let name = live::names(arguments).pop().unwrap_or_default();
    let count = arguments.number("count").map_or(0, |count| count as u32);
    let deadline = Deadline::after_ms(timeout_ms(arguments));
    let scale = Request::Scale(Scale { name: name.clone(), count });
    set(&scale, &deadline)?;
    let leaving = leaving(&name, count)?;
    if !leaving.is_empty() {
        match asking.of(leaving).stop()? {
            0 => set(&scale, &deadline)?,
            code => return Ok(code),
        }
    }
    if count == 0 { Ok(0) } else { asking.start() }
}

/// Sets the number, when no change is under way.
fn set(scale: &Request, deadline: &Deadline) -> Result<(), CommandFailure> {
    loop {
        let text = match conversation::converse(&live::directory(), scale, |_| Ok(()))? {
            Outcome::Done => return Ok(()),
            Outcome::Busy if !deadline.has_passed() => {
                std::thread::sleep(ASK_AGAIN);
                continue;
            }
            Outcome::Busy => "another change is under way",
            Outcome::Failed | Outcome::Aborted | Outcome::TimedOut => "aborted",
        };
        return Err(CommandFailure { code: 111, text: text.to_owned() });
    }
}

/// The instances that are too many, and still in the tree.
fn leaving(name: &str, count: u32) -> Result<Vec<String>, CommandFailure> {
    let tree = live::open_tree()?;
    let all = tree.ids().filter_map(|id| tree.definition(id));
    let leaving = all.filter(|definition| {
        definition.instance().is_some_and(|one| one.of == name && one.number > count)
    });
    Ok(leaving.map(|definition| definition.name.clone()).collect())
}
