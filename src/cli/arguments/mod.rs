//! What `sixtree` and its subcommands take, as constants: command lines are parsed by them
//! (`parse.rs`), and help texts, man pages and completions are made of them.
//!
//! lexopt tells options, values and words apart. clap, which does all of it, was a sixteenth of the
//! tarball; `tests/arguments.rs` compares what both make of a command line.

mod help;
mod parse;

use super::CommandFailure;
pub use parse::{NotParsed, parse};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// What a command takes: `sixtree`, a subcommand, or one of a subcommand's own.
#[derive(Clone, Copy, Debug)]
pub struct CommandSyntax {
    /// Its name.
    pub name: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// What stands below the options in its help text.
    pub notes: &'static str,
    /// What it takes, in groups, so that some can be those of several commands. Words come in their
    /// order.
    pub arguments: &'static [&'static [Argument]],
    /// Its subcommands.
    pub subcommands: &'static [CommandSyntax],
    /// Whether one of them must be given.
    pub needs_subcommand: bool,
    /// Does it; returns the exit code. Commands without it are their parent's to run.
    pub(super) run: Option<RunCommand>,
}

/// What does a command's job.
type RunCommand = fn(&GivenArguments) -> Result<i32, CommandFailure>;

impl CommandSyntax {
    /// A command that takes nothing.
    pub const fn new(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            notes: "",
            arguments: &[],
            subcommands: &[],
            needs_subcommand: false,
            run: None,
        }
    }
    /// What else its help text says.
    pub const fn notes(mut self, notes: &'static str) -> Self {
        self.notes = notes;
        self
    }
    /// What it takes.
    pub const fn takes(mut self, arguments: &'static [&'static [Argument]]) -> Self {
        self.arguments = arguments;
        self
    }
    /// The subcommands, and whether one of them must be given.
    pub const fn subcommands(mut self, all: &'static [CommandSyntax], needed: bool) -> Self {
        self.subcommands = all;
        self.needs_subcommand = needed;
        self
    }
    /// What does its job.
    pub(super) const fn runs(mut self, run: RunCommand) -> Self {
        self.run = Some(run);
        self
    }
    /// All that it takes.
    pub fn all(&self) -> impl Iterator<Item = &'static Argument> + use<> {
        self.arguments.iter().copied().flatten()
    }
}

/// Where an argument stands on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentForm {
    /// `--NAME`: it is there or not.
    Flag,
    /// `--NAME VALUE`
    Option,
    /// A word.
    Word,
    /// All words after `--`.
    AfterDashes,
    /// This word and all that follow, whatever they look like.
    Rest,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum ValueKind {
    /// UTF-8.
    Text,
    /// Any bytes, as paths are.
    Bytes,
    /// A number from one to another.
    Number(u64, u64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A text that something else makes sense of; an error says what is wrong with it.
    Checked(fn(&str) -> Result<(), String>),
}

/// An option or a word that a command takes.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// What it is called: the option's long name.
    pub name: &'static str,
    /// Where it stands.
    pub form: ArgumentForm,
    /// The option's other name.
    pub short: Option<char>,
    /// What its value is called.
    pub value: &'static str,
    /// What it is for.
    pub help: &'static str,
    /// Whether it may be given more than once.
    pub many: bool,
    /// Whether it must be given.
    pub required: bool,
    /// It must be given unless that one is.
    pub unless: Option<&'static str>,
    /// It makes sense only with that one.
    pub with: Option<&'static str>,
    /// It makes no sense beside that one.
    pub without: Option<&'static str>,
    /// Its value where it is not given.
    pub default: Option<&'static str>,
    /// What its values may be.
    pub kind: ValueKind,
}

