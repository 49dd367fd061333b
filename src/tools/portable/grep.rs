//! s6-grep: the lines that match.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-grep.html>.

use crate::sys::regex::{Dialect, Regex};
use crate::tools::{Exit, Next, Options, Process, Word, lines};

/// What lines must match.
enum Pattern {
    Expression(Regex),
    Fixed { text: Word, ignore_case: bool },
}

/// `s6-grep [ -E | -F ] [ -i ] [ -c ] [ -n ] [ -q ] [ -v ] pattern`: exits 1 if no line matches.
// Differs: with -c the reference prints nothing.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "EFicnqv")?;
    let (invert, numbers) = (options.has('v'), options.has('n'));
    let (quiet, count_only) = (options.has('q'), options.has('c'));
    let (fixed, ignore_case) = (options.has('F'), options.has('i'));
    let dialect = Dialect { extended: options.has('E'), ignore_case, groups: false };
    let text = options.rest().into_iter().next().ok_or_else(|| process.usage())?;
    let pattern = match fixed {
        true => Pattern::Fixed { text, ignore_case },
        false => Pattern::Expression(Regex::new(&text, dialect).map_err(|e| {
            process.fatal(111, format_args!("unable to compile regular expression: {}", e.reason))
        })?),
    };
    let (mut number, mut count) = (0u64, 0u64);
    lines::filter(process, |line, out| {
        number += 1;
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        if pattern.matches(text) == invert {
            return;
        }
        count += 1;
        if quiet || count_only {
            return;
        }
        if numbers {
            out.extend_from_slice(format!("{number}:").as_bytes());
        }
        out.extend_from_slice(text);
        out.push(b'\n');
    })?;
    if count_only && !quiet {
        process.print(format!("{count}\n").as_bytes())?;
    }
    Ok(Next::Exit(u8::from(count == 0)))
}

impl Pattern {
    fn matches(&self, line: &[u8]) -> bool {
        match self {
            Self::Expression(regex) => regex.is_match(line),
            Self::Fixed { text, .. } if text.is_empty() => true,
            Self::Fixed { text, ignore_case: false } => {
                line.windows(text.len()).any(|part| part == text.as_slice())
            }
            Self::Fixed { text, ignore_case: true } => {
                line.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
            }
        }
    }
}
