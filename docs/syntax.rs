//! What `sixtree` takes, in clap's words: man pages and completions are made of those, and tests
//! compare what clap and `sixtree` make of a command line.

use clap::{Arg, ArgAction, Command, value_parser};
use sixtree::cli::arguments::{Argument, ArgumentForm, CommandSyntax, ValueKind};
use std::ffi::OsString;

/// The command, with all that it takes.
pub(crate) fn command(syntax: &CommandSyntax) -> Command {
    let command = Command::new(syntax.name)
        .about(syntax.about)
        .after_help(syntax.notes)
        .disable_help_subcommand(true)
        .subcommand_required(syntax.needs_subcommand)
        .args(syntax.all().map(argument));
    command.subcommands(syntax.subcommands.iter().map(self::command))
}

fn argument(argument: &Argument) -> Arg {
    let mut arg = Arg::new(argument.name).help(argument.help).required(argument.required);
    if argument.is_option() {
        arg = arg.long(argument.name);
    }
    if let Some(short) = argument.short {
        arg = arg.short(short);
    }
    if !argument.value.is_empty() {
        arg = arg.value_name(argument.value);
    }
    if let Some(other) = argument.unless {
        arg = arg.required_unless_present(other);
    }
    if let Some(other) = argument.with {
        arg = arg.requires(other);
    }
    if let Some(other) = argument.without {
        arg = arg.conflicts_with(other);
    }
    if let Some(value) = argument.default {
        arg = arg.default_value(value);
    }
    placed(argument, arg)
}

/// The same, with its form and its values.
fn placed(argument: &Argument, arg: Arg) -> Arg {
    let arg = match argument.form {
        ArgumentForm::Flag => return arg.action(ArgAction::SetTrue),
        ArgumentForm::Option if argument.many => arg.action(ArgAction::Append),
        ArgumentForm::Word if argument.many => arg.num_args(usize::from(argument.required)..),
        ArgumentForm::AfterDashes => arg.num_args(1..).last(true),
        ArgumentForm::Rest => arg
            .num_args(usize::from(argument.required)..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true),
        ArgumentForm::Option | ArgumentForm::Word => arg,
    };
    match argument.kind {
        ValueKind::Text => arg.value_parser(value_parser!(String)),
        ValueKind::Bytes => arg.value_parser(value_parser!(OsString)),
        ValueKind::Number(least, most) => arg.value_parser(value_parser!(u64).range(least..=most)),
        ValueKind::OneOf(words) => arg.value_parser(words.to_vec()),
        ValueKind::Checked(check) => {
            arg.value_parser(move |text: &str| check(text).map(|()| text.to_owned()))
        }
    }
}
