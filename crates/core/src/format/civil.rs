//! Date and time as people write them: `2026-11-21 00:35:27.452399058`.

/// A second of some calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year, all digits.
    pub year: i64,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour, below 24.
    pub hour: u8,
    /// The minute, below 60.
    pub minute: u8,
    /// The second; 60 in a leap second.
    pub second: u8,
}

impl std::fmt::Display for Civil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
    }
}

/// Nanoseconds as the nine digits of a fraction.
pub fn nine_digits(mut nanoseconds: u32) -> [u8; 9] {
    let mut digits = [b'0'; 9];
    for digit in digits.iter_mut().rev() {
        *digit += (nanoseconds % 10) as u8;
        nanoseconds /= 10;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_zeros() {
        let civil = Civil { year: 2026, month: 1, day: 2, hour: 3, minute: 4, second: 5 };
        assert_eq!(civil.to_string(), "2026-01-02 03:04:05");
        assert_eq!(&nine_digits(0), b"000000000");
        assert_eq!(&nine_digits(7_000_050), b"007000050");
        assert_eq!(&nine_digits(999_999_999), b"999999999");
    }
}
