//! case: becomes the program of the first pattern that a value matches.
//! Reference: <https://skarnet.org/software/execline/case.html>.

use super::blocks::Blocks;
use crate::sys::regex::{Dialect, GroupMatch, Pattern, Regex, pattern_matches};
use crate::tools::die::show;
use crate::tools::{Exit, Next, Options, Process, Word};

/// How the patterns are read.
enum Patterns {
    Expressions(Dialect),
    FileNames(Pattern),
}

/// `case [ -s | -S ] [ -e | -E ] [ -n | -N ] [ -i ] value { re1 { prog1... } re2 { prog2... } ... }
/// progdefault...`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let options = Options::parse(process, argv, "sSeEnNi")?;
    let patterns = patterns(&options);
    let ([value], rest) = process.operands(options.rest())?;
    let mut blocks = Blocks::new(process);
    let (mut cases, default) = blocks.take(rest, "case block")?;
    while !cases.is_empty() {
        let pattern = cases.remove(0);
        if cases.is_empty() {
            return Err(process.fatal(100, "malformed case block"));
        }
        let (program, others) = blocks.take(cases, "regex block")?;
        cases = others;
        if let Some(groups) = matches(process, &patterns, &pattern, &value)? {
            if matches!(patterns, Patterns::Expressions(Dialect { groups: true, .. })) {
                export(process, &pattern, &groups);
            }
            return Ok(program.into());
        }
    }
    Ok(default.into())
}

fn patterns(options: &Options) -> Patterns {
    let escapes = options.last_of("eE") != Some('e');
    let groups = options.last_of("nN") == Some('N');
    if options.last_of("sS") == Some('s') {
        Patterns::FileNames(Pattern {
            no_escape: !escapes,
            explicit_dot: options.has('i'),
            explicit_slash: groups,
        })
    } else {
        Patterns::Expressions(Dialect { extended: escapes, ignore_case: options.has('i'), groups })
    }
}

/// What the groups of the pattern match, if it matches at all: an expression's are counted even
/// where nobody asks for them.
fn matches(
    process: &Process,
    patterns: &Patterns,
    pattern: &[u8],
    value: &[u8],
) -> Result<Option<Vec<Word>>, Exit> {
    match patterns {
        Patterns::FileNames(how) => {
            let matched = pattern_matches(pattern, value, *how);
            if matched.is_none() {
                process.warn(format_args!("invalid fnmatch pattern: {}", show(pattern)));
            }
            Ok((matched == Some(true)).then(Vec::new))
        }
        Patterns::Expressions(dialect) => {
            let whole = [b"^", pattern, b"$"].concat();
            let regex = Regex::new(&whole, *dialect).map_err(|e| {
                let text = format!("unable to regcomp \"{}\": {}", show(&whole), e.reason);
                process.fatal(if e.out_of_memory { 111 } else { 100 }, &text)
            })?;
            let text = |group: GroupMatch| group.and_then(|at| value.get(at)).unwrap_or_default();
            let texts =
                |groups: Vec<GroupMatch>| groups.into_iter().map(|g| text(g).to_vec()).collect();
            Ok(regex.find(value).map(texts))
        }
    }
}

/// Exports the expression as `0`, and what its groups match as arguments. The first of `groups` is
/// what all of it matches.
fn export(process: &mut Process, expression: &[u8], groups: &[Word]) {
    let count = groups.len().saturating_sub(1);
    process.env.set(b"#", count.to_string().as_bytes());
    process.env.set(b"0", expression);
    for (number, group) in groups.iter().enumerate().skip(1) {
        process.env.set(number.to_string().as_bytes(), group);
    }
}
