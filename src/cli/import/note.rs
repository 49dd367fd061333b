//! What is to be told about a file that is imported: what is wrong with it, and what in it has no
//! equivalent.

use std::fmt;
use std::rc::Rc;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// The file, as it is shown.
    pub file: Rc<str>,
    /// The line, from 1.
    pub line: u32,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Note {
    at: Origin,
    /// Whether it keeps the file from being used.
    is_error: bool,
    what: String,
    remedy: String,
}

/// What is told so far.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { file, line } = &self.at;
        let kind = if self.is_error { "error: " } else { "" };
        write!(f, "{file}:{line}: {kind}{}: {}", self.what, self.remedy)
    }
}

impl Notes {
    /// The file cannot be used.
    pub(super) fn error(
        &mut self,
        at: &Origin,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(at, true, what.into(), remedy.into());
    }

    /// This has no equivalent, or another than is to be expected.
    pub(super) fn differs(
        &mut self,
        at: &Origin,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add(at, false, what.into(), remedy.into());
    }

    /// Whether the file cannot be used.
    pub(super) fn has_errors(&self) -> bool {
        self.0.iter().any(|note| note.is_error)
    }

    /// All of it, a line each, in the order of the lines that it is about.
    pub(super) fn text(&self) -> String {
        let mut notes: Vec<&Note> = self.0.iter().collect();
        notes.sort_by_key(|note| (&note.at.file, note.at.line));
        notes.iter().map(|note| format!("{note}\n")).collect()
    }

    /// What is said of each of several processes is said once.
    fn add(&mut self, at: &Origin, is_error: bool, what: String, remedy: String) {
        let note = Note { at: at.clone(), is_error, what, remedy };
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}
