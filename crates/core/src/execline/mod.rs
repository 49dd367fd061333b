//! The execline language, pure: words from text, blocks from words, values into words.

pub mod block;
pub mod envfile;
pub mod expression;
pub mod lexer;
pub mod netstring;
pub mod programs;
pub mod quote;
pub mod substitute;