impl Argument {
    const fn new(
        name: &'static str,
        form: ArgumentForm,
        value: &'static str,
        help: &'static str,
        kind: ValueKind,
    ) -> Self {
        Self {
            name,
            form,
            short: None,
            value,
            help,
            many: false,
            required: false,
            unless: None,
            with: None,
            without: None,
            default: None,
            kind,
        }
    }
    /// `--NAME`, which is there or not.
    pub const fn flag(name: &'static str, help: &'static str) -> Self {
        Self::new(name, ArgumentForm::Flag, "", help, ValueKind::Text)
    }
    /// `--NAME VALUE`
    pub const fn option(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self::new(name, ArgumentForm::Option, value, help, ValueKind::Text)
    }
    /// `--NAME VALUE`, where the value is a path or any other bytes.
    pub const fn path(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self::new(name, ArgumentForm::Option, value, help, ValueKind::Bytes)
    }
    /// A word.
    pub const fn word(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self::new(name, ArgumentForm::Word, value, help, ValueKind::Text)
    }
    /// A program and its arguments, after `--`.
    pub const fn after_dashes(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self::new(name, ArgumentForm::AfterDashes, value, help, ValueKind::Text).many()
    }
    /// A program and its arguments, which end the command line.
    pub const fn rest(name: &'static str, value: &'static str, help: &'static str) -> Self {
        Self::new(name, ArgumentForm::Rest, value, help, ValueKind::Bytes).many()
    }
    /// The option has a short name, too.
    pub const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }
    /// It may be given more than once.
    pub const fn many(mut self) -> Self {
        self.many = true;
        self
    }
    /// It must be given.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }
    /// It must be given if that one is not.
    pub const fn unless(mut self, other: &'static str) -> Self {
        self.unless = Some(other);
        self
    }
    /// It makes sense only with that one.
    pub const fn with(mut self, other: &'static str) -> Self {
        self.with = Some(other);
        self
    }
    /// It makes no sense beside that one.
    pub const fn without(mut self, other: &'static str) -> Self {
        self.without = Some(other);
        self
    }
    /// Its value where it is not given.
    pub const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }
    /// What its values may be.
    pub const fn kind(mut self, kind: ValueKind) -> Self {
        self.kind = kind;
        self
    }
    /// Whether it is an option, with a value or without one.
    pub fn is_option(&self) -> bool {
        matches!(self.form, ArgumentForm::Flag | ArgumentForm::Option)
    }
}

/// `--profile NAME`.
pub const PROFILE: Argument =
    Argument::option("profile", "NAME", "As S6_RUNTIME_PROFILE in the container");

/// `--env NAME=VALUE`, once for each variable of the container.
pub(super) const ENV: Argument = Argument::option(
    "env",
    "NAME=VALUE",
    "The tree as it boots with this variable, and without those that are not given; may be given \
     more than once [default: nothing is off]",
)
.many()
.kind(ValueKind::Checked(|text| match text.split_once('=') {
    Some((name, _)) if !name.is_empty() => Ok(()),
    Some(_) | None => Err("it must be NAME=VALUE".to_owned()),
}));

/// What that option says.
pub(super) fn variables(arguments: &GivenArguments) -> Vec<(String, String)> {
    let all = arguments.texts("env").filter_map(|text| text.split_once('='));
    all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// `--layer`.
pub const LAYER: Argument =
    Argument::flag("layer", "It is one layer of an image: what it lacks may be in another");

/// What was given on a command line.
#[derive(Debug, Default)]
pub struct GivenArguments {
    /// Flags have an empty value.
    values: Vec<(&'static str, OsString)>,
    subcommand: Option<(&'static str, Box<GivenArguments>)>,
}

impl GivenArguments {
    /// All values of an argument, in their order.
    pub fn words(&self, name: &str) -> impl Iterator<Item = &OsStr> {
        self.values.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value.as_os_str())
    }
    /// The same, of one whose values are paths.
    pub fn paths(&self, name: &str) -> impl Iterator<Item = &Path> {
        self.words(name).map(Path::new)
    }
    /// The same, of one whose values are texts.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.words(name).filter_map(OsStr::to_str)
    }
    /// The value of a path's argument.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.words(name).next().map(Path::new)
    }
    /// The value of a text's argument.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.words(name).next().and_then(OsStr::to_str)
    }
    /// The value of a number's argument.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name)?.parse().ok()
    }
    /// Whether a flag, or anything else, was given.
    pub fn get_flag(&self, name: &str) -> bool {
        self.words(name).next().is_some()
    }
    /// The subcommand, and what was given to it.
    pub fn subcommand(&self) -> Option<(&'static str, &GivenArguments)> {
        self.subcommand.as_ref().map(|(name, arguments)| (*name, &**arguments))
    }
}
