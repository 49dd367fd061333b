//! Blocks, as they stand in an argument vector: words with a space in front, then an empty word.
//! Reference: <https://skarnet.org/software/execline/el_semicolon.html>.

use super::Word;

/// What a word is to the block that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark<'a> {
    /// The end of the block.
    End,
    /// A word of the block, without the one space that marks it.
    Quoted(&'a [u8]),
    /// A word of the block that has no such space: from a script written by hand.
    Unquoted(&'a [u8]),
}

/// Says what a word is.
pub fn mark(word: &[u8]) -> Mark<'_> {
    match word {
        [] => Mark::End,
        [b' ', word @ ..] => Mark::Quoted(word),
        word => Mark::Unquoted(word),
    }
}

/// The block that was read from the front of an argument vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its words, each without the one space that marks it.
    pub words: Vec<Word>,
    /// The places (from 0) of the words that have no such space.
    pub unquoted: Vec<usize>,
    /// What follows the empty word. `None`: there is none, the block does not end.
    pub rest: Option<Vec<Word>>,
}

/// Reads the block at the front of `argv`.
pub fn read(argv: Vec<Word>) -> Block {
    let mut block = Block { words: Vec::new(), unquoted: Vec::new(), rest: None };
    let mut argv = argv.into_iter();
    while let Some(word) = argv.next() {
        let word = match mark(&word) {
            Mark::End => {
                block.rest = Some(argv.collect());
                break;
            }
            Mark::Quoted(word) => word,
            Mark::Unquoted(word) => {
                block.unquoted.push(block.words.len());
                word
            }
        };
        block.words.push(word.to_vec());
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(list: &[&str]) -> Vec<Word> {
        list.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn a_block_ends_at_the_first_empty_word() {
        let block = read(words(&[" a", "  b", " ", "", "c", ""]));
        assert_eq!(block.words, words(&["a", " b", ""]));
        assert_eq!(block.rest, Some(words(&["c", ""])));
        assert!(block.unquoted.is_empty());
    }

    #[test]
    fn words_without_a_space_are_taken_and_reported() {
        let block = read(words(&["a", " b", "c"]));
        assert_eq!(block.words, words(&["a", "b", "c"]));
        assert_eq!((block.rest, block.unquoted), (None, vec![0, 2]));
    }

    proptest! {
        #[test]
        fn what_is_marked_is_read_back(inside: Vec<Word>, after: Vec<Word>) {
            let marked = inside.iter().map(|word| [b" ", &word[..]].concat());
            let argv = marked.chain([Word::new()]).chain(after.clone()).collect();
            let block = read(argv);
            prop_assert_eq!(block.words, inside);
            prop_assert_eq!(block.rest, Some(after));
            prop_assert!(block.unquoted.is_empty());
        }
    }
}
