//! Clocks: how far the system's is from a server's, and setting it.

pub(super) mod adjust;
pub(super) mod series;
pub(super) mod sntp;
pub(super) mod tai;
pub(super) mod taiclockd;

/// Nanoseconds of a second.
const SECOND: i128 = 1_000_000_000;

/// The time between two moments, either of which may be the earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Difference {
    /// Its nanoseconds.
    pub nanoseconds: i128,
}

impl Difference {
    /// How many bytes it is packed into: the whole seconds, and the nanoseconds beyond them.
    pub(super) const PACKED: usize = 12;

    /// The difference in its packed form.
    pub(super) fn pack(self) -> [u8; Self::PACKED] {
        let mut bytes = [0; Self::PACKED];
        let seconds = self.nanoseconds.div_euclid(SECOND) as i64;
        let rest = self.nanoseconds.rem_euclid(SECOND) as u32;
        bytes[..8].copy_from_slice(&seconds.to_be_bytes());
        bytes[8..].copy_from_slice(&rest.to_be_bytes());
        bytes
    }

    /// The difference that is packed so.
    pub(super) fn unpack(bytes: [u8; Self::PACKED]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
        let seconds = i64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let rest = u32::from_be_bytes(rest);
        Self { nanoseconds: i128::from(seconds) * SECOND + i128::from(rest) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_its_sign_in_the_seconds() {
        let packed = |nanoseconds| Difference { nanoseconds }.pack();
        assert_eq!(packed(SECOND + 2), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
        assert_eq!(packed(-1)[..8], [0xff; 8]);
        assert_eq!(packed(-1)[8..], 999_999_999u32.to_be_bytes());
        for nanoseconds in [0, 1, -1, 5 * SECOND, -7 * SECOND - 3] {
            assert_eq!(Difference::unpack(packed(nanoseconds)).nanoseconds, nanoseconds);
        }
    }
}
