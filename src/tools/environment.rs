//! The environment that a chain of programs hands on: ordered, as execve passes it.

use super::Word;

/// Variables in order. As with the originals, a variable that is set again moves to the end, and
/// the last one takes the place of one that is removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment(Vec<Word>);

impl Environment {
    /// The environment of this process.
    pub fn inherited() -> Self {
        use std::os::unix::ffi::OsStringExt;
        let joined = |(k, v): (std::ffi::OsString, std::ffi::OsString)| {
            [k.into_vec(), b"=".to_vec(), v.into_vec()].concat()
        };
        Self(std::env::vars_os().map(joined).collect())
    }
    /// The variables of `KEY=VALUE` strings.
    pub fn from_strings(strings: Vec<Word>) -> Self {
        Self(strings)
    }
    /// No variable at all.
    pub fn empty() -> Self {
        Self::default()
    }
    /// The value of a variable.
    pub fn get(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|(k, _)| *k == name).map(|(_, v)| v)
    }
    /// Sets a variable; the name must hold no `=`.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.unset(name);
        self.0.push([name, b"=", value].concat());
    }
    /// Sets the variables that have a value, and removes the others.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = (Word, Option<Word>)>) {
        for (name, value) in changes {
            match value {
                Some(value) => self.set(&name, &value),
                None => self.unset(&name),
            }
        }
    }
    /// Removes a variable, if it is there.
    pub fn unset(&mut self, name: &[u8]) {
        let at = self.iter().position(|(k, _)| k == name);
        if let Some(at) = at {
            self.0.swap_remove(at);
        }
    }
    /// Keeps the variables (name, value) for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        self.0.retain(|entry| {
            let (k, v) = split(entry);
            keep(k, v)
        });
    }
    /// Gives each variable the name that `rename` answers to its present one; without an answer
    /// it is dropped.
    pub fn rename(&mut self, mut rename: impl FnMut(&[u8]) -> Option<Word>) {
        let renamed =
            self.iter().filter_map(|(k, v)| Some([&rename(k)?, b"=".as_slice(), v].concat()));
        self.0 = renamed.collect();
    }
    /// The variables in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|entry| split(entry))
    }
    /// The `KEY=VALUE` strings, as execve takes them.
    pub fn strings(&self) -> &[Word] {
        &self.0
    }
}

impl FromIterator<(Word, Word)> for Environment {
    fn from_iter<I: IntoIterator<Item = (Word, Word)>>(pairs: I) -> Self {
        let mut all = Self::empty();
        pairs.into_iter().for_each(|(k, v)| all.set(&k, &v));
        all
    }
}

fn split(entry: &[u8]) -> (&[u8], &[u8]) {
    let at = entry.iter().position(|&b| b == b'=').unwrap_or(entry.len());
    (&entry[..at], entry.get(at + 1..).unwrap_or_default())
}
