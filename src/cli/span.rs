//! Spans of time, as people write them: in one or two units.

use std::fmt;

/// A span in µs.
pub(super) struct ShownSpan(pub u64);

impl fmt::Display for ShownSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0 / 1_000;
        let text = match ms {
            0..=9 => format!("{}.{} ms", ms, self.0 / 100 % 10),
            10..=999 => format!("{ms} ms"),
            1_000..=59_999 => format!("{}.{:02} s", ms / 1_000, ms / 10 % 100),
            _ => age(ms / 1_000),
        };
        f.pad(&text)
    }
}

/// So many seconds, in the two largest units.
pub(super) fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        (_, _, _) => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_three_digits_or_so() {
        let all = [0, 999, 9_999, 12_345, 1_234_567, 59_999_999, 61_000_000].map(ShownSpan);
        let shown = all.map(|span| span.to_string());
        assert_eq!(shown, ["0.0 ms", "0.9 ms", "9.9 ms", "12 ms", "1.23 s", "59.99 s", "1m 1s"]);
    }

    #[test]
    fn ages_have_two_units() {
        assert_eq!([59, 60, 3_601, 90_000].map(age), ["59s", "1m 0s", "1h 0m", "1d 1h"]);
    }
}
