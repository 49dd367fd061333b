//! The logging script: from directives to what is done with which lines. Pure.

use crate::format::decimal;
use crate::tools::Word;
use crate::tools::die::show;
use std::time::Duration;

/// A logging script. `M` is a compiled regular expression.
#[derive(Debug)]
pub struct Script<M> {
    /// What every line goes through, in order.
    pub steps: Vec<Step<M>>,
    /// The logging directories, in the order of the script.
    pub logdirs: Vec<Settings>,
    /// Whether directives follow the last action, for nothing.
    pub has_extra: bool,
}

/// Some selections, then some actions.
#[derive(Debug)]
pub struct Step<M> {
    /// They change whether the line is selected.
    pub rules: Vec<Rule<M>>,
    /// They happen to a line that is selected then.
    pub actions: Vec<Action>,
}

/// A selection directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule<M> {
    /// `+`: selects what matches.
    Select(M),
    /// `-`: deselects what matches.
    Deselect(M),
    /// `f`: selects exactly what no action has happened to.
    Untouched,
}

/// An action directive, with the control directives that matter to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Whether a TAI64N stamp precedes the line.
    pub stamp: bool,
    /// Whether date and time precede the line, after the stamp.
    pub date: bool,
    /// What else precedes the line: a prefix and a space, or nothing.
    pub prefix: Word,
    /// Where the line goes.
    pub output: Output,
}

/// Where a line goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// `1`: to stdout.
    Stdout,
    /// `2`: to stderr, with a lead.
    Alert {
        /// How many bytes of the line are shown; 0 is all.
        max: usize,
    },
    /// `=`: to a file that holds the last line only.
    Status {
        /// Its name.
        file: Word,
        /// Its size in bytes; 0 is that of the line.
        size: usize,
    },
    /// To the logging directory of this index.
    Logdir(usize),
}

/// What is to be known about a logging directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The directory.
    pub dir: Word,
    /// `n`: how many archives to keep.
    pub archives: u32,
    /// `s`: how many bytes a file may have.
    pub file_size: u64,
    /// `l`: how much smaller it may stay.
    pub tolerance: u64,
    /// `S`: how many bytes all archives may have; 0 is any number.
    pub total_size: u64,
    /// `r`: how long to wait after a failure.
    pub retry: Duration,
    /// `R`: how often to rotate, whatever the size.
    pub period: Option<Duration>,
    /// `!` or `?`: what archives go through.
    pub processor: Option<Processor>,
}

/// A command line, by whom it is interpreted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processor {
    /// `!`: execline.
    Execline(Word),
    /// `?`: /bin/sh.
    Shell(Word),
}

/// What is wrong with a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A word that is no directive, or has no valid value.
    #[error("unrecognized directive: {0}")]
    Unrecognized(String),
    /// A directive with something after it, or without what must follow.
    #[error("syntax error at directive: {0}")]
    Syntax(String),
    /// A tolerance above half of the size.
    #[error("directive {0} conflicts with previous s directive")]
    Conflict(String),
    /// Nothing is done with any line.
    #[error("no action directive specified")]
    NoAction,
}

/// The sizes that `s` may set.
const FILE_SIZES: std::ops::RangeInclusive<u32> = 4096..=268_435_455;

/// Reads a script. `compile` turns the text of a regular expression into one.
pub fn parse<M>(words: &[Word], compile: impl Fn(&[u8]) -> Option<M>) -> Result<Script<M>, Error> {
    let mut parser = Parser::new();
    words.iter().try_for_each(|word| parser.directive(word, &compile))?;
    let has_extra = !parser.rules.is_empty();
    match parser.steps.is_empty() {
        true => Err(Error::NoAction),
        false => Ok(Script { steps: parser.steps, logdirs: parser.logdirs, has_extra }),
    }
}

struct Parser<M> {
    steps: Vec<Step<M>>,
    logdirs: Vec<Settings>,
    /// The selections since the last action.
    rules: Vec<Rule<M>>,
    /// What holds for the next logging directories.
    settings: Settings,
    alert_size: usize,
    status_size: usize,
    prefix: Word,
    stamp: bool,
    date: bool,
}

impl<M> Parser<M> {
    fn new() -> Self {
        let settings = Settings {
            dir: Word::new(),
            archives: 10,
            file_size: 99_999,
            tolerance: 2000,
            total_size: 0,
            retry: Duration::from_secs(2),
            period: None,
            processor: None,
        };
        Self {
            steps: Vec::new(),
            logdirs: Vec::new(),
            rules: Vec::new(),
            settings,
            alert_size: 200,
            status_size: 1001,
            prefix: Word::new(),
            stamp: false,
            date: false,
        }
    }

