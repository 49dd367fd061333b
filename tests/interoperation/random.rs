//! Numbers that are the same for the same seed.

/// A seed, which is not 0, and what becomes of it (xorshift).
pub(crate) struct Random(pub u64);

impl Random {
    /// One of `0..end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    /// One of these.
    pub(crate) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}
