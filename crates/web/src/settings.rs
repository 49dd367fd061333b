//! The variables that this program reads.

use std::net::SocketAddr;
use std::path::PathBuf;

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// At an address and a port.
    Tcp(SocketAddr),
    /// At a socket in the file system.
    Unix(PathBuf),
}

/// What the variables say.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `SIXTREE_HTTP`.
    pub listen: Listen,
    /// `SIXTREE_HTTP_TOKEN_FILE`: the file that holds what changes need.
    pub token_file: Option<PathBuf>,
    /// `SIXTREE_HTTP_HOSTS`: the names, beside addresses and `localhost`, under which a browser may
    /// ask.
    pub hosts: Vec<String>,
}

/// A variable that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum UnusableVariable {
    /// There is nowhere to listen.
    #[error(
        "SIXTREE_HTTP is not set: give it an address and a port, as 127.0.0.1:9180, or unix:/path"
    )]
    NoAddress,
    /// It is nowhere.
    #[error("SIXTREE_HTTP={0}: give it an address and a port, as 127.0.0.1:9180, or unix:/path")]
    Address(String),
}

impl Settings {
    /// Reads them from the environment.
    pub(crate) fn of_environment() -> Result<Self, UnusableVariable> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let hosts = variable("SIXTREE_HTTP_HOSTS").unwrap_or_default();
        let hosts = hosts.split([',', ' ']).filter(|name| !name.is_empty());
        Ok(Self {
            listen: listen(&variable("SIXTREE_HTTP").ok_or(UnusableVariable::NoAddress)?)?,
            token_file: variable("SIXTREE_HTTP_TOKEN_FILE").map(PathBuf::from),
            hosts: hosts.map(str::to_ascii_lowercase).collect(),
        })
    }

    /// Whether only this machine, or this pod, can ask.
    pub(crate) fn is_local(&self) -> bool {
        match &self.listen {
            Listen::Tcp(address) => address.ip().is_loopback(),
            Listen::Unix(_) => true,
        }
    }
}

fn listen(text: &str) -> Result<Listen, UnusableVariable> {
    if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
        return Ok(Listen::Unix(path.into()));
    }
    text.parse().map(Listen::Tcp).map_err(|_| UnusableVariable::Address(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_listens_at_an_address_or_a_socket() {
        assert_eq!(listen("127.0.0.1:9180"), Ok(Listen::Tcp("127.0.0.1:9180".parse().unwrap())));
        assert_eq!(listen("[::]:80"), Ok(Listen::Tcp("[::]:80".parse().unwrap())));
        assert_eq!(listen("unix:/run/web"), Ok(Listen::Unix("/run/web".into())));
        for bad in ["9180", "localhost:9180", "unix:web", "127.0.0.1"] {
            assert_eq!(listen(bad), Err(UnusableVariable::Address(bad.to_owned())), "{bad}");
        }
    }
}
