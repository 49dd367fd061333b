//! Command lines, parsed by what a command takes.

use super::{Argument, ArgumentForm, CommandSyntax, GivenArguments, ValueKind};
use crate::cli::terminal::visible;
use crate::definition::similar;
use lexopt::Arg;
use std::ffi::{OsStr, OsString};

/// Why there is nothing to run.
#[derive(Debug)]
pub enum NotParsed {
    /// `--help` of a command: its text.
    Help(String),
    /// `--version`.
    Version,
    /// The command line makes no sense: why, and what would.
    Wrong(String),
}

/// Parses the words that follow the command's name.
pub fn parse(
    command: &'static CommandSyntax,
    words: Vec<OsString>,
) -> Result<GivenArguments, NotParsed> {
    let path = command.name.to_owned();
    Parsing::of(command, path).all(&mut lexopt::Parser::from_args(words))
}

/// A command line, as far as it has been parsed.
struct Parsing {
    command: &'static CommandSyntax,
    /// The command's name, after those of the commands that it belongs to.
    path: String,
    given: GivenArguments,
}

impl Parsing {
    fn of(command: &'static CommandSyntax, path: String) -> Self {
        Self { command, path, given: GivenArguments::default() }
    }

    fn all(mut self, words: &mut lexopt::Parser) -> Result<GivenArguments, NotParsed> {
        while !self.took_rest(words)? {
            match words.next() {
                Err(e) => return Err(self.wrong(&e.to_string())),
                Ok(None) => break,
                Ok(Some(Arg::Value(word))) if self.command.subcommands.is_empty() => {
                    self.word(word)?;
                }
                Ok(Some(Arg::Value(word))) => {
                    self.given.subcommand = Some(self.subcommand(&word, words)?);
                    break;
                }
                Ok(Some(option)) => {
                    let option = self.option(&option)?;
                    self.value_of(option, words)?;
                }
            }
        }
        self.complete()
    }

    /// Takes all words that follow if they are one argument's, whatever they look like.
    fn took_rest(&mut self, words: &mut lexopt::Parser) -> Result<bool, NotParsed> {
        let next = self.next_word();
        let Some(mut raw) = words.try_raw_args() else { return Ok(false) };
        let first = raw.peek().unwrap_or_default();
        let after_dashes = self.command.all().find(|a| a.form == ArgumentForm::AfterDashes);
        let rest = next.filter(|argument| argument.form == ArgumentForm::Rest);
        let argument = match (rest, after_dashes) {
            (Some(rest), _) if !self.knows(first) => rest,
            (_, Some(after)) if first == "--" => after,
            _ => return Ok(false),
        };
        // If the next word is another one, it is not taken.
        let _ = raw.next_if(|word| word == "--");
        let all: Vec<OsString> = raw.collect();
        all.into_iter().try_for_each(|word| self.take(argument, word))?;
        Ok(true)
    }

    /// Whether this word is an option of the command.
    fn knows(&self, word: &OsStr) -> bool {
        let Some(name) = word.to_str().and_then(|word| word.strip_prefix("--")) else {
            // As with clap, -t is one and -t5 is not.
            let is = |short: char| word.to_str().is_some_and(|word| word == format!("-{short}"));
            let mut options = self.command.all().filter(|argument| argument.is_option());
            return is('h') || options.any(|option| option.short.is_some_and(is));
        };
        let name = name.split('=').next().unwrap_or_default();
        name == "help" || self.command.all().any(|a| a.is_option() && a.name == name)
    }

