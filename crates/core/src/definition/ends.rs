//! What the end of a longrun means: `on-success`, `restart-delay` and their like. s6-rc ignores
//! files of these names, so that a tree that has them boots under s6-overlay, too.

use super::parse::excerpt;
use crate::format::decimal;
pub use crate::format::end_action::EndAction;
use std::fmt;

/// What the files of one longrun say. Where there is no file, a default counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndPolicy {
    /// `on-success`.
    pub on_success: Option<EndAction>,
    /// `on-failure`.
    pub on_failure: Option<EndAction>,
    /// `on-give-up`: `down` or `stop`.
    pub on_give_up: Option<EndAction>,
    /// `success-codes`: in order, each once.
    pub success_codes: Option<Vec<u8>>,
    /// `restart-delay`.
    pub restart_delay: Option<RestartDelay>,
    /// `restart-limit`.
    pub restart_limit: Option<RestartLimit>,
}

/// How long to wait before `run` is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartDelay {
    /// At first, in ms.
    pub min_ms: u32,
    /// At most, in ms.
    pub max_ms: u32,
    /// How many thousandths of the delay before each one is.
    pub factor_milli: u32,
    /// How far a delay may be off, in per cent: it is drawn.
    pub jitter_percent: u8,
}

/// When `run` is not started again: after more than so many ends in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartLimit {
    /// How many ends may be.
    pub ends: u32,
    /// In which time, in s.
    pub seconds: u32,
}

/// A file that says something else than it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndMistake {
    /// `on-success` or its like that is none of its words.
    #[error("invalid action {0:?}: must be {1}")]
    Action(String, &'static str),
    /// `success-codes` that are none.
    #[error("invalid exit codes {0:?}: must be numbers from 0 to 255, with blanks between them")]
    Codes(String),
    /// `restart-delay` that is none.
    #[error("invalid delay {0:?}: must be MIN [MAX [FACTOR]] [JITTER%]")]
    Delay(String),
    /// `restart-limit` that is none.
    #[error("invalid limit {0:?}: must be COUNT SECONDS")]
    Limit(String),
}

impl EndMistake {
    /// The code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Action(..) => "E034",
            Self::Codes(_) => "E035",
            Self::Delay(_) => "E036",
            Self::Limit(_) => "E037",
        }
    }

    /// What to do about it.
    pub(super) fn remedy(&self) -> &'static str {
        match self {
            Self::Action(..) => "write one of these words into it",
            Self::Codes(_) => "write codes such as 0 143",
            Self::Delay(_) => {
                "write ms, ms that are not fewer, a number of 1 or more, and a percentage up to \
                 100%: 500 30000 2 10%"
            }
            Self::Limit(_) => "write a number of ends up to 10000, and a number of seconds: 5 60",
        }
    }
}

/// The most ends that a limit may allow: PID 1 keeps the time of each.
const MOST_ENDS: u32 = 10_000;

/// The factor where a file has a longest delay, and none.
const DOUBLE_MILLI: u32 = 2_000;

impl EndPolicy {
    /// The files, in alphabetical order.
    pub const FILES: &[&str] = &[
        "on-failure",
        "on-give-up",
        "on-success",
        "restart-delay",
        "restart-limit",
        "success-codes",
    ];

    /// Takes in what one of these files says.
    pub fn parse(&mut self, file: &str, text: &[u8]) -> Result<(), EndMistake> {
        match file {
            "on-success" => self.on_success = Some(action(text, EndAction::ALL)?),
            "on-failure" => self.on_failure = Some(action(text, EndAction::ALL)?),
            "on-give-up" => self.on_give_up = Some(action(text, EndAction::LAST)?),
            "success-codes" => self.success_codes = Some(codes(text)?),
            "restart-delay" => self.restart_delay = Some(delay(text)?),
            "restart-limit" => self.restart_limit = Some(limit(text)?),
            _ => {}
        }
        Ok(())
    }

    /// What one of these files says, as it could be written; `None` if there is none.
    pub fn text(&self, file: &str) -> Option<String> {
        let action = |action: Option<EndAction>| action.map(|action| action.to_string());
        match file {
            "on-success" => action(self.on_success),
            "on-failure" => action(self.on_failure),
            "on-give-up" => action(self.on_give_up),
            "success-codes" => {
                let codes = self.success_codes.as_ref()?.iter().map(u8::to_string);
                Some(codes.collect::<Vec<_>>().join(" "))
            }
            "restart-delay" => self.restart_delay.map(|delay| delay.to_string()),
            "restart-limit" => {
                self.restart_limit.map(|RestartLimit { ends, seconds }| format!("{ends} {seconds}"))
            }
            _ => None,
        }
    }

    /// Whether there is none of the files.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an exit code is a success.
    pub fn is_success(&self, code: u8) -> bool {
        self.success_codes.as_ref().map_or(code == 0, |codes| codes.binary_search(&code).is_ok())
    }
}

