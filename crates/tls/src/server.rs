//! What a server shows to its clients, and expects of them.

use crate::conduct::{MANDATORY_SNI, SNI};
use crate::credentials::{self, Anchors};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoServerSessionStorage, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use sixtree::tools::die::show;
use sixtree::tools::{Exit, Options, Process};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the options of a server say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerPlan {
    names: Names,
    clients: ClientCertificates,
}

/// Whether the name that a client asks for chooses the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// There is one certificate.
    Ignored,
    /// It chooses among several, and else there is an ordinary one.
    Preferred,
    /// It must be one of those that there are certificates for.
    Required,
}

/// Whether clients are to show a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientCertificates {
    NotAsked,
    Asked,
    Required,
}

impl Names {
    /// Reads -k, --sni and --mandatory-sni. A level that is given counts.
    pub(crate) fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let last = options.last_of(&String::from_iter([SNI, MANDATORY_SNI]));
        let level = match last {
            Some(MANDATORY_SNI) => 2,
            Some(_) => 1,
            None => 0,
        };
        Ok(match options.number(process, 'k', level)? {
            0u32 => Self::Ignored,
            1 => Self::Preferred,
            _ => Self::Required,
        })
    }
}

impl ServerPlan {
    /// Reads -k, -Y and -y.
    pub(crate) fn from_options(process: &Process, options: &Options) -> Result<Self, Exit> {
        let clients = match options.last_of("Yy") {
            Some('Y') => ClientCertificates::Asked,
            Some(_) => ClientCertificates::Required,
            None => ClientCertificates::NotAsked,
        };
        Ok(Self { names: Names::from_options(process, options)?, clients })
    }

    /// Reads the files that the environment names; what is left to do needs no rights.
    pub(crate) fn prepare(self, process: &Process) -> Result<Server, Exit> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let certificates = Certificates {
            ordinary: (self.names != Names::Required).then(|| ordinary(process)).transpose()?,
            named: match self.names {
                Names::Ignored => BTreeMap::new(),
                _ => named(process)?,
            },
        };
        if certificates.ordinary.is_none() && certificates.named.is_empty() {
            return Err(process.fatal(96, "no suitable keypairs found in the environment"));
        }
        let verifier = match self.clients {
            ClientCertificates::NotAsked => None,
            clients => Some(verifier(process, clients == ClientCertificates::Required)?),
        };
        let unable = |e| process.fatal(97, format_args!("unable to set up the server: {e}"));
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(unable)?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(certificates));
        config.ignore_client_order = true;
        // This process has one connection, which nobody resumes.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Server(Arc::new(config)))
    }
}

/// A server that is ready for its client.
pub(crate) struct Server(Arc<ServerConfig>);

impl Server {
    /// The beginning of a connection.
    pub(crate) fn connection(&self) -> Result<ServerConnection, rustls::Error> {
        ServerConnection::new(self.0.clone())
    }
}

fn ordinary(process: &Process) -> Result<Arc<CertifiedKey>, Exit> {
    let (certificate, key) = credentials::own_files(process)?;
    credentials::pair(&certificate, &key).map(Arc::new).map_err(|e| {
        process.fatal(96, format_args!("unable to add default keypair to policy context: {e}"))
    })
}

/// The certificates of `CERTFILE:name` and `KEYFILE:name`.
fn named(process: &Process) -> Result<BTreeMap<Vec<u8>, Arc<CertifiedKey>>, Exit> {
    let mut found = BTreeMap::new();
    for (variable, key) in process.env.iter() {
        let Some(name) = variable.strip_prefix(b"KEYFILE:").filter(|name| !name.is_empty()) else {
            continue;
        };
        let shown = show(name);
        let certificate = process.env.get(&[b"CERTFILE:", name].concat()).ok_or_else(|| {
            let text = "not paired with the corresponding CERTFILE";
            process.fatal(96, format_args!("environment variable KEYFILE:{shown} {text}"))
        })?;
        let pair = credentials::pair(certificate, key).map_err(|e| {
            let what = format!("add keypair for servername {shown} to policy context");
            process.fatal(96, format_args!("unable to {what}: {e}"))
        })?;
        found.insert(name.to_ascii_lowercase(), Arc::new(pair));
    }
    Ok(found)
}

fn verifier(process: &Process, required: bool) -> Result<Arc<dyn ClientCertVerifier>, Exit> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let roots = Arc::new(Anchors::from_environment(process)?.roots);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    let builder = if required { builder } else { builder.allow_unauthenticated() };
    builder.build().map_err(|e| process.fatal(97, format_args!("unable to set up the server: {e}")))
}

/// The certificates of a server.
#[derive(Debug)]
struct Certificates {
    /// What is shown to clients that ask for no name, or for one that is not known.
    ordinary: Option<Arc<CertifiedKey>>,
    /// By the names, in lower case, that clients ask for.
    named: BTreeMap<Vec<u8>, Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let named = hello.server_name().and_then(|name| find(&self.named, name));
        named.or(self.ordinary.as_ref()).cloned()
    }
}

/// What there is for this name: under itself, or under `*` for its first label. `*.com` is no such
/// name, since it would stand for what belongs to many.
fn find<'a, T>(named: &'a BTreeMap<Vec<u8>, T>, name: &str) -> Option<&'a T> {
    let name = name.to_ascii_lowercase();
    let under_wildcard = || {
        let (_, domain) = name.split_once('.').filter(|(_, domain)| domain.contains('.'))?;
        named.get(format!("*.{domain}").as_bytes())
    };
    named.get(name.as_bytes()).or_else(under_wildcard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_under_a_wildcard_for_one_label() {
        let names = ["one.test", "*.dom.ain", "*.test", "x.dom.ain"];
        let named = names.iter().map(|name| (name.as_bytes().to_vec(), *name)).collect();
        let found = |name| find(&named, name).copied();
        assert_eq!(found("ONE.test"), Some("one.test"));
        assert_eq!(found("a.dom.ain"), Some("*.dom.ain"));
        assert_eq!(found("x.Dom.ain"), Some("x.dom.ain"));
        for name in ["two.test", "dom.ain", "a.b.dom.ain", "test", ""] {
            assert_eq!(found(name), None, "{name}");
        }
    }
}
