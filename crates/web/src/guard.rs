//! Who may ask: a page of somebody else's in a browser must not, whatever name it gives this
//! address (DNS rebinding), and what changes something needs the token.

use crate::settings::Settings;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST};
use std::net::IpAddr;

/// What is asked of a request.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    /// Whether logs need the token: others than this machine may ask.
    logs_need_token: bool,
}

impl Guard {
    /// By the variables.
    pub(crate) fn new(settings: &Settings) -> Self {
        let own = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
        let own = own.into_iter().map(|name| name.to_ascii_lowercase());
        let hosts = own.chain(settings.hosts.iter().cloned()).collect();
        Self { hosts, logs_need_token: !settings.is_local() }
    }

    /// Whether a request names this server: by an address, as `localhost`, by the container's name,
    /// or by one of `SIXTREE_HTTP_HOSTS`.
    pub(crate) fn knows_host(&self, headers: &HeaderMap) -> bool {
        let mut all = headers.get_all(HOST).iter();
        let (Some(host), None) = (all.next(), all.next()) else { return false };
        let Ok(host) = host.to_str() else { return false };
        let name = without_port(host).to_ascii_lowercase();
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(&name);
        bare.parse::<IpAddr>().is_ok() || name == "localhost" || self.hosts.contains(&name)
    }

    /// Whether reading a log needs the token.
    pub(crate) fn logs_need_token(&self) -> bool {
        self.logs_need_token
    }
}

/// The token that a request brings.
pub(crate) fn token(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            // [::1]:80, or a name; ::1 alone is not written so.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_name_of_somebody_else_is_no_host() {
        let guard = Guard { hosts: vec!["web.example".into()], logs_need_token: false };
        let knows = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_str(host).unwrap());
            guard.knows_host(&headers)
        };
        for host in
            ["localhost", "LOCALHOST:9180", "10.0.0.7:9180", "[::1]:80", "::1", "web.example"]
        {
            assert!(knows(host), "{host}");
        }
        for host in
            ["evil.example", "evil.example:9180", "", "localhost.evil.example", "1.2.3.4.evil"]
        {
            assert!(!knows(host), "{host}");
        }
        assert!(!guard.knows_host(&HeaderMap::new()));
    }

    #[test]
    fn logs_need_the_token_where_others_than_this_machine_may_ask() {
        use crate::settings::Listen;
        let need = |listen: Listen| {
            let settings = Settings { listen, token_file: None, hosts: Vec::new() };
            Guard::new(&settings).logs_need_token()
        };
        assert!(need(Listen::Tcp("0.0.0.0:9180".parse().unwrap())));
        assert!(need(Listen::Tcp("[::]:9180".parse().unwrap())));
        assert!(!need(Listen::Tcp("127.0.0.1:9180".parse().unwrap())));
        assert!(!need(Listen::Unix("/run/web.sock".into())));
    }

    #[test]
    fn a_token_is_a_bearers() {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer abc "));
        assert_eq!(token(&headers).as_deref(), Some("abc"));
        headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic abc"));
        assert_eq!(token(&headers), None);
    }
}
