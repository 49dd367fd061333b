//! Where the simulator's decisions come from.

/// A source of decisions.
pub(crate) trait Choices {
    /// One of `0..n`.
    fn pick(&mut self, n: usize) -> usize;
    /// Whether there are no more decisions to take: from then on the world is fair.
    fn done(&self) -> bool;
}

/// Decisions decoded from a list of numbers: random ones, shrunk ones, or written by hand.
pub(crate) struct Scripted<'a> {
    script: &'a [u16],
    at: usize,
}

impl<'a> Scripted<'a> {
    pub(crate) fn new(script: &'a [u16]) -> Self {
        Self { script, at: 0 }
    }
}

impl Choices for Scripted<'_> {
    fn pick(&mut self, n: usize) -> usize {
        let number = self.script.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        usize::from(number) % n
    }
    fn done(&self) -> bool {
        self.at >= self.script.len()
    }
}

/// Every possible sequence of decisions, up to a depth.
pub(crate) struct Exhaustive {
    depth: usize,
    path: Vec<(usize, usize)>,
    at: usize,
    started: bool,
}

impl Exhaustive {
    pub(crate) fn new(depth: usize) -> Self {
        Self { depth, path: Vec::new(), at: 0, started: false }
    }

    /// Goes on to the next sequence; false when all are done.
    pub(crate) fn next_run(&mut self) -> bool {
        self.at = 0;
        if !std::mem::replace(&mut self.started, true) {
            return true;
        }
        while let Some((choice, n)) = self.path.pop() {
            if choice + 1 < n {
                self.path.push((choice + 1, n));
                return true;
            }
        }
        false
    }
}

impl Choices for Exhaustive {
    fn pick(&mut self, n: usize) -> usize {
        if self.at >= self.depth {
            return 0;
        }
        if self.at == self.path.len() {
            self.path.push((0, n));
        }
        let (choice, of) = self.path[self.at];
        assert_eq!(of, n, "the world is not deterministic");
        self.at += 1;
        choice
    }
    fn done(&self) -> bool {
        self.at >= self.depth
    }
}

/// A sequence of numbers that is the same for the same seed.
pub(crate) fn numbers(seed: u64, len: usize) -> Vec<u16> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z >> 32) as u16
    };
    (0..len).map(|_| next()).collect()
}
