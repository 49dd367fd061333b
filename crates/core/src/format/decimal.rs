//! Plain decimal numbers: digits alone, without a sign or a blank, as skarnet.org's programs read
//! them.

/// The number that all of a text is, if it fits the type.
pub fn parse<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    // The standard library's parser alone would take a plus sign.
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number: u64 = is_number.then(|| std::str::from_utf8(text).ok()?.parse().ok())??;
    T::try_from(number).ok()
}

/// The number at the front of a text, whatever follows it, if it fits the type.
pub fn leading<T: TryFrom<u64>>(text: &[u8]) -> Option<T> {
    parse(&text[..text.iter().take_while(|byte| byte.is_ascii_digit()).count()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_that_fit_are_a_number() {
        assert_eq!(parse(b"0012"), Some(12u8));
        assert_eq!(parse(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse::<u32>(b"4294967296"), None);
        for wrong in [&b""[..], b"+1", b"-1", b" 1", b"1 ", b"0x1", b"18446744073709551616"] {
            assert_eq!(parse::<u64>(wrong), None);
        }
        assert_eq!(
            (leading(b"7:"), leading::<u8>(b"256"), leading::<u8>(b"x")),
            (Some(7u8), None, None)
        );
    }
}
