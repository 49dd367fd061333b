//! The options that these tools share: how a connection is conducted, from its handshake to its
//! end.

use sixtree::tools::{Exit, Options, Process, Word};

/// Which side of a connection this one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsSide {
    /// The one that has connected.
    Client,
    /// The one that was connected to.
    Server,
}

/// The letters that every tool knows.
const LETTERS: &str = "sSjJYyv:K:k:";

/// Long names of the letters of both sides.
const LONG: &[(&str, char)] = &[
    ("no-close-notify", 's'),
    ("close-notify", 'S'),
    ("no-enforce-close-notify", 'j'),
    ("enforce-close-notify", 'J'),
    ("verbosity", 'v'),
    ("handshake-timeout", 'K'),
    ("no-keep", 'z'),
    ("keep", 'Z'),
    ("read-fd", '6'),
    ("write-fd", '7'),
    ("notification-fd", 'd'),
];

/// What a letter stands for that no tool takes as one: `--verify-cert` and so on.
pub(crate) const VERIFY: char = '+';
/// `--no-verify-cert`.
pub(crate) const NO_VERIFY: char = '~';
/// `--sni`.
pub(crate) const SNI: char = '@';
/// `--mandatory-sni`.
pub(crate) const MANDATORY_SNI: char = '!';

/// Long names of a client's letters.
pub(crate) const CLIENT: &[(&str, char)] = &[
    ("no-client-cert", 'Y'),
    ("client-cert", 'y'),
    ("servername", 'k'),
    ("verify-cert", VERIFY),
    ("no-verify-cert", NO_VERIFY),
];

/// Long names of a server's letters.
pub(crate) const SERVER: &[(&str, char)] = &[
    ("client-cert", 'Y'),
    ("mandatory-client-cert", 'y'),
    ("sni-level", 'k'),
    ("sni", SNI),
    ("mandatory-sni", MANDATORY_SNI),
];

/// Parses the options of a tool, which knows `more` letters than all of them do.
pub(crate) fn parse(
    process: &Process,
    argv: Vec<Word>,
    side: TlsSide,
    more: &str,
) -> Result<Options, Exit> {
    let spec = format!("{LETTERS}{more}");
    let own = if side == TlsSide::Client { CLIENT } else { SERVER };
    let shared = LONG.iter().filter(|(_, letter)| spec.contains(*letter));
    let long: Vec<_> = shared.chain(own).copied().collect();
    Options::parse_long(process, argv, &spec, &long)
}

/// How a connection is conducted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conduct {
    /// How much is reported; 0: only what is fatal, and not even a timeout.
    pub verbosity: u32,
    /// How many milliseconds the handshake may take; 0: any number.
    pub handshake: u32,
    /// Whether the end of what is sent is told by TLS, too, and not only by TCP.
    pub close_notify: bool,
    /// Whether the other side must do so.
    pub strict: bool,
}

impl Conduct {
    /// As the options say.
    pub(crate) fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        Ok(Self {
            verbosity: options.number(process, 'v', 1)?,
            handshake: options.number(process, 'K', 0)?,
            close_notify: options.last_of("sS") == Some('S'),
            strict: options.last_of("jJ") == Some('J'),
        })
    }
}
