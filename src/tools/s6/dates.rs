//! Moments as text, for many moments that are close together: a date is worked out once a second.

use crate::format::civil::{Civil, nine_digits};
use crate::format::tai::Utc;
use crate::sys::timezone::{Zone, civil};

/// Writes moments as `YYYY-MM-DD HH:MM:SS.nnnnnnnnn`.
#[derive(Debug)]
pub(super) struct Dates {
    zone: Zone,
    /// The last second that was asked for, and its text.
    last: Option<(u64, bool)>,
    text: String,
}

impl Dates {
    /// Dates as the clocks of this zone show them.
    pub(super) fn new(zone: Zone) -> Self {
        Self { zone, last: None, text: String::new() }
    }

    /// Appends the moment to `out`. False: there is no such date, and nothing is appended.
    pub(super) fn append(&mut self, utc: Utc, out: &mut Vec<u8>) -> bool {
        let second = (utc.since_epoch.as_secs(), utc.leap);
        if self.last != Some(second) {
            let Some(date) = civil(second.0, self.zone) else { return false };
            let leap = u8::from(utc.leap);
            self.text = Civil { second: date.second + leap, ..date }.to_string();
            self.text.push('.');
            self.last = Some(second);
        }
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(&nine_digits(utc.since_epoch.subsec_nanos()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn each_second_has_its_own_text() {
        let mut dates = Dates::new(Zone::Utc);
        let mut out = Vec::new();
        for (seconds, nanos, leap) in [(0, 1, false), (0, 2, false), (59, 0, true), (60, 0, false)]
        {
            let utc = Utc { since_epoch: Duration::new(seconds, nanos), leap };
            assert!(dates.append(utc, &mut out));
            out.push(b'\n');
        }
        let text = "1970-01-01 00:00:00.000000001\n1970-01-01 00:00:00.000000002\n\
                    1970-01-01 00:00:60.000000000\n1970-01-01 00:01:00.000000000\n";
        assert_eq!(String::from_utf8_lossy(&out), text);
    }
}
