//! Names that no other file has: `PREFIX:@TAI64N:PID:HOST:RANDOM`.

use crate::format::tai::Tain;
use crate::sys::{clock, random};
use crate::tools::Word;

/// What a random part is made of: 64 characters.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A name with that many random characters at its end (and no colon before them, if none).
pub fn name(prefix: &[u8], length: usize) -> Word {
    let stamp = Tain::from_utc(clock::utc()).label();
    let pid = std::process::id().to_string();
    let host = nix::unistd::gethostname().unwrap_or_default();
    let host = std::os::unix::ffi::OsStringExt::into_vec(host);
    let mut parts = vec![prefix.to_vec(), stamp.to_vec(), pid.into_bytes(), host];
    if length > 0 {
        parts.push(random(length));
    }
    parts.join(&b':')
}

/// That many random characters.
pub fn random(length: usize) -> Word {
    let mut bytes = vec![0; length];
    random::fill(&mut bytes);
    bytes.iter().map(|byte| ALPHABET[usize::from(byte & 63)]).collect()
}
