//! Regular expressions and file name patterns against strings, by the C library: the dialect that
//! scripts are written in is POSIX's.

use nix::errno::Errno;
use nix::libc;
use std::ffi::{CStr, CString, c_int};
use std::ops::Range;

/// A regular expression that was understood.
pub struct Regex {
    compiled: Box<libc::regex_t>,
    /// How many groups it has. POSIX's field for that is private in the declaration used here.
    groups: usize,
}

/// Why a regular expression was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRegex {
    /// What is wrong.
    pub reason: &'static str,
    /// Whether there was not enough memory for it.
    pub out_of_memory: bool,
}

/// How a regular expression is written, and what it will be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// The extended syntax.
    pub extended: bool,
    /// Letters match regardless of case.
    pub ignore_case: bool,
    /// Whether the caller needs to know where its groups match.
    pub groups: bool,
}

/// Where a group matches, if it does.
pub type GroupMatch = Option<Range<usize>>;

impl BadRegex {
    /// The error that comes closest.
    pub fn errno(&self) -> Errno {
        if self.out_of_memory { Errno::ENOMEM } else { Errno::EINVAL }
    }
}

impl Regex {
    /// Compiles an extended expression that is only used to see whether it matches.
    pub fn extended(expression: &[u8]) -> Result<Self, BadRegex> {
        Self::new(expression, Dialect { extended: true, ..Dialect::default() })
    }

    /// Compiles an expression; it ends at the first NUL.
    pub fn new(expression: &[u8], dialect: Dialect) -> Result<Self, BadRegex> {
        let flags = [
            (dialect.extended, libc::REG_EXTENDED),
            (dialect.ignore_case, libc::REG_ICASE),
            (!dialect.groups, libc::REG_NOSUB),
        ];
        let flags = flags.iter().filter(|(on, _)| *on).fold(0, |all, (_, flag)| all | flag);
        let expression = c_string(expression);
        // SAFETY: all of a regex_t may be zero.
        let mut regex = Box::new(unsafe { std::mem::zeroed() });
        // SAFETY: the expression is NUL-terminated, and `regex` outlives the call.
        match unsafe { libc::regcomp(&raw mut *regex, expression.as_ptr(), flags) } {
            0 => Ok(Self { compiled: regex, groups: groups(&expression, dialect.extended) }),
            code => Err(BadRegex { reason: reason(code), out_of_memory: code == libc::REG_ESPACE }),
        }
    }

    /// Whether the expression matches some part of a string (to its first NUL).
    pub fn is_match(&self, string: &[u8]) -> bool {
        self.matches(&c_string(string))
    }

    /// The same without a copy.
    pub fn matches(&self, string: &CStr) -> bool {
        let nowhere = std::ptr::null_mut();
        // SAFETY: the expression was compiled, the string is NUL-terminated, no place is asked for.
        unsafe { libc::regexec(&raw const *self.compiled, string.as_ptr(), 0, nowhere, 0) == 0 }
    }

    /// Where the expression and its groups match in a string (to its first NUL); the first is the
    /// expression itself. Without `groups` in its dialect, there is nothing but the fact.
    pub fn find(&self, string: &[u8]) -> Option<Vec<GroupMatch>> {
        let string = c_string(string);
        let nowhere = libc::regmatch_t { rm_so: -1, rm_eo: -1 };
        let mut places = vec![nowhere; self.groups + 1];
        let (count, first) = (places.len(), places.as_mut_ptr());
        // SAFETY: the expression was compiled, the string is NUL-terminated, there are `count`
        // places.
        let result =
            unsafe { libc::regexec(&raw const *self.compiled, string.as_ptr(), count, first, 0) };
        let group = |place: &libc::regmatch_t| {
            Some(usize::try_from(place.rm_so).ok()?..usize::try_from(place.rm_eo).ok()?)
        };
        (result == 0).then(|| places.iter().map(group).collect())
    }
}

impl Drop for Regex {
    fn drop(&mut self) {
        // SAFETY: it was compiled, and is freed once.
        unsafe { libc::regfree(&raw mut *self.compiled) }
    }
}

/// How many groups an expression opens that the C library has understood.
fn groups(expression: &CStr, extended: bool) -> usize {
    let mut count = 0;
    let mut rest = expression.to_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            b'\\' => {
                count += usize::from(!extended && after.first() == Some(&b'('));
                after.get(1..).unwrap_or_default()
            }
            b'[' => after_bracket(after),
            _ => {
                count += usize::from(extended && *first == b'(');
                after
            }
        };
    }
    count
}

/// What follows a bracket expression, of which this is all but the `[`. A `]` that comes first in
/// it stands for itself; so does any that belongs to `[:class:]` and its like.
fn after_bracket(all: &[u8]) -> &[u8] {
    let all = all.strip_prefix(b"^").unwrap_or(all);
    let mut rest = all.strip_prefix(b"]").unwrap_or(all);
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after.first()) {
            (b']', _) => return after,
            (b'[', Some(kind @ (b':' | b'.' | b'='))) => {
                let end = after.windows(2).skip(1).position(|two| two == [*kind, b']']);
                end.and_then(|at| after.get(at + 3..)).unwrap_or_default()
            }
            _ => after,
        };
    }
    rest
}

