//! What is done with a line: selections, then actions.

use super::logdir::Logdir;
use super::matcher::Matcher;
use super::script::{Action, Output, Rule, Step};
use super::status::StatusFile;
use super::stdout::Stdout;
use super::warnings::Warnings;
use crate::format::tai::{Tain, Utc};
use crate::sys::clock;
use crate::sys::fd;
use crate::sys::poll::Deadline;
use crate::sys::timezone::Zone;
use crate::tools::s6::dates::Dates;

/// How many bytes may wait to be written before no more are read. Without a bound, a full disk
/// would end in an out-of-memory kill that loses them all.
const MAX_BACKLOG: usize = 64 << 20;

/// Everything that lines go to.
pub(super) struct Outputs<'a> {
    steps: Vec<Step<Matcher>>,
    /// The logging directories.
    pub logdirs: Vec<Logdir>,
    stdout: Stdout,
    statuses: Vec<StatusFile>,
    stamps: Stamps,
    alert: Vec<u8>,
    warnings: Warnings<'a>,
}

impl<'a> Outputs<'a> {
    /// The outputs of a script.
    pub(super) fn new(
        steps: Vec<Step<Matcher>>,
        logdirs: Vec<Logdir>,
        warnings: Warnings<'a>,
    ) -> Self {
        let actions = || steps.iter().flat_map(|step| &step.actions);
        let statuses = actions().filter_map(|action| match &action.output {
            Output::Status { file, size } => Some(StatusFile::new(file.clone(), *size)),
            _ => None,
        });
        let statuses = statuses.collect();
        let stamps = Stamps::new(actions().any(|a| a.stamp), actions().any(|a| a.date));
        let (stdout, alert) = (Stdout::new(), Vec::new());
        Self { steps, logdirs, stdout, statuses, stamps, alert, warnings }
    }

    /// Puts a line, which has a NUL at its end, through the script.
    pub(super) fn log(&mut self, line: &[u8]) {
        self.stamps.renew();
        let text = line.strip_suffix(b"\0").unwrap_or(line);
        let (mut selected, mut acted) = (true, false);
        let mut status = self.statuses.iter_mut();
        for step in &self.steps {
            selected = step.rules.iter().fold(selected, |selected, rule| match rule {
                Rule::Select(matcher) => selected || matcher.matches(line),
                Rule::Deselect(matcher) => selected && !matcher.matches(line),
                Rule::Untouched => !acted,
            });
            for action in &step.actions {
                let stamps = &self.stamps;
                let append = |out: &mut Vec<u8>| stamps.append(action, text, b"\n", out);
                match action.output {
                    // They are counted whether they are written or not.
                    Output::Status { .. } => {
                        if let Some(status) = status.next().filter(|_| selected) {
                            status.set(append);
                        }
                    }
                    _ if !selected => {}
                    Output::Stdout if self.stdout.is_open() => append(self.stdout.outbox.end()),
                    Output::Stdout => {}
                    Output::Alert { max } => alert(&mut self.alert, max, action, stamps, text),
                    Output::Logdir(index) => {
                        if let Some(logdir) = self.logdirs.get_mut(index) {
                            append(logdir.outbox.end());
                        }
                    }
                }
            }
            acted |= selected;
        }
    }

    /// Writes what can be written now.
    pub(super) fn flush(&mut self) {
        for status in &mut self.statuses {
            if let Err(e) = status.save() {
                self.warnings.unable_with("write status file", &status.file, e);
            }
        }
        self.logdirs.iter_mut().for_each(|logdir| logdir.flush(self.warnings));
        self.stdout.flush(self.warnings);
    }

    /// Whether lines wait for stdout.
    pub(super) fn waits_for_stdout(&self) -> bool {
        !self.stdout.outbox.is_empty()
    }

    /// Whether lines wait for anything.
    pub(super) fn has_pending(&self) -> bool {
        self.waits_for_stdout() || self.logdirs.iter().any(|logdir| !logdir.outbox.is_empty())
    }

    /// Whether too many lines wait.
    pub(super) fn is_jammed(&self) -> bool {
        let waiting = |logdir: &Logdir| logdir.outbox.pending().len();
        let all = self.logdirs.iter().map(waiting).sum::<usize>();
        all + self.stdout.outbox.pending().len() > MAX_BACKLOG
    }

    /// Whether all is written, and no rotation under way.
    pub(super) fn is_settled(&self) -> bool {
        !self.waits_for_stdout() && self.logdirs.iter().all(Logdir::is_settled)
    }

    /// When something is to be done even if nothing happens.
    pub(super) fn deadline(&self) -> Deadline {
        self.logdirs.iter().fold(Deadline::NEVER, |soonest, logdir| {
            soonest.or_sooner(logdir.retry).or_sooner(logdir.next_period)
        })
    }
}

/// Writes to stderr at once; if that blocks, so be it.
fn alert(buffer: &mut Vec<u8>, max: usize, action: &Action, stamps: &Stamps, text: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(b"s6-log: alert: ");
    // The dots are to be shorter than what they stand for.
    match text.get(..max).filter(|_| max > 0 && text.len() > max + 3) {
        Some(cut) => stamps.append(action, cut, b"...\n", buffer),
        None => stamps.append(action, text, b"\n", buffer),
    }
    fd::write_to_stderr(buffer);
}

/// The time of a line, in the forms that the script asks for.
struct Stamps {
    wants_stamp: bool,
    wants_date: bool,
    stamp: Vec<u8>,
    date: Vec<u8>,
    dates: Dates,
}

impl Stamps {
    fn new(wants_stamp: bool, wants_date: bool) -> Self {
        let dates = Dates::new(Zone::Local);
        Self { wants_stamp, wants_date, stamp: Vec::new(), date: Vec::new(), dates }
    }

    /// Takes the time.
    fn renew(&mut self) {
        if !self.wants_stamp && !self.wants_date {
            return;
        }
        let since_epoch = clock::utc();
        if self.wants_stamp {
            self.stamp.clear();
            self.stamp.extend_from_slice(&Tain::from_utc(since_epoch).label());
            self.stamp.push(b' ');
        }
        if self.wants_date {
            self.date.clear();
            self.dates.append(Utc { since_epoch, leap: false }, &mut self.date);
            self.date.extend_from_slice(b"  ");
        }
    }

    /// Appends a line with all that precedes it.
    fn append(&self, action: &Action, text: &[u8], end: &[u8], out: &mut Vec<u8>) {
        if action.stamp {
            out.extend_from_slice(&self.stamp);
        }
        if action.date {
            out.extend_from_slice(&self.date);
        }
        out.extend_from_slice(&action.prefix);
        out.extend_from_slice(text);
        out.extend_from_slice(end);
    }
}
