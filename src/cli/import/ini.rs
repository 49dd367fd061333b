//! The ini dialect of supervisord: Python's configparser with `;` and `#` for comments at the end
//! of a line, too. Reference: <https://docs.python.org/3/library/configparser.html>.

use super::note::{Notes, Origin};
use std::rc::Rc;

/// All that was read; a section that is begun again goes on.
#[derive(Debug, Default)]
pub(super) struct Ini {
    /// In the order in which they begin.
    pub sections: Vec<Section>,
    /// What `[DEFAULT]` says, for all of them.
    defaults: Vec<Setting>,
}

/// A section.
#[derive(Debug)]
pub(super) struct Section {
    /// What is between its brackets.
    pub name: String,
    /// Where it begins.
    pub at: Origin,
    /// What it says, the last of a key alone.
    pub settings: Vec<Setting>,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The key, in lower case.
    pub key: String,
    /// The value; its lines are joined by newlines.
    pub value: String,
    /// Where the key stands.
    pub at: Origin,
}

/// Where settings go.
#[derive(Clone, Copy)]
enum Destination {
    Nowhere,
    Defaults,
    Section(usize),
}

impl Ini {
    /// Adds what a file says.
    pub(super) fn read(&mut self, text: &str, file: &Rc<str>, notes: &mut Notes) {
        let mut place = Destination::Nowhere;
        // The setting that an indented line goes on with, and how far its first line is indented.
        let mut open: Option<Setting> = None;
        let mut indented = 0;
        for (number, line) in (1..).zip(text.lines()) {
            let at = Origin { file: file.clone(), line: number };
            let (value, has_comment) = without_comment(line);
            if value.is_empty() {
                if let Some(setting) = open.as_mut().filter(|_| !has_comment) {
                    setting.value.push('\n');
                }
                continue;
            }
            let indent = line.chars().take_while(|c| c.is_whitespace()).count();
            if let Some(setting) = open.as_mut().filter(|_| indent > indented) {
                setting.value.push('\n');
                setting.value.push_str(value);
                continue;
            }
            indented = indent;
            self.close(place, open.take());
            if let Some(name) = header(value) {
                place = self.section(name, at);
            } else if matches!(place, Destination::Nowhere) {
                notes.error(&at, format!("{value:?} is in no section"), "put it below one");
                return;
            } else if let Some((key, value)) = setting(value) {
                open = Some(Setting { key, value, at });
            } else {
                notes.error(&at, format!("{value:?} is no setting"), "write KEY=VALUE");
            }
        }
        self.close(place, open);
    }

    /// What a section says of a key.
    pub(super) fn get<'a>(&'a self, section: &'a Section, key: &str) -> Option<&'a Setting> {
        let is_it = |setting: &&Setting| setting.key == key;
        section.settings.iter().find(is_it).or_else(|| self.defaults.iter().find(is_it))
    }

    /// A section of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Begins a section, or goes on with it.
    fn section(&mut self, name: &str, at: Origin) -> Destination {
        if name == "DEFAULT" {
            return Destination::Defaults;
        }
        let known = self.sections.iter().position(|section| section.name == name);
        Destination::Section(known.unwrap_or_else(|| {
            self.sections.push(Section { name: name.to_owned(), at, settings: Vec::new() });
            self.sections.len() - 1
        }))
    }

    /// Keeps a setting that is read to its end.
    fn close(&mut self, place: Destination, setting: Option<Setting>) {
        let settings = match place {
            Destination::Nowhere => None,
            Destination::Defaults => Some(&mut self.defaults),
            Destination::Section(number) => self.sections.get_mut(number).map(|s| &mut s.settings),
        };
        if let (Some(settings), Some(mut setting)) = (settings, setting) {
            setting.value.truncate(setting.value.trim_end().len());
            settings.retain(|known| known.key != setting.key);
            settings.push(setting);
        }
    }
}

/// A line up to its comment, and whether it has one. Inside of a line a comment begins after a
/// blank.
fn without_comment(line: &str) -> (&str, bool) {
    let begins = |(at, c): &(usize, char)| {
        matches!(c, ';' | '#')
            && line
                .get(..*at)
                .is_some_and(|before| before.is_empty() || before.ends_with(char::is_whitespace))
    };
    let comment = line.char_indices().find(begins).map(|(at, _)| at);
    (line.get(..comment.unwrap_or(line.len())).unwrap_or(line).trim(), comment.is_some())
}

/// What is between the brackets of a section's header.
fn header(line: &str) -> Option<&str> {
    let (name, _) = line.strip_prefix('[')?.rsplit_once(']')?;
    (!name.is_empty()).then_some(name)
}

fn setting(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once(['=', ':'])?;
    let key = key.trim_end().to_lowercase();
    (!key.is_empty()).then(|| (key, value.trim().to_owned()))
}
