//! Netstrings such as `5:hello,`: how execline writes a list of words that may contain any byte.
//! Reference: <https://cr.yp.to/proto/netstrings.txt>.

/// Appends `word` to `to` as a netstring.
pub fn append(to: &mut Vec<u8>, word: &[u8]) {
    to.extend_from_slice(format!("{}:", word.len()).as_bytes());
    to.extend_from_slice(word);
    to.push(b',');
}

/// What some bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub enum Front<'a> {
    /// A word, and what follows its netstring.
    Word(&'a [u8], &'a [u8]),
    /// The beginning of a netstring, no more.
    Partial,
    /// No netstring.
    Bad,
}

/// Reads the netstring at the front of `bytes`.
pub fn front(bytes: &[u8]) -> Front<'_> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let (length, rest) = bytes.split_at(digits);
    let length = std::str::from_utf8(length).ok().and_then(|l| l.parse::<usize>().ok());
    match (length, rest.split_first()) {
        (_, None) if digits < 20 => Front::Partial,
        (Some(length), Some((b':', rest))) => match rest.split_at_checked(length) {
            None => Front::Partial,
            Some((word, [b',', after @ ..])) => Front::Word(word, after),
            Some((_, [])) => Front::Partial,
            Some(_) => Front::Bad,
        },
        _ => Front::Bad,
    }
}

/// The words in `bytes`, all of which must be netstrings.
pub fn words(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    while !bytes.is_empty() {
        let Front::Word(word, rest) = front(bytes) else { return None };
        words.push(word.to_vec());
        bytes = rest;
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_whole_netstrings_are_words() {
        assert_eq!(front(b"2:ab,x"), Front::Word(b"ab", b"x"));
        for partial in ["", "1", "12:", "2:ab"] {
            assert_eq!(front(partial.as_bytes()), Front::Partial, "{partial:?}");
        }
        for bad in [":,", "a", "-1:a,", "1;a,", "1:ab", "99999999999999999999999:a,"] {
            assert_eq!(front(bad.as_bytes()), Front::Bad, "{bad:?}");
        }
        assert_eq!(words(b"0:,1:a"), None);
    }

    proptest! {
        #[test]
        fn words_survive(list: Vec<Vec<u8>>) {
            let mut bytes = Vec::new();
            list.iter().for_each(|word| append(&mut bytes, word));
            prop_assert_eq!(words(&bytes), Some(list));
        }

        #[test]
        fn any_bytes_will_do(bytes: Vec<u8>) {
            words(&bytes);
        }
    }
}
