//! Help texts, as clap lays them out.

use super::{Argument, ArgumentForm, CommandSyntax, ValueKind};
use std::fmt::Write;

/// The option that every command has.
const HELP: Argument = Argument::flag("help", "Print help").short('h');
const VERSION: Argument = Argument::flag("version", "Print version").short('V');

impl CommandSyntax {
    /// The help text of the command that is called by these names.
    pub fn help(&self, path: &str) -> String {
        let mut text = format!("{}\n\n{}\n", self.about, self.usage(path));
        let of = |form: fn(&Argument) -> bool| self.all().copied().filter(form);
        let commands = self.subcommands.iter().map(|c| (c.name.to_owned(), c.about.to_owned()));
        section(&mut text, "Commands", commands.collect());
        section(&mut text, "Arguments", of(|a| !a.is_option()).map(|a| a.row()).collect());
        let version = (!path.contains(' ')).then_some(VERSION);
        let options = of(Argument::is_option).chain([HELP]).chain(version);
        section(&mut text, "Options", options.map(|a| a.row()).collect());
        if !self.notes.is_empty() {
            text.extend(["\n", self.notes, "\n"]);
        }
        text
    }

    /// How it is called, in a line.
    pub fn usage(&self, path: &str) -> String {
        let mut text = format!("Usage: {path}");
        let is_optional = |a: &&Argument| a.is_option() && !a.required;
        if self.all().any(|a| is_optional(&a)) || self.subcommands.is_empty() {
            text.push_str(" [OPTIONS]");
        }
        for argument in self.all().filter(|a| !is_optional(a)) {
            text.push(' ');
            text.push_str(&argument.place());
        }
        match (self.subcommands.is_empty(), self.needs_subcommand) {
            (true, _) => {}
            (_, true) => text.push_str(" <COMMAND>"),
            (_, false) => text.push_str(" [COMMAND]"),
        }
        text
    }
}

impl Argument {
    /// Its place in the line that says how a command is called.
    fn place(&self) -> String {
        let dots = if self.many { "..." } else { "" };
        let dashes = if self.form == ArgumentForm::AfterDashes { "-- " } else { "" };
        match (self.is_option(), self.required) {
            (true, _) => format!("--{} <{}>", self.name, self.value),
            (_, true) => format!("{dashes}<{}>{dots}", self.value),
            (_, false) => format!("[{dashes}{}]{dots}", self.value),
        }
    }

    /// Its line in the help text: how it is written, and what it is for.
    fn row(&self) -> (String, String) {
        let mut name = match (self.is_option(), self.short) {
            (false, _) if self.form == ArgumentForm::AfterDashes => {
                return (format!("<{}>...", self.value), self.help.to_owned());
            }
            (false, _) => self.place(),
            (_, None) => format!("    --{}", self.name),
            (_, Some(short)) => format!("-{short}, --{}", self.name),
        };
        let mut help = self.help.to_owned();
        if self.form == ArgumentForm::Option {
            let value = if self.value.is_empty() { self.name } else { self.value };
            // Writing to a string cannot fail.
            let _ = write!(name, " <{value}>");
        }
        if let Some(default) = self.default {
            // Writing to a string cannot fail.
            let _ = write!(help, " [default: {default}]");
        }
        if let ValueKind::OneOf(words) = self.kind {
            // Writing to a string cannot fail.
            let _ = write!(help, " [possible values: {}]", words.join(", "));
        }
        (name, help)
    }
}

/// A heading and its rows, if there are any.
fn section(text: &mut String, heading: &str, rows: Vec<(String, String)>) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (at, (name, help)) in rows.iter().enumerate() {
        if at == 0 {
            text.extend(["\n", heading, ":\n"]);
        }
        let row = format!("  {name:width$}  {help}");
        text.extend([row.trim_end(), "\n"]);
    }
}
