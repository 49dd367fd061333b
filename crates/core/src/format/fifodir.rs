//! The names of the FIFOs by which programs listen to a directory of events (`event/`):
//! `ftrig1:@TAI64N:UNIQUE`, after a dot as long as the listener is not ready.

use super::tai::Tain;

/// The length of a listener's name, without a dot before it.
pub const NAME_LENGTH: usize = 39;

/// Whether a directory entry is a listener's FIFO.
pub fn is_listener(name: &[u8]) -> bool {
    name.len() == NAME_LENGTH && name.starts_with(b"ftrig1:@")
}

/// A new listener's name. The lowest 36 bits of `unique` distinguish it from others of the same
/// moment.
pub fn listener(now: Tain, unique: u64) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let suffix = [0, 6, 12, 18, 24, 30].map(|shift| DIGITS[(unique >> shift & 63) as usize]);
    [b"ftrig1:", now.label().as_slice(), b":", &suffix].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_made_are_names_known() {
        let name = listener(Tain::default(), u64::MAX - 5);
        assert_eq!(name.len(), NAME_LENGTH);
        assert!(is_listener(&name));
        assert!(!is_listener(&[b".", name.as_slice()].concat()));
        assert!(!is_listener(&name[..38]));
    }
}
