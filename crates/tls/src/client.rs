//! What a client expects of its server, and shows to it.

use crate::conduct::{NO_VERIFY, VERIFY};
use crate::credentials::{self, Anchors};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, IpAddr, Ipv4Addr, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::SingleCertAndKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
};
use sixtree::tools::die::show;
use sixtree::tools::{Exit, Options, Process, Word};
use std::sync::Arc;
use x509_parser::time::ASN1Time;

/// What the options of a client say.
#[derive(Clone, Debug)]
pub(crate) struct ClientPlan {
    servername: Option<Word>,
    verifies: bool,
    shows_certificate: bool,
}

impl ClientPlan {
    /// Reads -k, -y and --no-verify-cert.
    pub(crate) fn from_options(options: &Options) -> Self {
        let last = options.last_of(&String::from_iter([VERIFY, NO_VERIFY]));
        Self {
            servername: options.value('k').map(<[u8]>::to_vec),
            verifies: last != Some(NO_VERIFY),
            shows_certificate: options.last_of("Yy") == Some('y'),
        }
    }

    /// Reads the files that the environment names; what is left to do needs no rights.
    pub(crate) fn prepare(&self, process: &Process) -> Result<PreparedClient, Exit> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let expected = self.expected(process)?;
        let key = match self.shows_certificate {
            true => {
                let (certificate, key) = credentials::own_files(process)?;
                let pair = credentials::pair(&certificate, &key);
                Some(pair.map_err(|e| {
                    process.fatal(96, format_args!("unable to use the client certificate: {e}"))
                })?)
            }
            false => None,
        };
        let verifier = Verifier {
            anchors: Anchors::from_environment(process)?,
            expected: expected.clone(),
            verifies: self.verifies,
            algorithms: provider.signature_verification_algorithms,
        };
        let config = config(provider, verifier)
            .map_err(|e| process.fatal(97, format_args!("unable to set up the client: {e}")))?;
        let mut config = match key {
            Some(key) => config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
            None => config.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.enable_sni = expected.is_some();
        Ok(PreparedClient { config: Arc::new(config), expected })
    }

    fn expected(&self, process: &Process) -> Result<Option<ServerName<'static>>, Exit> {
        let Some(name) = &self.servername else { return Ok(None) };
        let parsed = std::str::from_utf8(name).ok().and_then(|name| {
            // A name is the same with the dot that ends it.
            ServerName::try_from(name.strip_suffix('.').unwrap_or(name)).ok()
        });
        match parsed {
            Some(parsed) => Ok(Some(parsed.to_owned())),
            None => Err(process.fatal(100, format_args!("invalid server name: {}", show(name)))),
        }
    }
}

type Unfinished = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn config(provider: Arc<CryptoProvider>, verifier: Verifier) -> Result<Unfinished, Error> {
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions()?.dangerous();
    Ok(builder.with_custom_certificate_verifier(Arc::new(verifier)))
}

/// A client that is ready to connect.
pub(crate) struct PreparedClient {
    config: Arc<ClientConfig>,
    expected: Option<ServerName<'static>>,
}

impl PreparedClient {
    /// The beginning of a connection.
    pub(crate) fn connection(&self) -> Result<ClientConnection, Error> {
        // An address is never sent.
        let nobody = || ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([0; 4])));
        ClientConnection::new(self.config.clone(), self.expected.clone().unwrap_or_else(nobody))
    }

    /// The name that the server is asked for.
    pub(crate) fn asks_for(&self) -> Option<&str> {
        match &self.expected {
            Some(ServerName::DnsName(name)) => Some(name.as_ref()),
            _ => None,
        }
    }
}

/// Checks a server's certificate.
#[derive(Debug)]
struct Verifier {
    anchors: Anchors,
    expected: Option<ServerName<'static>>,
    verifies: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    /// Differs: `--no-verify-cert` accepts any certificate, as documented.
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.verifies {
            return Ok(ServerCertVerified::assertion());
        }
        let parsed = ParsedCertificate::try_from(certificate)?;
        if self.anchors.certificates.contains(certificate) {
            check_dates(certificate, now)?;
        } else {
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                &self.anchors.roots,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        if let Some(name) = &self.expected {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Checks that a certificate is valid now.
fn check_dates(certificate: &[u8], now: UnixTime) -> Result<(), Error> {
    let wrong = |e| Err(Error::InvalidCertificate(e));
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return wrong(CertificateError::BadEncoding);
    };
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let Ok(now) = ASN1Time::from_timestamp(seconds) else {
        return wrong(CertificateError::BadEncoding);
    };
    let validity = parsed.validity();
    match (now < validity.not_before, now > validity.not_after) {
        (true, _) => wrong(CertificateError::NotValidYet),
        (_, true) => wrong(CertificateError::Expired),
        _ => Ok(()),
    }
}
