//! How a tool takes the blocks from the front of its argument vector.

use super::strict;
use crate::execline::block::{self, Block};
use crate::tools::die::show;
use crate::tools::{Exit, Process, Word};

/// Takes one block after another, and counts them for the messages.
pub struct Blocks<'a> {
    process: &'a Process,
    taken: u32,
}

/// A block's words, and those after it.
pub type Split = (Vec<Word>, Vec<Word>);

impl<'a> Blocks<'a> {
    /// None is taken yet.
    pub fn new(process: &'a Process) -> Self {
        Self { process, taken: 0 }
    }

    /// Takes the block at the front of `argv`; `what` (as in `then block`) names it in the error
    /// about a missing end.
    pub fn take(&mut self, argv: Vec<Word>, what: &str) -> Result<Split, Exit> {
        let block = self.read(argv)?;
        self.terminated(block, what)
    }

    /// The same for a block that must not be empty.
    pub fn take_filled(&mut self, argv: Vec<Word>, what: &str) -> Result<Split, Exit> {
        let block = self.read(argv)?;
        if block.words.is_empty() && block.rest.is_some() {
            return Err(self.process.fatal(100, "empty block"));
        }
        self.terminated(block, what)
    }

    /// Reads the block at the front of `argv`, be it terminated or not. EXECLINE_STRICT decides on
    /// words without the leading space.
    pub fn read(&mut self, argv: Vec<Word>) -> Result<Block, Exit> {
        self.taken += 1;
        let taken = self.taken;
        let block = block::read(argv);
        for &position in &block.unquoted {
            strict::complain(self.process, || {
                let word =
                    block.words.get(position).map(|w| show(w).to_string()).unwrap_or_default();
                format!("unquoted argument {word} at block {taken} position {position}")
            })?;
        }
        Ok(block)
    }

    fn terminated(&self, block: Block, what: &str) -> Result<Split, Exit> {
        match block.rest {
            Some(rest) => Ok((block.words, rest)),
            None => Err(self.process.fatal(100, format_args!("unterminated {what}"))),
        }
    }
}