    fn directive(
        &mut self,
        word: &[u8],
        compile: &impl Fn(&[u8]) -> Option<M>,
    ) -> Result<(), Error> {
        let unrecognized = || Error::Unrecognized(show(word).to_string());
        let (&letter, value) = word.split_first().ok_or_else(unrecognized)?;
        let alone =
            || if value.is_empty() { Ok(()) } else { Err(Error::Syntax(show(word).to_string())) };
        let filled =
            || if value.is_empty() { Err(Error::Syntax(show(word).to_string())) } else { Ok(()) };
        let pattern = || compile(value).ok_or_else(unrecognized);
        let number = || value_as::<u32>(value).ok_or_else(unrecognized);
        match letter {
            b'+' => self.rules.push(Rule::Select(pattern()?)),
            b'-' => self.rules.push(Rule::Deselect(pattern()?)),
            b'f' => alone().map(|()| self.rules.push(Rule::Untouched))?,
            b'n' => self.settings.archives = number()?,
            b's' => {
                let size = number()?.clamp(*FILE_SIZES.start(), *FILE_SIZES.end());
                self.settings.file_size = size.into();
            }
            b'S' => self.settings.total_size = value_as(value).ok_or_else(unrecognized)?,
            b'l' => self.tolerance(word, number()?.into())?,
            b'r' => self.settings.retry = Duration::from_millis(number()?.into()),
            b'R' => {
                let seconds = Duration::from_secs(number()?.into());
                self.settings.period = Some(seconds).filter(|period| !period.is_zero());
            }
            b'E' => self.alert_size = number()? as usize,
            b'^' => self.status_size = number()? as usize,
            b'p' if value.is_empty() => self.prefix.clear(),
            b'p' => self.prefix = [value, b" "].concat(),
            b'!' => self.processor(value, Processor::Execline),
            b'?' => self.processor(value, Processor::Shell),
            b't' => alone().map(|()| self.stamp = true)?,
            b'T' => alone().map(|()| self.date = true)?,
            b'1' => alone().map(|()| self.action(Output::Stdout))?,
            b'2' => alone().map(|()| self.action(Output::Alert { max: self.alert_size }))?,
            b'=' => {
                filled()?;
                self.action(Output::Status { file: value.to_vec(), size: self.status_size });
            }
            b'.' | b'/' => self.logdir(word),
            _ => return Err(unrecognized()),
        }
        Ok(())
    }

    fn tolerance(&mut self, word: &[u8], tolerance: u64) -> Result<(), Error> {
        if tolerance > self.settings.file_size / 2 {
            return Err(Error::Conflict(show(word).to_string()));
        }
        self.settings.tolerance = tolerance;
        Ok(())
    }

    fn processor(&mut self, command: &[u8], kind: fn(Word) -> Processor) {
        self.settings.processor = (!command.is_empty()).then(|| kind(command.to_vec()));
    }

    fn logdir(&mut self, dir: &[u8]) {
        self.logdirs.push(Settings { dir: dir.to_vec(), ..self.settings.clone() });
        self.action(Output::Logdir(self.logdirs.len() - 1));
    }

    /// Adds an action: the first after some selections begins a step. The stamps are used up.
    fn action(&mut self, output: Output) {
        let action = Action {
            stamp: std::mem::take(&mut self.stamp),
            date: std::mem::take(&mut self.date),
            prefix: self.prefix.clone(),
            output,
        };
        match self.steps.last_mut().filter(|_| self.rules.is_empty()) {
            Some(step) => step.actions.push(action),
            None => {
                let rules = std::mem::take(&mut self.rules);
                self.steps.push(Step { rules, actions: vec![action] });
            }
        }
    }
}

fn value_as<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    decimal::parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Script<Word>, Error> {
        let words: Vec<Word> = words.iter().map(|w| w.as_bytes().to_vec()).collect();
        parse(&words, |pattern| Some(pattern.to_vec()))
    }

    #[test]
    fn stamps_are_used_up_and_all_else_stays() {
        let script = read(&["t", "T", "pX", "n3", "s1", "!gz", "./a", "./b", "1"]).unwrap();
        let step = script.steps.first().unwrap();
        let shape: Vec<_> = step.actions.iter().map(|a| (a.stamp, a.date, &a.output)).collect();
        let (a, b) = (&Output::Logdir(0), &Output::Logdir(1));
        assert_eq!(shape, [(true, true, a), (false, false, b), (false, false, &Output::Stdout)]);
        assert!(step.actions.iter().all(|action| action.prefix == b"X "));
        for settings in &script.logdirs {
            assert_eq!((settings.archives, settings.file_size), (3, 4096));
            assert_eq!(settings.processor, Some(Processor::Execline(b"gz".to_vec())));
        }
    }

    #[test]
    fn a_selection_after_an_action_begins_a_step() {
        let script = read(&["-", "+a", "1", "2", "f", "n1", "=st", "+x"]).unwrap();
        let rules: Vec<_> =
            script.steps.iter().map(|s| (s.rules.clone(), s.actions.len())).collect();
        let first = vec![Rule::Deselect(vec![]), Rule::Select(b"a".to_vec())];
        assert_eq!(rules, [(first, 2), (vec![Rule::Untouched], 1)]);
        assert!(script.has_extra);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let text = |words: &[&str]| read(words).map(drop).unwrap_err().to_string();
        assert_eq!(text(&["n1"]), "no action directive specified");
        assert_eq!(text(&["+a"]), "no action directive specified");
        assert_eq!(text(&["q", "1"]), "unrecognized directive: q");
        assert_eq!(text(&["", "1"]), "unrecognized directive: ");
        assert_eq!(text(&["nx", "1"]), "unrecognized directive: nx");
        assert_eq!(text(&["11"]), "syntax error at directive: 11");
        assert_eq!(text(&["="]), "syntax error at directive: =");
        let conflict = "directive l2501 conflicts with previous s directive";
        assert_eq!(text(&["s5000", "l2501", "./d"]), conflict);
    }
}
