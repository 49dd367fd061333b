//! Debian's execline and ours: made-up scripts end in the same way under both. How long a script of
//! six links takes under each is printed.
//!
//! `SIXTREE_SCRIPTS` is the number of scripts, `SIXTREE_SEED` what they are made from.
#![allow(clippy::disallowed_methods, reason = "tests start programs as anyone would")]

#[path = "../interoperation/debian.rs"]
mod debian;
#[path = "../environment/mod.rs"]
mod environment;
#[path = "../interoperation/random.rs"]
mod random;
mod script;
mod side;
#[path = "../skip/mod.rs"]
mod skip;
mod speed;

use random::Random;
use script::Script;
use side::{Ending, Side};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// How many scripts are tried at a time.
const WORKERS: usize = 2;

/// Runs one test at a time, so that none is timed while another one works.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many scripts came to which end.
#[derive(Default)]
struct Tally {
    alike: AtomicU64,
    both_failed: AtomicU64,
    theirs_crashed: AtomicU64,
    differences: Mutex<Vec<String>>,
}

impl Tally {
    fn take(&self, script: &Script, ours: Ending, theirs: Ending) {
        let count = match (&ours, &theirs) {
            (Ending::Crashed(_), _) => None,
            (_, Ending::Crashed(_)) => Some(&self.theirs_crashed),
            (Ending::Failed(_), Ending::Failed(_)) => Some(&self.both_failed),
            _ if ours == theirs => Some(&self.alike),
            _ => (script.runs_on() && ours.begins(&theirs)).then_some(&self.alike),
        };
        match count {
            Some(count) => drop(count.fetch_add(1, Ordering::Relaxed)),
            None => self
                .differences
                .lock()
                .unwrap()
                .push(format!("{script:?}\n  ours   {ours:?}\n  theirs {theirs:?}\n")),
        }
    }
}

#[test]
fn made_up_scripts_come_to_the_same_end() {
    let _alone = alone();
    let Some([ours, theirs]) = Side::both() else { return };
    let scripts = environment::number("SIXTREE_SCRIPTS", 10_000);
    let seed = environment::number("SIXTREE_SEED", 20_299);
    let (next, tally, begin) = (AtomicU64::new(0), Tally::default(), Instant::now());
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= scripts {
                break;
            }
            let script = Script::make(&mut random(seed, at));
            tally.take(&script, ours.run(&script), theirs.run(&script));
        }
    };
    thread::scope(|scope| (0..WORKERS).for_each(|_| drop(scope.spawn(work))));
    let Tally { alike, both_failed, theirs_crashed, differences } = tally;
    let [alike, failed, crashed] = [alike, both_failed, theirs_crashed].map(AtomicU64::into_inner);
    eprintln!(
        "{scripts} scripts in {:?}: {alike} alike, {failed} fail with both, \
         {crashed} crash Debian's",
        begin.elapsed()
    );
    let differences = differences.into_inner().unwrap();
    let shown = differences.iter().take(10).map(String::as_str).collect::<String>();
    let count = differences.len();
    assert_eq!(count, 0, "{count} of {scripts} differ, SIXTREE_SEED={seed}\n{shown}");
    assert!(alike > scripts / 2, "too few of them run");
}

/// But the words before them do, and what such a script comes to where none can be read.
#[test]
fn stray_bytes_after_the_last_word_do_not_count() {
    let _alone = alone();
    let Some([ours, theirs]) = Side::both() else { return };
    let tally = Tally::default();
    for mode in ["-S0", "-s0", "-P", "-p"] {
        // As long as that: the next bytes are a size that malloc notes.
        let script = Script::new(&[mode, "-c", "printf %s\\\\0 begin 1234 {\\\n"]);
        assert_eq!(script.runs_on(), mode.ends_with('0'));
        tally.take(&script, ours.run(&script), theirs.run(&script));
    }
    assert_eq!(tally.differences.into_inner().unwrap(), [""; 0]);
    let words = |words: &[&str]| Ending::Words(words.iter().map(|&word| word.into()).collect());
    let ours = words(&["a\\x00", "{\\x00"]);
    assert!(ours.begins(&words(&["a\\x00", "{Q\\r\\x00"])));
    assert!(!ours.begins(&words(&["b\\x00", "{Q\\r\\x00"])));
    assert!(!ours.begins(&words(&["a\\x00", "Q{\\x00"])));
    assert!(!ours.begins(&words(&["a\\x00", "{\\x00", "Q\\x00"])));
}

/// What script number `at` is made from.
fn random(seed: u64, at: u64) -> Random {
    let odd = (seed << 32).wrapping_add(at) << 1 | 1;
    Random(odd.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}