/// The C library's texts would link in all of printf.
fn reason(code: c_int) -> &'static str {
    match code {
        libc::REG_ECOLLATE => "unknown collating element",
        libc::REG_ECTYPE => "unknown character class name",
        libc::REG_EESCAPE => "trailing backslash",
        libc::REG_ESUBREG => "invalid back reference",
        libc::REG_EBRACK => "missing ']'",
        libc::REG_EPAREN => "missing ')'",
        libc::REG_EBRACE => "missing '}'",
        libc::REG_BADBR => "invalid contents of {}",
        libc::REG_ERANGE => "invalid character range",
        libc::REG_ESPACE => "out of memory",
        libc::REG_BADRPT => "repetition not preceded by a valid expression",
        _ => "invalid regular expression",
    }
}

/// How a file name pattern is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// A backslash is an ordinary character.
    pub no_escape: bool,
    /// A dot at the beginning must be matched by a dot.
    pub explicit_dot: bool,
    /// A slash must be matched by a slash.
    pub explicit_slash: bool,
}

/// Whether a file name pattern matches a string. `None`: the pattern makes no sense.
pub fn pattern_matches(pattern: &[u8], string: &[u8], how: Pattern) -> Option<bool> {
    let flags = [
        (how.no_escape, libc::FNM_NOESCAPE),
        (how.explicit_dot, libc::FNM_PERIOD),
        (how.explicit_slash, libc::FNM_PATHNAME),
    ];
    let flags = flags.iter().filter(|(on, _)| *on).fold(0, |all, (_, flag)| all | flag);
    let (pattern, string) = (c_string(pattern), c_string(string));
    // SAFETY: both strings are NUL-terminated.
    match unsafe { libc::fnmatch(pattern.as_ptr(), string.as_ptr(), flags) } {
        0 => Some(true),
        libc::FNM_NOMATCH => Some(false),
        _ => None,
    }
}

/// The bytes to the first NUL.
fn c_string(bytes: &[u8]) -> CString {
    let bytes = bytes.split(|&b| b == 0).next().unwrap_or_default();
    CString::new(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: Dialect = Dialect { extended: true, ignore_case: false, groups: true };

    #[test]
    fn groups_are_where_they_match() {
        let regex = Regex::new(b"^a(.)(x)?(c*)$", GROUPS).unwrap();
        assert_eq!(regex.find(b"abcc"), Some(vec![Some(0..4), Some(1..2), None, Some(2..4)]));
        assert_eq!(regex.find(b"b"), None);
        let plain = Regex::new(b"B(", Dialect { ignore_case: true, ..Dialect::default() }).unwrap();
        assert!(plain.is_match(b"ab(c"));
    }

    #[test]
    fn extended_expressions_match_anywhere() {
        let regex = Regex::extended(b"a(b|c)+$").unwrap();
        assert!(regex.is_match(b"xabcb") && regex.is_match(b"ab\0d"));
        assert!(!regex.is_match(b"abd") && !regex.is_match(b""));
        assert_eq!(Regex::extended(b"a(b").err().map(|e| e.errno()), Some(Errno::EINVAL));
    }

    #[test]
    fn nonsense_is_told() {
        let bad = Regex::new(b"a(", GROUPS).err().unwrap();
        assert!(!bad.out_of_memory && !bad.reason.is_empty());
    }

    #[test]
    fn patterns_match_as_told() {
        let matches = |p: &str, s: &str, how| pattern_matches(p.as_bytes(), s.as_bytes(), how);
        let strict = Pattern { no_escape: false, explicit_dot: true, explicit_slash: true };
        assert_eq!(matches("*c", "a/.c", Pattern::default()), Some(true));
        assert_eq!(matches("*c", "a/.c", strict), Some(false));
        assert_eq!(matches("*", ".c", strict), Some(false));
        assert_eq!(matches("\\*", "*", Pattern::default()), Some(true));
    }

    #[test]
    fn groups_are_counted_as_the_c_library_does() {
        let extended = Dialect { extended: true, groups: true, ..Dialect::default() };
        for (expression, count) in [
            ("a", 0),
            ("(a)(b(c)?)|d", 3),
            (r"\(a\)", 0),
            (r"[(](a)", 1),
            (r"[]()](a)[^](](b)", 2),
            (r"[[:alpha:](](a)", 1),
            (r"[\](a)", 1),
        ] {
            let regex = Regex::new(expression.as_bytes(), extended).unwrap();
            assert_eq!(regex.groups, count, "{expression}");
        }
        let basic = Dialect { groups: true, ..Dialect::default() };
        let regex = Regex::new(br"(a)\(b\)[\(]\(c\)", basic).unwrap();
        assert_eq!(regex.groups, 2);
        assert_eq!(regex.find(b"(a)b(c"), Some(vec![Some(0..6), Some(3..4), Some(5..6)]));
    }
}
