//! Conditional expressions, as eltest takes them: words, operators on one or two of them, and `!`,
//! `-a`, `-o` and parentheses around those.
//! Reference: <https://skarnet.org/software/execline/eltest.html>.

/// An expression, its words borrowed from the arguments.
#[derive(Debug, PartialEq, Eq)]
pub enum Expression<'a> {
    /// `! e`
    Not(Box<Expression<'a>>),
    /// `e -a e`
    And(Box<Expression<'a>>, Box<Expression<'a>>),
    /// `e -o e`
    Or(Box<Expression<'a>>, Box<Expression<'a>>),
    /// `-X word`, by its letter. A word alone is `-n word`.
    Unary(u8, &'a [u8]),
    /// `word operator word`, the operator first here.
    Binary(&'a [u8], &'a [u8], &'a [u8]),
}

/// Why arguments are no expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// An argument (counted from 0) cannot stand where it is, or is missing.
    #[error("parse error at argument {0}")]
    Unexpected(usize),
    /// A parenthesis is not closed.
    #[error("parse error: too many left parentheses")]
    Unclosed,
    /// A parenthesis was not opened.
    #[error("parse error: bad right parenthesis at argument {0}")]
    Unopened(usize),
}

const UNARY: &[u8] = b"nzfhLekabcdgprstuwxOUGSNv";

const BINARY: &[&[u8]] = &[
    b"=", b"!=", b"<", b"<=", b">", b">=", b"=~", b"-eq", b"-ne", b"-gt", b"-ge", b"-lt", b"-le",
    b"-nt", b"-ot", b"-ef",
];

/// What an argument is. One that looks like an operator is an operator, unless a backslash precedes
/// it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a [u8]),
    Unary(u8),
    Binary,
    Not,
    And,
    Or,
    Open,
    Close,
}

fn token(argument: &[u8]) -> Token<'_> {
    match argument {
        b"!" => Token::Not,
        b"-a" => Token::And,
        b"-o" => Token::Or,
        b"(" => Token::Open,
        b")" => Token::Close,
        [b'-', letter] if UNARY.contains(letter) => Token::Unary(*letter),
        _ if BINARY.contains(&argument) => Token::Binary,
        [b'\\', word @ ..] => Token::Word(word),
        word => Token::Word(word),
    }
}

/// Parses arguments. `!` binds closest, `-o` loosest.
pub fn parse<'a>(arguments: &'a [Vec<u8>]) -> Result<Expression<'a>, ExpressionError> {
    let mut parser = Parser { arguments, at: 0 };
    let expression = parser.or()?;
    match parser.peek() {
        None => Ok(expression),
        Some(Token::Close) => Err(ExpressionError::Unopened(parser.at + 1)),
        Some(_) => Err(ExpressionError::Unexpected(parser.at)),
    }
}

struct Parser<'a> {
    arguments: &'a [Vec<u8>],
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.arguments.get(self.at).map(|argument| token(argument))
    }

    /// Takes the next argument if it is that one.
    fn take(&mut self, wanted: Token) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn or(&mut self) -> Result<Expression<'a>, ExpressionError> {
        let mut left = self.and()?;
        while self.take(Token::Or) {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression<'a>, ExpressionError> {
        let mut left = self.not()?;
        while self.take(Token::And) {
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expression<'a>, ExpressionError> {
        let mut negate = false;
        while self.take(Token::Not) {
            negate = !negate;
        }
        let atom = self.atom()?;
        Ok(if negate { Expression::Not(Box::new(atom)) } else { atom })
    }

    fn atom(&mut self) -> Result<Expression<'a>, ExpressionError> {
        if self.take(Token::Open) {
            let inside = self.or()?;
            return match self.peek() {
                _ if self.take(Token::Close) => Ok(inside),
                None => Err(ExpressionError::Unclosed),
                Some(_) => Err(ExpressionError::Unexpected(self.at)),
            };
        }
        if let Some(Token::Unary(letter)) = self.peek() {
            self.at += 1;
            return Ok(Expression::Unary(letter, self.word()?));
        }
        let left = self.word()?;
        if self.peek() != Some(Token::Binary) {
            return Ok(Expression::Unary(b'n', left));
        }
        let operator = self.arguments.get(self.at).map_or(&[][..], |operator| operator);
        self.at += 1;
        Ok(Expression::Binary(operator, left, self.word()?))
    }

    fn word(&mut self) -> Result<&'a [u8], ExpressionError> {
        let Some(Token::Word(word)) = self.peek() else {
            return Err(ExpressionError::Unexpected(self.at));
        };
        self.at += 1;
        Ok(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(line: &str) -> Result<String, ExpressionError> {
        let words: Vec<_> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        parse(&words).map(|expression| shown(&expression))
    }

    fn shown(expression: &Expression) -> String {
        let word = |word: &[u8]| String::from_utf8_lossy(word).into_owned();
        match expression {
            Expression::Not(inside) => format!("!{}", shown(inside)),
            Expression::And(left, right) => format!("({}&{})", shown(left), shown(right)),
            Expression::Or(left, right) => format!("({}|{})", shown(left), shown(right)),
            Expression::Unary(letter, operand) => {
                format!("{}:{}", char::from(*letter), word(operand))
            }
            Expression::Binary(operator, left, right) => {
                format!("{}{}{}", word(left), word(operator), word(right))
            }
        }
    }

    #[test]
    fn operators_bind_as_they_should() {
        let cases = [
            ("a -o b -a ! c", "(n:a|(n:b&!n:c))"),
            ("( a -o b ) -a c", "((n:a|n:b)&n:c)"),
            ("! ! a = b", "a=b"),
            ("a -a b -a c", "((n:a&n:b)&n:c)"),
            ("-z \\-z", "z:-z"),
            ("\\( < \\\\", "(<\\"),
        ];
        for (line, expected) in cases {
            assert_eq!(parsed(line).as_deref(), Ok(expected), "{line}");
        }
    }

    #[test]
    fn errors_say_where() {
        let cases = [
            ("-n", ExpressionError::Unexpected(1)),
            ("a b", ExpressionError::Unexpected(1)),
            ("( )", ExpressionError::Unexpected(1)),
            ("a -a", ExpressionError::Unexpected(2)),
            ("= = =", ExpressionError::Unexpected(0)),
            ("( a", ExpressionError::Unclosed),
            ("a )", ExpressionError::Unopened(2)),
        ];
        for (line, error) in cases {
            assert_eq!(parsed(line), Err(error), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_words_will_do(words in prop::collection::vec("[!()a=<~-]{0,2}", 0..12)) {
            let words: Vec<_> = words.into_iter().map(String::into_bytes).collect();
            let _ = parse(&words);
        }
    }
}