impl RestartDelay {
    /// The delay of s6: a second.
    pub const DEFAULT: Self =
        Self { min_ms: 1_000, max_ms: 1_000, factor_milli: 1_000, jitter_percent: 0 };

    /// The delay after one of so many ms.
    pub fn after(&self, ms: u32) -> u32 {
        let longer = u64::from(ms.max(1)) * u64::from(self.factor_milli) / 1_000;
        u32::try_from(longer).unwrap_or(u32::MAX).min(self.max_ms)
    }

    /// What becomes of a delay by chance; `drawn` is any number with the same likelihood.
    pub fn jittered(&self, ms: u32, drawn: u32) -> u64 {
        let off = u64::from(ms) * u64::from(self.jitter_percent) / 100;
        let part = (u128::from(2 * off + 1) * u128::from(drawn)) >> u32::BITS;
        u64::from(ms) - off + part as u64
    }
}

impl fmt::Display for RestartDelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { min_ms, max_ms, factor_milli, jitter_percent } = self;
        let (whole, thousandths) = (factor_milli / 1_000, factor_milli % 1_000);
        write!(f, "{min_ms} {max_ms} {whole}.{thousandths:03} {jitter_percent}%")
    }
}

/// Reads one of these words; what stands around it is blank.
fn action(text: &[u8], of: &[EndAction]) -> Result<EndAction, EndMistake> {
    let word = text.trim_ascii();
    EndAction::parse(word, of)
        .ok_or_else(|| EndMistake::Action(excerpt(word), EndAction::words(of)))
}

/// Reads exit codes, with blanks or line feeds between them.
fn codes(text: &[u8]) -> Result<Vec<u8>, EndMistake> {
    let invalid = || EndMistake::Codes(excerpt(text.trim_ascii()));
    let parsed = fields(text).map(decimal::parse);
    let mut codes = parsed.collect::<Option<Vec<u8>>>().ok_or_else(invalid)?;
    codes.sort_unstable();
    codes.dedup();
    if codes.is_empty() { Err(invalid()) } else { Ok(codes) }
}

/// Reads `MIN [MAX [FACTOR]] [JITTER%]`.
fn delay(text: &[u8]) -> Result<RestartDelay, EndMistake> {
    let mut fields: Vec<&[u8]> = fields(text).collect();
    let jitter = fields.pop_if(|last| last.ends_with(b"%"));
    let jitter = jitter.map_or(Some(0), |jitter| percent(jitter.strip_suffix(b"%")?));
    let parsed = match fields.as_slice() {
        [min] => number(min).map(|min| (min, min, 1_000)),
        [min, max] => number(min).zip(number(max)).map(|(min, max)| (min, max, DOUBLE_MILLI)),
        [min, max, by] => {
            let both = number(min).zip(number(max)).zip(factor(by));
            both.map(|((min, max), factor)| (min, max, factor))
        }
        _ => None,
    };
    let invalid = || EndMistake::Delay(excerpt(text.trim_ascii()));
    let ((min_ms, max_ms, factor_milli), jitter_percent) =
        parsed.zip(jitter).filter(|((min, max, _), _)| min <= max).ok_or_else(invalid)?;
    Ok(RestartDelay { min_ms, max_ms, factor_milli, jitter_percent })
}

fn number(digits: &[u8]) -> Option<u32> {
    decimal::parse(digits)
}

fn percent(digits: &[u8]) -> Option<u8> {
    decimal::parse(digits).filter(|percent| *percent <= 100)
}

/// A number of at least 1 with up to three decimals, in thousandths.
fn factor(text: &[u8]) -> Option<u32> {
    let mut parts = text.splitn(2, |&byte| byte == b'.');
    let whole: u32 = decimal::parse(parts.next()?)?;
    let thousandths = parts.next().map_or(Some(0), |decimals| {
        let digits = [decimals, b"000"].concat();
        let fits = (1..=3).contains(&decimals.len());
        digits.get(..3).filter(|_| fits).and_then(number)
    });
    whole.checked_mul(1_000)?.checked_add(thousandths?).filter(|milli| *milli >= 1_000)
}

/// Reads `COUNT SECONDS`.
fn limit(text: &[u8]) -> Result<RestartLimit, EndMistake> {
    let limit = match fields(text).map(decimal::parse).collect::<Vec<Option<u32>>>().as_slice() {
        [Some(ends), Some(seconds)] if *ends <= MOST_ENDS && *seconds > 0 => {
            Some(RestartLimit { ends: *ends, seconds: *seconds })
        }
        _ => None,
    };
    limit.ok_or_else(|| EndMistake::Limit(excerpt(text.trim_ascii())))
}