    /// The argument that the next word is a value of.
    fn next_word(&self) -> Option<&'static Argument> {
        self.command.all().find(|argument| {
            matches!(argument.form, ArgumentForm::Word | ArgumentForm::Rest)
                && (argument.many || !self.given.get_flag(argument.name))
        })
    }

    fn word(&mut self, word: OsString) -> Result<(), NotParsed> {
        match self.next_word() {
            Some(argument) => self.take(argument, word),
            None => Err(self.wrong(&format!("unexpected argument {}", word.to_string_lossy()))),
        }
    }

    fn subcommand(
        &self,
        word: &OsStr,
        words: &mut lexopt::Parser,
    ) -> Result<(&'static str, Box<GivenArguments>), NotParsed> {
        let all = self.command.subcommands;
        let Some(found) = all.iter().find(|command| command.name == word) else {
            let name = word.to_string_lossy();
            let meant = did_you_mean(&name, all.iter().map(|command| command.name), "");
            return Err(self.wrong(&format!("there is no subcommand {name}{meant}")));
        };
        let path = format!("{} {}", self.path, found.name);
        Ok((found.name, Box::new(Self::of(found, path).all(words)?)))
    }

    /// What the command has under this name.
    fn option(&self, option: &Arg<'_>) -> Result<&'static Argument, NotParsed> {
        let is_root = !self.path.contains(' ');
        let mut options = self.command.all().filter(|argument| argument.is_option());
        let (found, name) = match option {
            Arg::Short('h') | Arg::Long("help") => return Err(NotParsed::Help(self.help())),
            Arg::Short('V') | Arg::Long("version") if is_root => return Err(NotParsed::Version),
            Arg::Long(name) => (options.find(|o| o.name == *name), format!("--{name}")),
            Arg::Short(name) => (options.find(|o| o.short == Some(*name)), format!("-{name}")),
            Arg::Value(_) => (None, String::new()),
        };
        found.ok_or_else(|| {
            let names = self.command.all().filter(|argument| argument.is_option());
            let meant = did_you_mean(name.trim_start_matches('-'), names.map(|o| o.name), "--");
            self.wrong(&format!("there is no option {name}{meant}"))
        })
    }

    fn value_of(
        &mut self,
        option: &'static Argument,
        words: &mut lexopt::Parser,
    ) -> Result<(), NotParsed> {
        if self.given.get_flag(option.name) && !option.many {
            return Err(self.wrong(&format!("--{} is given twice", option.name)));
        }
        if option.form == ArgumentForm::Flag {
            self.given.values.push((option.name, OsString::new()));
            return Ok(());
        }
        match words.value() {
            Ok(value) => self.take(option, value),
            Err(_) => Err(self.wrong(&format!("--{} needs a value", option.name))),
        }
    }

    /// Records a value, if it is one.
    fn take(&mut self, argument: &'static Argument, value: OsString) -> Result<(), NotParsed> {
        if let Err(reason) = argument.accepts(&value) {
            let shown = value.to_string_lossy();
            let what = argument.shown();
            return Err(self.wrong(&format!("{what} cannot be {shown}: {reason}")));
        }
        self.given.values.push((argument.name, value));
        Ok(())
    }

    /// Looks at what goes with what, and adds what is not given.
    fn complete(mut self) -> Result<GivenArguments, NotParsed> {
        if self.command.needs_subcommand && self.given.subcommand.is_none() {
            return Err(self.wrong("a subcommand is missing"));
        }
        for argument in self.command.all() {
            if let Some(reason) = self.misses(argument) {
                return Err(self.wrong(&reason));
            }
        }
        for argument in self.command.all() {
            if let Some(value) = argument.default.filter(|_| !self.given.get_flag(argument.name)) {
                self.given.values.push((argument.name, value.into()));
            }
        }
        Ok(self.given)
    }

    /// What is wrong with an argument's presence or absence.
    fn misses(&self, argument: &'static Argument) -> Option<String> {
        let is_given = |name| self.given.get_flag(name);
        let shown = |name| self.command.all().find(|a| a.name == name).map(Argument::shown);
        let this = argument.shown();
        if !is_given(argument.name) {
            let other = argument.unless.filter(|other| !is_given(other)).and_then(shown);
            return match other {
                Some(other) => Some(format!("{this} or {other} is missing")),
                None => argument.required.then(|| format!("{this} is missing")),
            };
        }
        if let Some(other) = argument.without.filter(|other| is_given(other)).and_then(shown) {
            return Some(format!("{this} makes no sense beside {other}"));
        }
        let other = argument.with.filter(|other| !is_given(other)).and_then(shown)?;
        Some(format!("{this} needs {other}"))
    }

    fn help(&self) -> String {
        self.command.help(&self.path)
    }

    fn wrong(&self, what: &str) -> NotParsed {
        let (path, usage) = (&self.path, self.command.usage(&self.path));
        let what = visible(what);
        NotParsed::Wrong(format!("{path}: fatal: {what}\n{usage}\n{path} --help tells more\n"))
    }
}

impl Argument {
    /// Whether a value is one that it may have; if not, why.
    fn accepts(&self, value: &OsStr) -> Result<(), String> {
        if let ValueKind::Bytes = self.kind {
            return Ok(());
        }
        let text = value.to_str().ok_or("it is not UTF-8")?;
        match self.kind {
            ValueKind::Text | ValueKind::Bytes => Ok(()),
            ValueKind::Number(least, most) => match text.parse::<u64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(()),
                _ => Err(format!("it must be a number from {least} to {most}")),
            },
            ValueKind::OneOf(words) if words.contains(&text) => Ok(()),
            ValueKind::OneOf(words) => Err(format!("it must be one of {}", words.join(", "))),
            ValueKind::Checked(check) => check(text),
        }
    }

    /// What it is called in a message.
    fn shown(&self) -> String {
        if self.is_option() { format!("--{}", self.name) } else { self.value.to_owned() }
    }
}

/// The words that suggest another name, if there is one like it.
fn did_you_mean(name: &str, names: impl Iterator<Item = &'static str>, before: &str) -> String {
    similar(name, names).map_or(String::new(), |meant| format!("; did you mean {before}{meant}?"))
}
