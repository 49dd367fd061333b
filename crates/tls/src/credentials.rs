//! The files with certificates and keys that the environment names.

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sixtree::tools::die::{errno, reason, show};
use sixtree::tools::{Exit, Process, Word, path};
use std::io;

/// Reads a certificate with those that lead to its authority, and its private key, in PEM; a key
/// may be DER as well. The text says what is wrong.
pub(crate) fn pair(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, String> {
    let chain =
        certificates(&read(certificate)?).map_err(|e| format!("{}: {e}", show(certificate)))?;
    if chain.is_empty() {
        return Err(format!("{}: there is no certificate in it", show(certificate)));
    }
    let secret = private_key(read(key)?).map_err(|e| format!("{}: {e}", show(key)))?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(chain, secret, &provider)
        .map_err(|e| format!("{} with {}: {e}", show(certificate), show(key)))
}

/// The pair that CERTFILE and KEYFILE name, if both are set.
pub(crate) fn own_files(process: &Process) -> Result<(Word, Word), Exit> {
    let certificate = process.variable("CERTFILE")?.to_vec();
    Ok((certificate, process.variable("KEYFILE")?.to_vec()))
}

fn read(file: &[u8]) -> Result<Vec<u8>, String> {
    std::fs::read(path(file)).map_err(|e| format!("{}: {}", show(file), reason(errno(&e))))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|e| e.to_string())
}

fn private_key(bytes: Vec<u8>) -> Result<PrivateKeyDer<'static>, String> {
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Err(rustls::pki_types::pem::Error::NoItemsFound) => {
            PrivateKeyDer::try_from(bytes).map_err(str::to_string)
        }
        found => found.map_err(|e| e.to_string()),
    }
}

/// The authorities that are trusted.
#[derive(Debug)]
pub(crate) struct Anchors {
    /// As what certificates are signed by.
    pub roots: RootCertStore,
    /// The same, whole: one that is shown by its owner needs no signature.
    pub certificates: Vec<CertificateDer<'static>>,
}

impl Anchors {
    /// Reads the files of the directory CADIR that are called as OpenSSL looks for them, or else
    /// the file CAFILE. Without one of them nobody is trusted, which ends the tool.
    pub(crate) fn from_environment(process: &Process) -> Result<Self, Exit> {
        let (place, found) = match (process.env.get(b"CADIR"), process.env.get(b"CAFILE")) {
            (Some(folder), _) => (folder, in_folder(folder)),
            (None, Some(file)) => (file, std::fs::read(path(file)).map(|pem| vec![pem])),
            (None, None) => return Err(process.fatal(100, "CADIR or CAFILE not set")),
        };
        let place = show(place);
        let unread = process.unable(format!("read trust anchors in {place}"));
        let mut certificates = Vec::new();
        for pem in found.map_err(|e| unread(errno(&e)))? {
            certificates.extend(self::certificates(&pem).map_err(|e| {
                process.fatal(96, format_args!("unable to read trust anchors in {place}: {e}"))
            })?);
        }
        let mut roots = RootCertStore::empty();
        // A bundle may have certificates of kinds that are not known here.
        let (known, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if known == 0 {
            return Err(process.fatal(96, format_args!("no trust anchor found in {place}")));
        }
        Ok(Self { roots, certificates })
    }
}

/// What is in the files whose names are eight hexadecimal digits and `.0`.
fn in_folder(folder: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path(folder))? {
        let entry = entry?;
        let name = entry.file_name();
        let hash = name.as_encoded_bytes().strip_suffix(b".0").unwrap_or_default();
        if hash.len() == 8 && hash.iter().all(u8::is_ascii_hexdigit) {
            found.push(std::fs::read(entry.path())?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_pair_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.into_os_string().into_encoded_bytes()
        };
        let empty = file("empty.pem", "");
        let said = pair(&empty, &empty).unwrap_err();
        assert!(said.ends_with("empty.pem: there is no certificate in it"), "{said}");
        let said = pair(b"/nowhere", &empty).unwrap_err();
        assert!(said.starts_with("/nowhere: "), "{said}");
        let broken = file("x.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n");
        assert!(pair(&broken, &empty).unwrap_err().contains("x.pem: "));
        let one = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        let said = pair(&file("one.pem", one), &file("no.key", "no key")).unwrap_err();
        assert!(said.contains("no.key: "), "{said}");
    }

    #[test]
    fn a_folder_of_authorities_has_files_named_by_hash() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["0123abcd.0", "0123abcd.1", "0123abc.0", "0123abcg.0", "ca.pem"] {
            std::fs::write(folder.path().join(name), name).unwrap();
        }
        let found = in_folder(folder.path().as_os_str().as_encoded_bytes()).unwrap();
        assert_eq!(found, [b"0123abcd.0"]);
    }
}