fn fields(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(file: &str, text: &str) -> Option<String> {
        let mut policy = EndPolicy::default();
        policy.parse(file, text.as_bytes()).ok()?;
        policy.text(file)
    }

    #[test]
    fn each_file_has_its_words() {
        assert_eq!(parsed("on-success", "down\n").as_deref(), Some("down"));
        assert_eq!(parsed("on-failure", " stop ").as_deref(), Some("stop"));
        assert_eq!(parsed("on-give-up", "stop\r\n").as_deref(), Some("stop"));
        assert_eq!(parsed("success-codes", "3 0\n0\n143\n").as_deref(), Some("0 3 143"));
        assert_eq!(parsed("restart-limit", "4 60\n").as_deref(), Some("4 60"));
        for (file, text) in [
            ("on-success", "halt"),
            ("on-failure", ""),
            ("on-give-up", "restart"),
            ("success-codes", ""),
            ("success-codes", "0,1"),
            ("success-codes", "256"),
            ("restart-limit", "4"),
            ("restart-limit", "4 0"),
            ("restart-limit", "4 60 2"),
            ("restart-limit", "10001 60"),
        ] {
            assert_eq!(parsed(file, text), None, "{file}: {text}");
        }
    }

    #[test]
    fn a_delay_has_one_to_four_words() {
        let delay = |text| parsed("restart-delay", text);
        assert_eq!(delay("500").as_deref(), Some("500 500 1.000 0%"));
        assert_eq!(delay("500 20%").as_deref(), Some("500 500 1.000 20%"));
        assert_eq!(delay("100 8000\n").as_deref(), Some("100 8000 2.000 0%"));
        assert_eq!(delay("0 8000 1.5 100%").as_deref(), Some("0 8000 1.500 100%"));
        let bad = ["", "1s", "800 100", "1 2 0.5", "1 2 1.", "1 2 1.2345", "1 2 2 101%", "1 2 3 4"];
        for text in bad.into_iter().chain(["20%", "-1", "1 2 2 20% 1", "4294967296"]) {
            assert_eq!(delay(text), None, "{text}");
        }
    }

    #[test]
    fn delays_grow_up_to_the_longest() {
        let delay =
            RestartDelay { min_ms: 100, max_ms: 800, factor_milli: 2_000, jitter_percent: 0 };
        let all: Vec<_> =
            std::iter::successors(Some(100), |ms| Some(delay.after(*ms))).take(5).collect();
        assert_eq!(all, [100, 200, 400, 800, 800]);
        let from_none = RestartDelay { min_ms: 0, ..delay };
        assert_eq!([from_none.after(0), from_none.after(2)], [2, 4]);
    }

    /// Any policy that files can express.
    pub(in crate::definition) fn policy() -> impl Strategy<Value = EndPolicy> {
        let all = || prop::option::of(prop::sample::select(EndAction::ALL));
        let last = prop::option::of(prop::sample::select(EndAction::LAST));
        let codes = prop::option::of(prop::collection::btree_set(any::<u8>(), 1..5));
        let delay = (any::<u32>(), any::<u32>(), 1_000..=u32::MAX, 0..=100u8);
        let limit = prop::option::of((0..=MOST_ENDS, 1..=u32::MAX));
        (all(), all(), last, codes, prop::option::of(delay), limit).prop_map(
            |(on_success, on_failure, on_give_up, codes, delay, limit)| EndPolicy {
                on_success,
                on_failure,
                on_give_up,
                success_codes: codes.map(|codes| codes.into_iter().collect()),
                restart_delay: delay.map(|(a, b, factor_milli, jitter_percent)| RestartDelay {
                    min_ms: a.min(b),
                    max_ms: a.max(b),
                    factor_milli,
                    jitter_percent,
                }),
                restart_limit: limit.map(|(ends, seconds)| RestartLimit { ends, seconds }),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(policy in policy()) {
            let mut read = EndPolicy::default();
            for file in EndPolicy::FILES {
                if let Some(text) = policy.text(file) {
                    prop_assert_eq!(read.parse(file, text.as_bytes()), Ok(()));
                }
            }
            prop_assert_eq!(read, policy);
        }

        #[test]
        fn a_delay_is_off_by_its_jitter_at_most(
            min_ms: u32, ms: u32, jitter_percent in 0..=100u8, drawn: u32,
        ) {
            let delay = RestartDelay { min_ms, max_ms: ms, factor_milli: 2_000, jitter_percent };
            let off = u64::from(ms) * u64::from(jitter_percent) / 100;
            let drawn = delay.jittered(ms, drawn);
            prop_assert!(drawn.abs_diff(ms.into()) <= off + 1, "{}", drawn);
            prop_assert!(delay.after(ms) <= ms.max(1) || delay.after(ms) >= ms.min(delay.max_ms));
        }

        #[test]
        fn no_bytes_make_it_panic(text: Vec<u8>) {
            for file in EndPolicy::FILES {
                let _ = EndPolicy::default().parse(file, &text);
            }
        }
    }
}
