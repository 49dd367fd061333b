//! Input that is somewhat like other input.

use crate::random::Random;

/// The most bytes.
const LONGEST: usize = 4096;

/// Bytes that often matter.
const SPECIAL: &[u8] = b"\0\x01\n\r\t \"#$'(),-./0129:=@[\\]^{}~\x7f\x80\xff";

/// Makes input.
pub(crate) struct Mutator {
    random: Random,
    tokens: &'static [&'static str],
}

impl Mutator {
    pub(crate) fn new(random: Random, tokens: &'static [&'static str]) -> Self {
        Self { random, tokens }
    }

    /// From one of these, mostly; else from nothing.
    pub(crate) fn make(&mut self, pool: &[Vec<u8>]) -> Vec<u8> {
        let from_nothing = self.random.below(8) == 0;
        let mut input = match from_nothing {
            true => Vec::new(),
            false => pool[self.random.below(pool.len())].clone(),
        };
        let changes = if from_nothing { 1 + self.random.below(40) } else { self.few() };
        for _ in 0..changes {
            self.change(&mut input, pool);
        }
        input.truncate(LONGEST);
        input
    }

    /// A small number, now and then a larger one.
    fn few(&mut self) -> usize {
        let most = self.random.of(&[1, 2, 4, 16]);
        1 + self.random.below(most)
    }

    fn change(&mut self, input: &mut Vec<u8>, pool: &[Vec<u8>]) {
        let at = self.random.below(input.len() + 1);
        let end = (at + self.few()).min(input.len());
        match self.random.below(10) {
            0 => drop(input.drain(at..end)),
            1 => {
                let again: Vec<_> = input[at..end].repeat(self.few());
                input.splice(at..at, again);
            }
            2 if at < end => input[at] ^= 1 << self.random.below(8),
            3 if at < end => input[at] = self.random.of(SPECIAL),
            4 => input.insert(at, self.random.below(256) as u8),
            5 => input.insert(at, self.random.of(SPECIAL)),
            6 => {
                let other = &pool[self.random.below(pool.len())];
                let from = self.random.below(other.len() + 1);
                let to = self.random.below(other.len() + 1);
                input.splice(at..end, other[from.min(to)..from.max(to)].iter().copied());
            }
            _ => {
                let token = self.random.of(self.tokens).bytes();
                input.splice(at..at, token);
            }
        }
    }
}
