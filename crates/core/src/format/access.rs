//! An access rule as a record of a constant database. Reference:
//! <https://skarnet.org/software/s6/s6-accessrules-cdb-from-fs.html>.

/// The most bytes that the variables, and that the program line, may have.
pub const MAX: usize = 4096;

/// A rule that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The client may go on.
    Allow(Grant),
    /// It may not.
    Deny,
}

/// What a client that is allowed gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grant {
    /// Variables, with the values to set them to, or without one to unset them.
    pub env: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// An execline script to become instead; none if it is empty.
    pub exec: Vec<u8>,
}

impl Rule {
    /// The record; `None` if its parts are too long.
    pub fn encode(&self) -> Option<Vec<u8>> {
        let Self::Allow(grant) = self else { return Some(b"D".to_vec()) };
        let mut env = Vec::new();
        for (name, value) in &grant.env {
            env.extend_from_slice(name);
            if let Some(value) = value {
                env.push(b'=');
                env.extend_from_slice(value);
            }
            env.push(0);
        }
        if env.len() > MAX || grant.exec.len() > MAX {
            return None;
        }
        let length = |part: &[u8]| (part.len() as u16).to_be_bytes();
        Some([&b"A"[..], &length(&env), &env, &length(&grant.exec), &grant.exec].concat())
    }

    /// What a record says; `None` if it is not one. A record of another kind is no rule.
    pub fn decode(record: &[u8]) -> Option<Option<Self>> {
        let (kind, rest) = record.split_first()?;
        match kind {
            b'D' => Some(Some(Self::Deny)),
            b'A' => {
                let (env, rest) = part(rest)?;
                let (exec, rest) = part(rest)?;
                let whole = rest.is_empty() && (env.is_empty() || env.ends_with(b"\0"));
                let grant = Grant { env: variables(env), exec: exec.to_vec() };
                whole.then_some(Some(Self::Allow(grant)))
            }
            _ => Some(None),
        }
    }
}

/// A part with its length in front, and what follows it.
fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    rest.split_at_checked(length).filter(|_| length <= MAX)
}

fn variables(env: &[u8]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let entries = env.split(|&b| b == 0).filter(|entry| !entry.is_empty());
    let variable = |entry: &[u8]| match entry.iter().position(|&b| b == b'=') {
        Some(at) => (entry[..at].to_vec(), Some(entry[at + 1..].to_vec())),
        None => (entry.to_vec(), None),
    };
    entries.map(variable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_survives() {
        let env = vec![(b"A".to_vec(), Some(b"1=2".to_vec())), (b"B".to_vec(), None)];
        let rule = Rule::Allow(Grant { env, exec: b"echo".to_vec() });
        let record = rule.encode().unwrap();
        assert_eq!(record, b"A\0\x08A=1=2\0B\0\0\x04echo");
        assert_eq!(Rule::decode(&record), Some(Some(rule)));
        assert_eq!(Rule::decode(b"D"), Some(Some(Rule::Deny)));
        let bare = Rule::Allow(Grant::default());
        assert_eq!(bare.encode().as_deref(), Some(&b"A\0\0\0\0"[..]));
    }

    #[test]
    fn what_is_cut_short_or_too_long_is_no_record() {
        for record in [&b""[..], b"A", b"A\0\0\0", b"A\0\0\0\x01", b"A\0\0\0\0x", b"A\0\x01xy\0\0"]
        {
            assert_eq!(Rule::decode(record), None);
        }
        assert_eq!(Rule::decode(b"?"), Some(None));
        let long = Grant { env: Vec::new(), exec: vec![b'x'; MAX + 1] };
        assert_eq!(Rule::Allow(long).encode(), None);
    }
}
