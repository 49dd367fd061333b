//! The execline language: text is split into words, words into blocks, and values are substituted.
//! All of it is pure.

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
