//! `supervise/death_tally`: when and how a service has died, in records of 14 bytes, oldest first.

use super::tai::Tain;

/// The length of a record.
pub const LENGTH: usize = 14;

/// The most deaths that a file holds, whatever `max-death-tally` says.
pub const MAX: usize = 4096;

/// The longest that a file gets, in bytes.
pub const MAX_BYTES: usize = MAX * LENGTH;

/// One death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// When it was noticed.
    pub stamp: Tain,
    /// The exit code, or 128 plus the signal.
    pub exit_code: u8,
    /// The signal; 0 if it exited by itself.
    pub signal: u8,
}

impl Death {
    /// The bytes of a record.
    pub fn encode(&self) -> [u8; LENGTH] {
        let mut all = [0; LENGTH];
        all[..12].copy_from_slice(&self.stamp.pack());
        all[12..].copy_from_slice(&[self.exit_code, self.signal]);
        all
    }
}

/// The bytes of a file.
pub fn encode(deaths: &[Death]) -> Vec<u8> {
    deaths.iter().flat_map(Death::encode).collect()
}

/// Reads the bytes of a file; what is not a record is ignored.
pub fn decode(bytes: &[u8]) -> Vec<Death> {
    let death = |record: &[u8]| {
        let [exit_code, signal] = *record.get(12..)?.first_chunk()?;
        Some(Death { stamp: Tain::unpack(record.first_chunk()?)?, exit_code, signal })
    };
    bytes.chunks_exact(LENGTH).filter_map(death).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    proptest! {
        #[test]
        fn every_tally_survives(raw: Vec<(u32, u8, u8)>, tail in 0..LENGTH) {
            let at = |seconds: u32| Tain::from_utc(Duration::from_secs(u64::from(seconds)));
            let death = |&(seconds, exit_code, signal): &(u32, u8, u8)| {
                Death { stamp: at(seconds), exit_code, signal }
            };
            let deaths: Vec<_> = raw.iter().map(death).collect();
            let mut bytes = encode(&deaths);
            prop_assert_eq!(bytes.len(), LENGTH * deaths.len());
            bytes.resize(bytes.len() + tail, 0);
            prop_assert_eq!(decode(&bytes), deaths);
        }
    }
}
