//! What there is to know of a connection after its handshake, as variables for the program.

use rustls::{CommonState, ProtocolVersion};
use sixtree::tools::Word;
use x509_parser::prelude::{AttributeTypeAndValue, X509Name};

/// The variables that have a value, and those that are to have none.
pub(crate) type Variables = Vec<(Word, Option<Word>)>;

/// What a handshake has come to; `servername` is the name that the client has asked for.
pub(crate) fn variables(engine: &CommonState, servername: Option<&str>) -> Variables {
    let protocol = match engine.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "unknown",
    };
    let suite = engine.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
    let peer = engine.peer_certificates().and_then(|chain| chain.first());
    let named = |name: &str, value: Option<String>| {
        (name.as_bytes().to_vec(), value.map(String::into_bytes))
    };
    vec![
        named("SSL_PROTOCOL", Some(protocol.to_string())),
        named("SSL_CIPHER", Some(suite.map(openssl_name).unwrap_or_default())),
        named("SSL_TLS_SNI_SERVERNAME", servername.map(str::to_string)),
        named("SSL_PEER_CERT_HASH", peer.map(|certificate| hash(certificate))),
        named("SSL_PEER_CERT_SUBJECT", peer.and_then(|certificate| subject(certificate))),
    ]
}

/// As the io process sends them: each ends with a NUL byte, and all of them with another one. A
/// name alone is a variable that is to have no value.
pub(crate) fn encode(variables: &Variables) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in variables {
        bytes.extend(name);
        if let Some(value) = value {
            bytes.push(b'=');
            bytes.extend(value);
        }
        bytes.push(0);
    }
    bytes.push(0);
    bytes
}

/// The opposite; none: that is not all of them.
pub(crate) fn decode(bytes: &[u8]) -> Option<Variables> {
    let strings = bytes.strip_suffix(b"\0\0")?.split(|&b| b == 0);
    let variable = |string: &[u8]| match string.iter().position(|&b| b == b'=') {
        Some(at) => (string[..at].to_vec(), Some(string[at + 1..].to_vec())),
        None => (string.to_vec(), None),
    };
    Some(strings.map(variable).collect())
}

/// The name that OpenSSL has for a cipher suite.
fn openssl_name(name: &str) -> String {
    match name.strip_prefix("TLS13_") {
        Some(rest) => format!("TLS_{rest}"),
        None => {
            let name = name.trim_start_matches("TLS_").replace("_WITH_", "_");
            let name = name.replace("AES_", "AES").replace('_', "-");
            name.replace("-POLY1305-SHA256", "-POLY1305")
        }
    }
}

fn hash(certificate: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    let digits = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    format!("SHA256:{}", digits.collect::<String>())
}

/// Whom a certificate is about.
fn subject(certificate: &[u8]) -> Option<String> {
    const INVALID: &str = "<invalid>";
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return Some(INVALID.to_string());
    };
    let name = parsed.subject();
    let text = elements(name).into_iter().filter_map(|(keyword, element)| {
        let text = element?.as_str().ok().filter(|text| !text.contains('\0'));
        Some(format!("{keyword}={}", text.map_or(INVALID.to_string(), escape)))
    });
    let text = text.collect::<Vec<_>>().join(", ");
    (!text.is_empty()).then_some(text)
}

/// The elements of a name that are shown, in that order.
fn elements<'a>(
    name: &'a X509Name<'a>,
) -> [(&'static str, Option<&'a AttributeTypeAndValue<'a>>); 6] {
    [
        ("C", name.iter_country().next()),
        ("ST", name.iter_state_or_province().next()),
        ("L", name.iter_locality().next()),
        ("O", name.iter_organization().next()),
        ("OU", name.iter_organizational_unit().next()),
        ("CN", name.iter_common_name().next()),
    ]
}

/// Marks what would be taken for the end of an element. Blanks around it are dropped.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.trim_matches(' ').chars() {
        if ",=\n+<>#\\".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_sent_whole_or_not_at_all() {
        let variables = vec![
            (b"A".to_vec(), Some(b"x=y".to_vec())),
            (b"B".to_vec(), None),
            (b"C".to_vec(), Some(Vec::new())),
        ];
        let bytes = encode(&variables);
        assert_eq!(bytes, b"A=x=y\0B\0C=\0\0");
        assert_eq!(decode(&bytes), Some(variables));
        for length in 0..bytes.len() {
            assert_eq!(decode(&bytes[..length]), None, "{length}");
        }
    }

    #[test]
    fn cipher_suites_have_the_names_that_openssl_has_for_them() {
        let suites = rustls::crypto::ring::ALL_CIPHER_SUITES;
        let names: Vec<_> =
            suites.iter().map(|s| openssl_name(s.suite().as_str().unwrap())).collect();
        let expected = [
            "TLS_AES_256_GCM_SHA384",
            "TLS_AES_128_GCM_SHA256",
            "TLS_CHACHA20_POLY1305_SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-CHACHA20-POLY1305",
            "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-RSA-CHACHA20-POLY1305",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_element_of_a_name_cannot_look_like_several() {
        assert_eq!(escape(" a  b "), "a  b");
        assert_eq!(escape("x, CN=y\\"), "x\\, CN\\=y\\\\");
    }

    #[test]
    fn what_is_no_certificate_has_no_subject() {
        assert_eq!(subject(b"x"), Some("<invalid>".to_string()));
    }
}
