//! s6-expr: integer arithmetic.
//! Reference: <https://skarnet.org/software/s6-portable-utils/s6-expr.html>.

use super::paths::print;
use crate::format::decimal;
use crate::tools::{Exit, Next, Process, Word};

/// How deep parentheses may be nested.
const MAX_DEPTH: u32 = 1000;

/// `s6-expr arithmetic expression`: exits 1 if the result is 0, 2 if there is none.
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    if argv.len() < 2 {
        return Ok(Next::Exit(2));
    }
    let words: Vec<&[u8]> = argv.iter().skip(1).map(Word::as_slice).collect();
    let value = evaluate(&words).map_err(|text| process.fatal(2, text))?;
    print(process, value.to_string().as_bytes(), true)?;
    Ok(Next::Exit(u8::from(value == 0)))
}

/// The operators, from those that bind least.
const LEVELS: &[&[&[u8]]] = &[
    &[b"|"],
    &[b"&"],
    &[b"=", b"!=", b"<", b"<=", b">", b">="],
    &[b"+", b"-"],
    &[b"*", b"/", b"%"],
];

const INVALID: &str = "invalid expression";

fn evaluate(words: &[&[u8]]) -> Result<i64, &'static str> {
    let mut parser = Parser { words, depth: 0 };
    let value = parser.level(0, true)?;
    if parser.words.is_empty() { Ok(value) } else { Err(INVALID) }
}

/// Evaluates as it parses. What a short circuit leaves out is parsed, but counts as 0.
struct Parser<'a> {
    words: &'a [&'a [u8]],
    depth: u32,
}

impl Parser<'_> {
    fn level(&mut self, level: usize, wanted: bool) -> Result<i64, &'static str> {
        let Some(operators) = LEVELS.get(level) else { return self.operand(wanted) };
        let mut left = self.level(level + 1, wanted)?;
        while let Some((&operator, rest)) = self.words.split_first() {
            if !operators.contains(&operator) {
                break;
            }
            self.words = rest;
            let wanted = wanted
                && match operator {
                    b"|" => left == 0,
                    b"&" => left != 0,
                    _ => true,
                };
            let right = self.level(level + 1, wanted)?;
            left = if wanted { apply(operator, left, right)? } else { left };
        }
        Ok(left)
    }

    fn operand(&mut self, wanted: bool) -> Result<i64, &'static str> {
        let (&word, rest) = self.words.split_first().ok_or(INVALID)?;
        self.words = rest;
        if word != b"(" {
            return decimal::leading_signed(word, i64::MAX as u64).ok_or(INVALID);
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(INVALID);
        }
        let value = self.level(0, wanted)?;
        self.depth -= 1;
        let (&close, rest) = self.words.split_first().ok_or(INVALID)?;
        self.words = rest;
        if close == b")" { Ok(value) } else { Err(INVALID) }
    }
}

/// Differs: the original dies of a signal when it divides by zero, or overflows doing so.
fn apply(operator: &[u8], left: i64, right: i64) -> Result<i64, &'static str> {
    const ZERO: &str = "division by zero";
    Ok(match operator {
        b"|" => right,
        b"&" => left * i64::from(right != 0),
        b"=" => (left == right).into(),
        b"!=" => (left != right).into(),
        b"<" => (left < right).into(),
        b"<=" => (left <= right).into(),
        b">" => (left > right).into(),
        b">=" => (left >= right).into(),
        b"+" => left.wrapping_add(right),
        b"-" => left.wrapping_sub(right),
        b"*" => left.wrapping_mul(right),
        b"/" if right != 0 => left.wrapping_div(right),
        b"%" if right != 0 => left.wrapping_rem(right),
        _ => return Err(ZERO),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<i64, &'static str> {
        evaluate(&text.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    #[test]
    fn nothing_overflows_or_divides_by_zero() {
        assert_eq!(value("-9223372036854775808 / -1"), Ok(i64::MIN));
        assert_eq!(value("9223372036854775807 + 1"), Ok(i64::MIN));
        assert_eq!(value("1 / 0"), Err("division by zero"));
        assert_eq!(value("1 | 1 / 0 | 1 % 0"), Ok(1));
        assert_eq!(value("9223372036854775808"), Ok(922_337_203_685_477_580));
    }

    #[test]
    fn parentheses_can_be_deep_but_not_bottomless() {
        let nested = |n: usize| format!("{}1{}", "( ".repeat(n), " )".repeat(n));
        assert_eq!(value(&nested(500)), Ok(1));
        assert_eq!(value(&nested(5000)), Err(INVALID));
        assert_eq!(value("( 1 ) )"), Err(INVALID));
        assert_eq!(value("( )"), Err(INVALID));
    }
}
