//! Blocks, as they stand in an argument vector: words with a space in front, then an empty word.
//! Reference: <https://skarnet.org/software/execline/el_semicolon.html>.

type Word = Vec<u8>;

/// The block that was read from the front of an argument vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its words, each without the one space that marks it.
    pub words: Vec<Word>,
    /// The places (from 0) of the words that have no such space: from a script written by hand.
    pub unquoted: Vec<usize>,
    /// What follows the empty word. `None`: there is none, the block does not end.
    pub rest: Option<Vec<Word>>,
}

/// Reads the block at the front of `argv`.
pub fn read(argv: Vec<Word>) -> Block {
    let mut block = Block { words: Vec::new(), unquoted: Vec::new(), rest: None };
    let mut argv = argv.into_iter();
    while let Some(mut word) = argv.next() {
        match word.first() {
            None => {
                block.rest = Some(argv.collect());
                break;
            }
            Some(b' ') => drop(word.remove(0)),
            Some(_) => block.unquoted.push(block.words.len()),
        }
        block.words.push(word);
    }
    block
}
