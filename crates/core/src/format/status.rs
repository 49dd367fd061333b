//! `supervise/status`: the state of a service in 35 bytes, written by its supervisor.

use super::tai::Tain;

/// The length of the file.
pub const LENGTH: usize = 35;

/// The state of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// When it last started or died.
    pub stamp: Tain,
    /// When its readiness last changed.
    pub ready_stamp: Tain,
    /// The process of `run`, or of `finish` while it is finishing; 0 if there is none.
    pub pid: u64,
    /// The status word of wait(2) for the last death of `run`.
    pub wait_status: u16,
    /// A `p` has paused it.
    pub paused: bool,
    /// Its `finish` runs.
    pub finishing: bool,
    /// The supervisor will start it when it is down.
    pub want_up: bool,
    /// Up: it has notified readiness. Down: `finish` is done.
    pub ready: bool,
}

impl Status {
    /// The marker for a service that has not been started since its supervisor has run.
    pub fn not_started(now: Tain, want_up: bool) -> Self {
        let base = Self { stamp: now, ready_stamp: now, want_up, ..Self::default() };
        Self { paused: true, ready: true, ..base }
    }
    /// Whether this is that marker.
    pub fn is_not_started(&self) -> bool {
        self.pid == 0 && !self.finishing && self.paused
    }
    /// Whether `run` runs.
    pub fn is_up(&self) -> bool {
        self.pid != 0 && !self.finishing
    }
    /// The exit code of the last `run`, if it is down and exited by itself.
    pub fn exit_code(&self) -> Option<u8> {
        (self.has_died() && self.wait_status & 0x7f == 0).then_some((self.wait_status >> 8) as u8)
    }
    /// The signal that killed the last `run`, if it is down and one did.
    pub fn signal(&self) -> Option<u8> {
        let signal = (self.wait_status & 0x7f) as u8;
        (self.has_died() && !matches!(signal, 0 | 0x7f)).then_some(signal)
    }
    fn has_died(&self) -> bool {
        !self.is_up() && !self.is_not_started()
    }

    /// The bytes of the file.
    pub fn encode(&self) -> [u8; LENGTH] {
        let flags = [self.paused, self.finishing, self.want_up, self.ready];
        let mut all = [0; LENGTH];
        all[..12].copy_from_slice(&self.stamp.pack());
        all[12..24].copy_from_slice(&self.ready_stamp.pack());
        all[24..32].copy_from_slice(&self.pid.to_be_bytes());
        all[32..34].copy_from_slice(&self.wait_status.to_be_bytes());
        all[34] = flags.iter().rev().fold(0, |bits, flag| bits << 1 | u8::from(*flag));
        all
    }

    /// Reads the bytes of a file; `None` if it is too short, or if a stamp is not one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let flags = *bytes.get(34)?;
        Some(Self {
            stamp: Tain::unpack(bytes.first_chunk()?)?,
            ready_stamp: Tain::unpack(bytes.get(12..)?.first_chunk()?)?,
            pid: u64::from_be_bytes(*bytes.get(24..)?.first_chunk()?),
            wait_status: u16::from_be_bytes(*bytes.get(32..)?.first_chunk()?),
            paused: flags & 1 != 0,
            finishing: flags & 2 != 0,
            want_up: flags & 4 != 0,
            ready: flags & 8 != 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn bytes(stamps: [u8; 24], rest: [u8; 11]) -> Vec<u8> {
        [stamps.as_slice(), &rest].concat()
    }

    #[test]
    fn a_file_of_the_original_is_understood() {
        let mut stamp = [0; 24];
        stamp[0] = 0x40;
        stamp[12] = 0x40;
        let killed = bytes(stamp, [0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x08]);
        let status = Status::decode(&killed).unwrap();
        assert_eq!((status.signal(), status.exit_code()), (Some(9), None));
        assert!(!status.is_up() && !status.want_up && status.ready);
        let exited = bytes(stamp, [0, 0, 0, 0, 0, 0, 0, 7, 3, 0, 0x06]);
        let status = Status::decode(&exited).unwrap();
        assert_eq!((status.signal(), status.exit_code()), (None, Some(3)));
        assert!(!status.is_up() && status.finishing && status.want_up);
        let up = bytes(stamp, [0, 0, 0, 0, 0, 0, 1, 1, 3, 0, 0x05]);
        let status = Status::decode(&up).unwrap();
        assert_eq!((status.pid, status.exit_code()), (257, None));
        assert!(status.is_up() && status.paused);
    }

    #[test]
    fn the_marker_of_what_never_started() {
        let now = Tain::from_utc(Duration::from_secs(1));
        assert_eq!(
            Status::not_started(now, true).encode()[24..],
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13]
        );
        let down = Status::not_started(now, false);
        assert_eq!(down.encode()[34], 9);
        assert!(down.is_not_started() && down.exit_code().is_none());
    }

    proptest! {
        #[test]
        fn every_status_survives(
            stamp: u32, ready: u32, nanos in 0u32..1_000_000_000, pid: u64, wait_status: u16,
            flags: [bool; 4],
        ) {
            let at = |seconds: u32| Tain::from_utc(Duration::new(u64::from(seconds), nanos));
            let [paused, finishing, want_up, ready_flag] = flags;
            let status = Status {
                stamp: at(stamp), ready_stamp: at(ready), pid, wait_status,
                paused, finishing, want_up, ready: ready_flag,
            };
            prop_assert_eq!(Status::decode(&status.encode()), Some(status));
        }
        #[test]
        fn no_bytes_confuse_the_reader(bytes: Vec<u8>) {
            let status = Status::decode(&bytes);
            prop_assert!(status.is_none() || bytes.len() >= LENGTH);
        }
    }
}
