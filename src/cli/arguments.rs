//! Arguments as most subcommands write them.

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use std::path::PathBuf;

/// `--NAME`, which is there or not.
pub(super) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

/// `--NAME VALUE`, where the value is a path.
pub(super) fn path(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).value_parser(value_parser!(PathBuf)).help(help)
}

/// `--profile NAME`.
pub(super) fn profile() -> Arg {
    Arg::new("profile")
        .long("profile")
        .value_name("NAME")
        .help("As S6_RUNTIME_PROFILE in the container")
}

/// `--env K=V`, once for each variable of the container.
pub(super) fn env() -> Arg {
    Arg::new("env")
        .long("env")
        .value_name("NAME=VALUE")
        .action(ArgAction::Append)
        .value_parser(|text: &str| match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
            Some(_) | None => Err("it must be NAME=VALUE"),
        })
        .help(
            "The tree as it boots with this variable, and without those that are not given; may be \
             given more than once [default: nothing is off]",
        )
}

/// What that option says.
pub(super) fn variables(arguments: &ArgMatches) -> Vec<(String, String)> {
    arguments.get_many("env").unwrap_or_default().cloned().collect()
}

/// `--layer`.
pub(super) fn layer() -> Arg {
    flag("layer", "It is one layer of an image: what it lacks may be in another")
}
