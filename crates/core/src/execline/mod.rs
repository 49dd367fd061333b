//! The execline language, pure: words from text, blocks from words, values into words.

pub mod block;
pub mod envfile;
pub mod expression;
pub mod lexer;
pub mod netstring;
pub mod programs;
pub mod quote;
pub mod substitute;

/// A word of a command line: any bytes but NUL.
pub type Word = Vec<u8>;
