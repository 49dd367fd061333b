//! What the process that reads HTTP may ask of the one with the rights.

use serde::{Deserialize, Serialize};

/// The longest name of a service.
const LONGEST_NAME: usize = 255;

/// The most lines of a log that are asked for at once.
pub(crate) const MOST_LINES: u32 = 100_000;

/// One question. Each is a command of `sixtree`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ask {
    /// All services.
    Status,
    /// Whether all is well.
    Health,
    /// What took how long at boot.
    Timing,
    /// What a service has written; of all that there is where it has no name.
    Logs {
        /// The service.
        name: Option<String>,
        /// How many lines to begin with.
        lines: u32,
        /// Whether to go on.
        follow: bool,
    },
    /// Whether this is the token.
    Authorize {
        /// The token.
        token: String,
    },
    /// A change, for whoever has the token.
    Change {
        /// What to do.
        verb: Verb,
        /// To which service or bundle.
        name: String,
        /// The token.
        token: String,
    },
}

/// What can be done to a service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    /// `sixtree start`
    Start,
    /// `sixtree stop`
    Stop,
    /// `sixtree restart`
    Restart,
    /// `sixtree kill -s SIGNAL`
    Signal(String),
}

impl Ask {
    /// The words of the command. `None`: no name or signal is written so.
    pub(crate) fn words(&self) -> Option<Vec<String>> {
        let mut words: Vec<String> = match self {
            Self::Status => vec!["status".into(), "--json".into()],
            Self::Health => vec!["healthcheck".into()],
            Self::Timing => vec!["timing".into(), "--json".into()],
            Self::Authorize { .. } => vec!["--version".into()],
            Self::Logs { lines, follow, .. } => {
                let lines = (*lines).min(MOST_LINES).to_string();
                let follow = follow.then(|| "--follow".to_owned());
                ["logs".to_owned(), "--lines".to_owned(), lines].into_iter().chain(follow).collect()
            }
            Self::Change { verb, .. } => match verb {
                Verb::Start => vec!["start".into()],
                Verb::Stop => vec!["stop".into()],
                Verb::Restart => vec!["restart".into()],
                Verb::Signal(signal) => {
                    let plain =
                        signal.len() <= 16 && signal.bytes().all(|b| b.is_ascii_alphanumeric());
                    plain.then(|| vec!["kill".into(), "-s".into(), signal.clone()])?
                }
            },
        };
        let name = match self {
            Self::Status | Self::Health | Self::Timing | Self::Authorize { .. } => None,
            Self::Logs { name, .. } => name.as_ref(),
            Self::Change { name, .. } => Some(name),
        };
        if let Some(name) = name {
            words.push("--".into());
            words.push(is_name(name).then(|| name.clone())?);
        }
        Some(words)
    }

    /// The token with which it is asked, where it needs one.
    pub(crate) fn token(&self) -> Option<&str> {
        match self {
            Self::Change { token, .. } | Self::Authorize { token } => Some(token),
            Self::Status | Self::Health | Self::Timing | Self::Logs { .. } => None,
        }
    }

    /// Whether it goes on until nobody listens any more.
    pub(crate) fn is_endless(&self) -> bool {
        matches!(self, Self::Logs { follow: true, .. })
    }
}

/// Whether a service can be called so.
fn is_name(name: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != '/';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_command() {
        let words = |ask: Ask| ask.words().map(|words| words.join(" "));
        assert_eq!(words(Ask::Status).as_deref(), Some("status --json"));
        let logs = |name: Option<&str>| {
            words(Ask::Logs { name: name.map(str::to_owned), lines: 7, follow: true })
        };
        assert_eq!(logs(None).as_deref(), Some("logs --lines 7 --follow"));
        assert_eq!(logs(Some("--help")).as_deref(), Some("logs --lines 7 --follow -- --help"));
        let change = |verb, name: &str| {
            words(Ask::Change { verb, name: name.to_owned(), token: String::new() })
        };
        assert_eq!(
            change(Verb::Signal("HUP".into()), "a b").as_deref(),
            Some("kill -s HUP -- a b")
        );
        for bad in ["", "a/b", "a\nb", &"x".repeat(256)] {
            assert_eq!(change(Verb::Stop, bad), None, "{bad}");
        }
        assert_eq!(change(Verb::Signal("-1 x".into()), "a"), None);
    }
}
