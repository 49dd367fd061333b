//! TAI64N: the time stamps of logs, status files and tallies, as 12 bytes and as text.
//! Reference: libtai's TAI64N page and skalibs' `tai.h`.

use std::time::Duration;

/// The bytes of a stamp in binary: seconds and nanoseconds, most significant byte first.
pub const PACKED: usize = 12;
/// The bytes of a stamp as text: `@` and 24 hexadecimal digits.
pub const LABEL: usize = 25;

/// The label of 1970-01-01 00:00:00 TAI.
const EPOCH: u64 = 1 << 62;
/// How far TAI was ahead of UTC before the first leap second, in seconds.
const BEFORE_LEAPS: u64 = 10;
/// The UTC times (seconds since 1970) right before each of which a leap second was inserted.
const LEAPS: [u64; 27] = [
    78_796_800,
    94_694_400,
    126_230_400,
    157_766_400,
    189_302_400,
    220_924_800,
    252_460_800,
    283_996_800,
    315_532_800,
    362_793_600,
    394_329_600,
    425_865_600,
    489_024_000,
    567_993_600,
    631_152_000,
    662_688_000,
    709_948_800,
    741_484_800,
    773_020_800,
    820_454_400,
    867_715_200,
    915_148_800,
    1_136_073_600,
    1_230_768_000,
    1_341_100_800,
    1_435_708_800,
    1_483_228_800,
];

/// A moment on the scale of atomic time, to the nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tain {
    /// The TAI64 label: 2^62 plus the TAI seconds since 1970.
    pub seconds: u64,
    /// Nanoseconds, below 10^9.
    pub nanoseconds: u32,
}

/// What a moment is called in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Utc {
    /// Time since 1970; in a leap second, that of the second before it.
    pub since_epoch: Duration,
    /// Whether this is a leap second: the clock then reads 23:59:60.
    pub leap: bool,
}

impl Tain {
    /// The moment that lies `since_epoch` after 1970 on a UTC clock.
    pub fn from_utc(since_epoch: Duration) -> Self {
        let utc = since_epoch.as_secs();
        let leaps = LEAPS.partition_point(|leap| *leap <= utc) as u64;
        Self {
            seconds: EPOCH.saturating_add(BEFORE_LEAPS + leaps).saturating_add(utc),
            nanoseconds: since_epoch.subsec_nanos(),
        }
    }

    /// The moment in UTC; `None` if it is before 1970.
    pub fn to_utc(self) -> Option<Utc> {
        let tai = self.seconds.checked_sub(EPOCH + BEFORE_LEAPS)?;
        let begins = |(n, leap): (usize, &u64)| leap + n as u64;
        let past = LEAPS.iter().enumerate().map(begins).filter(|second| *second <= tai).count();
        let leap = LEAPS.iter().enumerate().map(begins).any(|second| second == tai);
        let seconds = tai.checked_sub(past as u64)?;
        Some(Utc { since_epoch: Duration::new(seconds, self.nanoseconds), leap })
    }

    /// The 12 bytes of the stamp.
    pub fn pack(self) -> [u8; PACKED] {
        let mut bytes = [0; PACKED];
        bytes[..8].copy_from_slice(&self.seconds.to_be_bytes());
        bytes[8..].copy_from_slice(&self.nanoseconds.to_be_bytes());
        bytes
    }

    /// The stamp whose 12 bytes these are; `None` if they are not one.
    pub fn unpack(bytes: &[u8; PACKED]) -> Option<Self> {
        let (seconds, nanoseconds) = bytes.split_at(8);
        Self::new(
            u64::from_be_bytes(seconds.try_into().ok()?),
            u32::from_be_bytes(nanoseconds.try_into().ok()?),
        )
    }

    /// The text of the stamp.
    pub fn label(self) -> [u8; LABEL] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'@'; LABEL];
        for (pair, byte) in text[1..].chunks_exact_mut(2).zip(self.pack()) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        text
    }

    /// The stamp with which `text` begins, if it does; digits of either case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let digits = text.get(1..LABEL).filter(|_| text[0] == b'@')?;
        let mut bytes = [0; PACKED];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Self::unpack(&bytes)
    }

    /// The moment that is `span` later, or the last one that there is.
    pub fn saturating_add(self, span: Duration) -> Self {
        let nanoseconds = self.nanoseconds + span.subsec_nanos();
        let carry = u64::from(nanoseconds / 1_000_000_000);
        Self {
            seconds: self.seconds.saturating_add(span.as_secs()).saturating_add(carry),
            nanoseconds: nanoseconds % 1_000_000_000,
        }
    }

    /// How long after `earlier` this is; nothing if it is not.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        let span = |t: Self| Duration::new(t.seconds, t.nanoseconds);
        span(self).saturating_sub(span(earlier))
    }

    fn new(seconds: u64, nanoseconds: u32) -> Option<Self> {
        (seconds >> 63 == 0 && nanoseconds < 1_000_000_000).then_some(Self { seconds, nanoseconds })
    }
}

fn digit(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn now_is_37_seconds_ahead() {
        let tain = Tain::from_utc(Duration::new(1_700_000_000, 5));
        assert_eq!(tain.seconds, (1 << 62) + 1_700_000_037);
        assert_eq!(&tain.label(), b"@400000006553f12500000005");
    }

    #[test]
    fn a_leap_second_repeats_the_one_before() {
        let at = |label: &[u8]| Tain::parse(label).and_then(Tain::to_utc);
        let utc = |seconds, leap| Some(Utc { since_epoch: Duration::from_secs(seconds), leap });
        assert_eq!(at(b"@40000000586846a300000000"), utc(1_483_228_799, false));
        assert_eq!(at(b"@40000000586846a400000000"), utc(1_483_228_799, true));
        assert_eq!(at(b"@40000000586846a500000000"), utc(1_483_228_800, false));
        assert_eq!(at(b"@4000000037c219bf00000000"), utc(935_467_423, false));
    }

    #[test]
    fn what_is_no_label_is_not_read() {
        for text in [&b"@4000000037c219bf2ef02e9"[..], b"x4000000037c219bf2ef02e94", b""] {
            assert_eq!(Tain::parse(text), None);
        }
        assert_eq!(Tain::parse(b"@4000000037c219bf3b9aca00"), None, "10^9 nanoseconds");
        assert_eq!(Tain::parse(b"@8000000037c219bf00000000"), None, "a reserved label");
        let before_1970 = Tain::parse(b"@400000000000000900000000");
        assert_eq!(before_1970.and_then(Tain::to_utc), None);
    }

    proptest! {
        #[test]
        fn every_moment_survives_all_forms(seconds in 0u64..1 << 40, nanos in 0u32..1_000_000_000) {
            let since_epoch = Duration::new(seconds, nanos);
            let tain = Tain::from_utc(since_epoch);
            prop_assert_eq!(tain.to_utc(), Some(Utc { since_epoch, leap: false }));
            prop_assert_eq!(Tain::unpack(&tain.pack()), Some(tain));
            prop_assert_eq!(Tain::parse(&tain.label()), Some(tain));
        }
        #[test]
        fn differences_add_up(
            a in 0u64..1 << 40, b in 0u64..1 << 40, nanos in 0u32..1_000_000_000
        ) {
            let (from, span) = (Tain::from_utc(Duration::from_secs(a)), Duration::new(b, nanos));
            prop_assert_eq!(from.saturating_add(span).saturating_since(from), span);
        }
    }
}
