//! Parsers against made-up input: each must cope with anything, without a panic and in no time.
//!
//! For each target, first all of its `corpus/`, then what is made from it until the time is over:
//! `SIXTREE_FUZZ_SECONDS`, 1 if it is not set. `SIXTREE_SEED` is what chance begins with. With
//! `SIXTREE_FUZZ_KEEP` set, input with a new outcome joins the corpus in the repository; input that
//! ends in a panic always does.
#![allow(clippy::disallowed_methods, reason = "tests start programs as anyone would")]

mod control;
#[path = "../environment/mod.rs"]
mod environment;
mod mutate;
#[path = "../ordinary/mod.rs"]
mod ordinary;
#[path = "../interoperation/random.rs"]
mod random;
mod targets;
mod tree;

use mutate::Mutator;
use random::Random;
use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So long one input may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// So much input with a new outcome is kept in memory, to make more from.
const POOL: usize = 4096;

/// What is fuzzed.
struct Target {
    name: &'static str,
    /// Takes input and returns what came of it, in the rough.
    run: fn(&[u8]) -> Outcome,
    /// Words of its language.
    tokens: &'static [&'static str],
}

/// What came of input: the same number for much the same way through the code.
type Outcome = u64;

/// An outcome, from what tells it from others.
fn outcome(of: impl Hash) -> Outcome {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Target {
    fn corpus(&self) -> PathBuf {
        Path::new("tests/fuzz/corpus").join(self.name)
    }

    /// Saves input beside what there is; the name says what came of it.
    fn save(&self, kind: &str, input: &[u8]) -> PathBuf {
        let file = self.corpus().join(format!("{kind}-{:016x}", outcome(input)));
        fs::create_dir_all(self.corpus()).unwrap();
        fs::write(&file, input).unwrap();
        file
    }

    /// Runs once. What must not happen is saved before it is told.
    fn attempt(&self, input: &[u8]) -> Outcome {
        let begin = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| (self.run)(input)));
        let took = begin.elapsed();
        match ended {
            Ok(_) if took > PATIENCE => {
                panic!("{took:?} for {}", self.save("slow", input).display())
            }
            Ok(outcome) => outcome,
            Err(panic) => {
                eprintln!("{} panics: {}", self.name, self.save("panic", input).display());
                resume_unwind(panic)
            }
        }
    }

    /// Runs until the time is over.
    fn fuzz(&self) {
        let seconds = environment::number("SIXTREE_FUZZ_SECONDS", 1);
        let seed = environment::number("SIXTREE_SEED", 1);
        let keep = std::env::var_os("SIXTREE_FUZZ_KEEP").is_some();
        let mut pool = self.read_corpus();
        let mut seen: BTreeSet<_> = pool.iter().map(|input| self.attempt(input)).collect();
        let (known, begin, mut executions) = (seen.len(), Instant::now(), pool.len());
        let mut mutator = Mutator::new(Random(seed << 1 | 1), self.tokens);
        while begin.elapsed().as_secs() < seconds {
            let input = mutator.make(&pool);
            executions += 1;
            if seen.insert(self.attempt(&input)) && pool.len() < POOL {
                if keep {
                    self.save("new", &input);
                }
                pool.push(input);
            }
        }
        eprintln!(
            "{}: {executions} executions in {seconds} s, {} outcomes, {known} of them known, \
             SIXTREE_SEED={seed}",
            self.name,
            seen.len()
        );
    }

    fn read_corpus(&self) -> Vec<Vec<u8>> {
        let entries = fs::read_dir(self.corpus()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.collect();
        files.sort();
        assert!(!files.is_empty());
        files.iter().map(|file| fs::read(file).unwrap()).collect()
    }
}
