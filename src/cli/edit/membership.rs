//! `sixtree add` and `remove`: what is in a bundle, and what a service needs.

use super::{Allowed, List, edit, with_place};
use crate::cli::CommandFailure;
use clap::{Arg, ArgAction, ArgMatches, Command};

/// `sixtree add` and what it takes.
pub(crate) fn add_arguments() -> Command {
    let command = Command::new("add")
        .about("Put a service into a bundle, or let it need another one")
        .arg(name("SERVICE"))
        .arg(names("to", "BUNDLE", "Put it into this bundle").required_unless_present("needs"))
        .arg(names("needs", "OTHER", "Start it only when this one is up"));
    with_place(command)
}

/// Adds; returns the exit code.
pub(crate) fn add(arguments: &ArgMatches) -> Result<i32, CommandFailure> {
    edit(arguments, Allowed::Warnings, &|tree| {
        each(arguments, "to", |bundle, name| tree.add(bundle, List::Contents, name))?;
        each(arguments, "needs", |other, name| tree.add(name, List::Dependencies, other))
    })
}

/// `sixtree remove` and what it takes.
pub(crate) fn remove_arguments() -> Command {
    let command = Command::new("remove")
        .about("Take a service out of a bundle, or let it need another one no longer")
        .arg(name("SERVICE"))
        .arg(names("from", "BUNDLE", "Take it out of this bundle").required_unless_present("needs"))
        .arg(names("needs", "OTHER", "Do not wait for this one"));
    with_place(command)
}

/// Removes; returns the exit code.
pub(crate) fn remove(arguments: &ArgMatches) -> Result<i32, CommandFailure> {
    edit(arguments, Allowed::Warnings, &|tree| {
        each(arguments, "from", |bundle, name| tree.remove(bundle, List::Contents, name))?;
        each(arguments, "needs", |other, name| tree.remove(name, List::Dependencies, other))
    })
}

fn name(value: &'static str) -> Arg {
    Arg::new("name").value_name(value).required(true)
}

fn names(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).action(ArgAction::Append).help(help)
}

/// Does something for every value of an option: the value, and the service.
fn each(
    arguments: &ArgMatches,
    option: &str,
    mut step: impl FnMut(&str, &str) -> Result<(), CommandFailure>,
) -> Result<(), CommandFailure> {
    let name = arguments.get_one::<String>("name").map_or("", |name| name);
    let mut values = arguments.get_many::<String>(option).unwrap_or_default();
    values.try_for_each(|value| step(value, name))
}
