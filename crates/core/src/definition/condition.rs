//! The conditions of `if-env`: what must be true of the container's variables.

/// A line of `if-env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The variable.
    pub name: String,
    /// What must be true of it.
    pub test: Test,
}

/// What must be true of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// `NAME`: it is set, and to none of the words that mean no.
    IsOn,
    /// `!NAME`: the opposite.
    IsOff,
    /// `NAME=VALUE`
    Is(Vec<u8>),
    /// `NAME!=VALUE`; a variable that is not set is another value, too.
    IsNot(Vec<u8>),
}

/// Values that mean no, in upper or lower case.
const NO: &[&[u8]] = &[b"", b"0", b"false", b"no", b"off"];

/// The value of a variable, if it is set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Vec<u8>>;

impl Condition {
    /// Why the condition does not hold; `None` if it does. The text contains no value that may be a
    /// secret, but only values that mean no, and those that the file itself contains.
    pub(super) fn failure(&self, lookup: Lookup<'_>) -> Option<String> {
        let name = &self.name;
        let value = lookup(name);
        let value = value.as_deref();
        let says_no = |value: &[u8]| NO.iter().any(|no| value.eq_ignore_ascii_case(no));
        Some(match (&self.test, value) {
            (Test::IsOn, Some(value)) if !says_no(value) => return None,
            (Test::IsOff, None) => return None,
            (Test::IsOff, Some(value)) if says_no(value) => return None,
            (Test::Is(wanted), Some(value)) if value == wanted => return None,
            (Test::IsNot(other), value) if value != Some(other) => return None,
            (Test::IsOn | Test::Is(_), None) => format!("{name} is not set"),
            (Test::IsOn, Some([])) => format!("{name} is empty"),
            (Test::IsOn, Some(value)) => format!("{name}={}", value.escape_ascii()),
            (Test::IsOff, Some(_)) => format!("{name} is set"),
            (Test::Is(wanted), Some(_)) => format!("{name} is not {}", wanted.escape_ascii()),
            (Test::IsNot(other), _) => format!("{name}={}", other.escape_ascii()),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::definition::parse;

    #[test]
    fn a_condition_holds_or_says_why_not() {
        let why = |line: &str, value: Option<&str>| {
            let lookup = |_: &str| value.map(|value| value.as_bytes().to_vec());
            let condition = parse::condition(line.as_bytes()).unwrap();
            condition.failure(&lookup).unwrap_or_default()
        };
        for no in ["0", "false", "No", "OFF"] {
            assert_eq!(why("A", Some(no)), format!("A={no}"));
            assert_eq!(why("!A", Some(no)), "");
        }
        assert_eq!(
            (why("A", None), why("A", Some(""))),
            ("A is not set".into(), "A is empty".into())
        );
        assert_eq!((why("A", Some("1")), why("!A", None)), (String::new(), String::new()));
        assert_eq!(why("!A", Some("secret")), "A is set", "the value is not told");
        assert_eq!((why("A=b", Some("b")), why("A!=b", None)), (String::new(), String::new()));
        assert_eq!(why("A=b", Some("secret")), "A is not b");
        assert_eq!(why("A=b", None), "A is not set");
        assert_eq!(why("A!=b", Some("b")), "A=b");
        assert_eq!(why("A=", Some("")), "");
    }
}
