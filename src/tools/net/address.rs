//! IP addresses as text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The longest text of an address.
const LONGEST: usize = 45;
/// What may stand between the addresses of a list.
const SEPARATORS: &[u8] = b",; \t\r\n";

/// The text of an address. Unlike the standard library's, it has no dotted part in IPv6.
pub fn show(ip: IpAddr) -> String {
    match ip {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            let [.., high, low] = v6.segments();
            format!("::ffff:{high:x}:{low:x}")
        }
        ip => ip.to_string(),
    }
}

/// The address that a word is, all of it.
pub fn parse(word: &[u8]) -> Option<IpAddr> {
    prefix(word).filter(|(_, length)| *length == word.len()).map(|(ip, _)| ip)
}

/// The longest address at the front of a text, and how many bytes it has.
pub fn prefix(text: &[u8]) -> Option<(IpAddr, usize)> {
    let v6 = prefix_v6(text).map(|(ip, length)| (IpAddr::V6(ip), length));
    v6.or_else(|| prefix_v4(text).map(|(ip, length)| (IpAddr::V4(ip), length)))
}

/// The same for IPv4: four decimal numbers, which may have zeros in front.
pub fn prefix_v4(text: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let (mut octets, mut at) = ([0; 4], 0);
    for (place, octet) in octets.iter_mut().enumerate() {
        if place > 0 {
            text.get(at).filter(|dot| **dot == b'.')?;
            at += 1;
        }
        let digits = text.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
        let number = std::str::from_utf8(text.get(at..at + digits)?).ok()?;
        *octet = number.parse().ok()?;
        at += digits;
    }
    Some((octets.into(), at))
}

/// The same for IPv6.
pub fn prefix_v6(text: &[u8]) -> Option<(Ipv6Addr, usize)> {
    let of_address = |b: &&u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
    let run = text.iter().take(LONGEST + 1).take_while(of_address).count();
    let ends_a_number = |n: usize| !text.get(n).is_some_and(u8::is_ascii_hexdigit);
    (2..=run).rev().filter(|n| ends_a_number(*n)).find_map(|n| {
        let ip = std::str::from_utf8(text.get(..n)?).ok()?.parse().ok()?;
        Some((ip, n))
    })
}

/// The addresses of a list, up to the first thing that is none.
pub fn list(text: &[u8]) -> Vec<IpAddr> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some((ip, length)) = prefix(rest) {
        found.push(ip);
        rest = rest.get(length..).unwrap_or_default();
        let blanks = rest.iter().take_while(|b| SEPARATORS.contains(b)).count();
        rest = rest.get(blanks..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_text() {
        let both = |text: &str| parse(text.as_bytes()).map(show);
        assert_eq!(both("2001:DB8:0:1:0:0:0:1").as_deref(), Some("2001:db8:0:1::1"));
        assert_eq!(both("::ffff:1.2.3.4").as_deref(), Some("::ffff:102:304"));
        assert_eq!(both("::1.2.3.4").as_deref(), Some("::102:304"));
        assert_eq!(both("::").as_deref(), Some("::"));
        assert_eq!(both("010.0.0.08").as_deref(), Some("10.0.0.8"));
        for wrong in ["", "1.2.3", "1.2.3.", "1.2.3.256", "1.2.3.4 ", "1 2.3.4", "::1%eth0", "a.b"]
        {
            assert_eq!(both(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_follows_an_address_is_left() {
        let length = |text: &str| prefix(text.as_bytes()).map(|(_, length)| length);
        assert_eq!(length("127.0.0.1:80"), Some(9));
        assert_eq!(length("192.0.2.1.5"), Some(9));
        assert_eq!(length("2001:db8::6 - GET"), Some(11));
        assert_eq!(length("::1: x"), Some(3));
        assert_eq!(length("192.0.2.400"), None);
        assert_eq!(length("1:2"), None);
        assert_eq!(length(&"1:".repeat(1000)), Some(15));
    }

    #[test]
    fn a_list_ends_at_the_first_other_word() {
        let count = |text: &str| list(text.as_bytes()).len();
        assert_eq!(count("127.0.0.1, ::1;\t192.0.2.1\n"), 3);
        assert_eq!(count("127.0.0.1 nonsense ::1"), 1);
        assert_eq!(count(""), 0);
    }
}
