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

/// The integer at the front of a text, with a sign or without, whatever follows it. Digits that
/// would take it beyond `max` do not count, as with skarnet.org's programs; a negative one may have
/// one more.
pub fn leading_signed(text: &[u8], max: u64) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    let max = i128::from(max) + i128::from(is_negative);
    let mut number: Option<i128> = None;
    for digit in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        let longer = number.unwrap_or(0) * 10 + i128::from(digit - b'0');
        if longer > max {
            break;
        }
        number = Some(longer);
    }
    number.map(|number| (if is_negative { -number } else { number }) as i64)
}

/// The same of 32 bits: what does not fit wraps around.
pub fn leading_i32(text: &[u8]) -> Option<i32> {
    leading_signed(text, u32::MAX.into()).map(|number| number as i32)
}

/// The numbers of a list, with blanks, commas, colons or semicolons between them. As with
/// skarnet.org's programs, the list ends where no number follows; `None` if it does not begin with
/// one.
pub fn list<T: TryFrom<u64>>(mut text: &[u8]) -> Option<Vec<T>> {
    let mut numbers = Vec::new();
    loop {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = text.split_at(digits);
        let Some(number) = parse(number) else { break };
        numbers.push(number);
        let separators = rest.iter().take_while(|byte| b",:; \t\r\n".contains(byte)).count();
        text = &rest[separators..];
    }
    (!numbers.is_empty()).then_some(numbers)
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
        assert_eq!(list(b"1,, 2:3;x"), Some(vec![1u8, 2, 3]));
        assert_eq!(list::<u8>(b",1"), None);
        assert_eq!(
            (leading(b"7:"), leading::<u8>(b"256"), leading::<u8>(b"x")),
            (Some(7u8), None, None)
        );
    }

    #[test]
    fn integers_have_a_sign_and_lose_the_digits_that_do_not_fit() {
        let cases: [(&str, Option<i32>); 10] = [
            ("12abc", Some(12)),
            ("+5", Some(5)),
            ("-5", Some(-5)),
            ("-", None),
            ("", None),
            ("+-1", None),
            ("2147483648", Some(i32::MIN)),
            ("4294967295", Some(-1)),
            ("42949672961", Some(429_496_729)),
            ("-4294967296", Some(0)),
        ];
        for (word, value) in cases {
            assert_eq!(leading_i32(word.as_bytes()), value, "{word}");
        }
        let long = |word: &str| leading_signed(word.as_bytes(), i64::MAX as u64);
        assert_eq!(long("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(long("99999999999999999999"), Some(999_999_999_999_999_999));
    }
}
