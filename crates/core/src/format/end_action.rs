//! What an end of a service brings about: the word in `on-success`, `on-failure`, `on-give-up`, and
//! in the variables that are their defaults.

use std::fmt;

/// What is done when a longrun has ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndAction {
    /// It is started again.
    Restart,
    /// It stays down.
    Down,
    /// The container stops.
    Stop,
}

impl EndAction {
    /// Every action.
    pub const ALL: &[Self] = &[Self::Restart, Self::Down, Self::Stop];
    /// What can be done when a longrun is given up.
    pub const LAST: &[Self] = &[Self::Down, Self::Stop];

    /// The action of these that a word stands for.
    pub fn parse(word: &[u8], of: &[Self]) -> Option<Self> {
        of.iter().copied().find(|action| action.word().as_bytes() == word)
    }

    /// The words for these, as a sentence has them.
    pub fn words(of: &[Self]) -> &'static str {
        if of.contains(&Self::Restart) { "restart, down or stop" } else { "down or stop" }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Down => "down",
            Self::Stop => "stop",
        }
    }
}

impl fmt::Display for EndAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
