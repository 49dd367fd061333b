//! Arguments as most subcommands write them.

use clap::{Arg, ArgAction, value_parser};
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

/// `--layer`.
pub(super) fn layer() -> Arg {
    flag("layer", "It is one layer of an image: what it lacks may be in another")
}
