//! `sixtree add` and `remove`: what is in a bundle, and what a service needs.

use super::{Allowed, List, PLACE, edit};
use crate::cli::CommandFailure;
use crate::cli::arguments::{Argument, CommandSyntax, GivenArguments};

/// `sixtree add` and what it takes.
pub(crate) const ADD: CommandSyntax =
    CommandSyntax::new("add", "Put a service into a bundle, or let it need another one")
        .takes(&[
            &[
                SERVICE,
                Argument::option("to", "BUNDLE", "Put it into this bundle").many().unless("needs"),
                Argument::option("needs", "OTHER", "Start it only when this one is up").many(),
            ],
            PLACE,
        ])
        .runs(add);

/// `sixtree remove` and what it takes.
pub(crate) const REMOVE: CommandSyntax = CommandSyntax::new(
    "remove",
    "Take a service out of a bundle, or let it need another one no longer",
)
.takes(&[
    &[
        SERVICE,
        Argument::option("from", "BUNDLE", "Take it out of this bundle").many().unless("needs"),
        Argument::option("needs", "OTHER", "Do not wait for this one").many(),
    ],
    PLACE,
])
.runs(remove);

const SERVICE: Argument = Argument::word("name", "SERVICE", "").required();

/// Adds; returns the exit code.
pub(crate) fn add(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    edit(arguments, Allowed::Warnings, &|tree| {
        each(arguments, "to", |bundle, name| tree.add(bundle, List::Contents, name))?;
        each(arguments, "needs", |other, name| tree.add(name, List::Dependencies, other))
    })
}

/// Removes; returns the exit code.
pub(crate) fn remove(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    edit(arguments, Allowed::Warnings, &|tree| {
        each(arguments, "from", |bundle, name| tree.remove(bundle, List::Contents, name))?;
        each(arguments, "needs", |other, name| tree.remove(name, List::Dependencies, other))
    })
}

/// Does something for every value of an option: the value, and the service.
fn each(
    arguments: &GivenArguments,
    option: &str,
    mut step: impl FnMut(&str, &str) -> Result<(), CommandFailure>,
) -> Result<(), CommandFailure> {
    let name = arguments.text("name").unwrap_or_default();
    let mut values = arguments.texts(option);
    values.try_for_each(|value| step(value, name))
}
