//! The engine against made-up worlds: one simulator, three sources of choices.
//!
//! `SIXTREE_WORLDS` is the number of random worlds (10,000 if it is not set), `SIXTREE_DEPTH` the
//! number of choices that are tried in full (10). `SIXTREE_WORLD` is the one random world to pass,
//! and to print: the numbers that a failure calls its minimal input.

mod choices;
mod ends;
#[path = "../../../../tests/environment/mod.rs"]
mod environment;
mod faults;
mod health;
mod kernel;
mod moves;
mod reports;
mod rules;
mod scale;
mod tables;
mod tree;
mod wishes;
mod world;

use choices::{Exhaustive, Scripted, numbers};
use faults::{BUGS, Bug};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rules::{Breach, Line, RULES, Rule};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;
use tree::Size;
use world::{Story, World};

/// The most choices of a random world.
const CHOICES: usize = 400;
const WILD: Size = Size { services: 6, wild: true };
const PLAIN: Size = Size { services: 2, wild: false };

fn story_text(trace: &[Line]) -> String {
    trace.iter().map(|line| format!("{line}\n")).collect()
}

/// Lets a world pass, and every fourth one again: it must come out the same.
fn wild(script: &[u16], bug: Option<Bug>) -> Story {
    let mut first = World::pass(WILD, bug, &mut Scripted::new(script));
    if !script.len().is_multiple_of(4) {
        return first;
    }
    let again = World::pass(WILD, bug, &mut Scripted::new(script));
    if first.breach.is_none() && first.trace != again.trace {
        let what = story_text(&again.trace);
        first.breach = Some(Breach { rule: Rule::Determinism, what });
    }
    first
}

/// Passes the world that is asked for, and prints its story.
fn replay(numbers: &str) {
    let numbers = numbers.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let script: Vec<u16> = numbers.map(|word| word.parse().expect("a number")).collect();
    let story = wild(&script, None);
    eprint!("{}", story_text(&story.trace));
    assert!(story.breach.is_none(), "{}", story.breach.expect("there is one"));
}

#[test]
fn random_worlds() {
    if let Ok(numbers) = std::env::var("SIXTREE_WORLD") {
        return replay(&numbers);
    }
    let begin = Instant::now();
    let worlds = environment::number("SIXTREE_WORLDS", 10_000);
    let cases = u32::try_from(worlds).expect("not so many");
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let (lines, longest) = (Cell::new(0), Cell::new(0));
    let scripts = prop::collection::vec(any::<u16>(), 0..CHOICES);
    let result = TestRunner::new(config).run(&scripts, |script| {
        let story = wild(&script, None);
        lines.set(lines.get() + story.trace.len());
        longest.set(longest.get().max(story.trace.len()));
        match story.breach {
            None => Ok(()),
            Some(breach) => {
                Err(TestCaseError::fail(format!("{breach}\n{}", story_text(&story.trace))))
            }
        }
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
    let (lines, longest, took) = (lines.get(), longest.get(), begin.elapsed());
    eprintln!(
        "{worlds} random worlds, {lines} events and commands, at most {longest} in one; {took:?}"
    );
}

/// The names in a line: those of events, commands, reports, outcomes.
fn variant_names(line: &Line) -> Vec<String> {
    let text = line.to_string();
    let words = text.split(|c: char| !c.is_alphabetic());
    words.filter(|word| word.starts_with(char::is_uppercase)).map(String::from).collect()
}

#[test]
fn all_that_can_happen_happens() {
    const WORLDS: u64 = 2_000;
    const EXPECTED: &str = "Abort Alone Appeared Boot Change Checked CmdExited Control Exited \
        ExtendTimeout Leave \
        NotSpawned NotSupervised Prune Ready Reload Signal Spawned Stop Stopping Supervised \
        Timeout Vanished Drawn \
        Stop ReportFailures ReportRest Draw StopFor Limit Refused Ended Finish Drop DownFile \
        Exit ExitCode Forget KillAll Look Unwell Notify SignalCmd Spawn StartCmd Status \
        Supervise Tally TermAll TimedOut Unsupervise \
        AlreadyDown AlreadyUp BootFailed BootFatal Essential Late Left NotReloaded NotStarted \
        NotStopped Reloaded Started Starting StillWaiting Stopped \
        Aborted Busy Crashed Done Exited Failed NotSpawned Permanent \
        NotReplaced Replaced";
    let mut seen = BTreeMap::new();
    for seed in 1..=WORLDS {
        let numbers = numbers(seed, CHOICES);
        let story = World::pass(WILD, None, &mut Scripted::new(&numbers));
        for word in story.trace.iter().flat_map(variant_names) {
            *seen.entry(word).or_insert(0) += 1;
        }
    }
    let missing = EXPECTED.split_whitespace().filter(|word| !seen.contains_key(*word));
    assert_eq!(missing.collect::<Vec<_>>(), [""; 0]);
    eprintln!("in {WORLDS} worlds: {seen:?}");
}

#[test]
fn the_tables_of_the_documentation_have_what_happens() {
    const WORLDS: u64 = 4_000;
    let mut met = BTreeSet::new();
    for seed in 1..=WORLDS {
        met.extend(World::pass(WILD, None, &mut Scripted::new(&numbers(seed, CHOICES))).moves);
    }
    for (table, name) in [(tables::longrun(), "longrun"), (tables::container(), "container")] {
        let happened = met.iter().filter(|change| change.of == name);
        let faults = table.differences(happened);
        assert!(faults.is_empty(), "the table of the {name}:\n{}", faults.join("\n"));
    }
}

#[test]
fn every_order_of_two_services() {
    let begin = Instant::now();
    let mut all = Exhaustive::new(environment::number("SIXTREE_DEPTH", 10) as usize);
    let (mut worlds, mut lines) = (0, 0);
    while all.next_run() {
        let story = World::pass(PLAIN, None, &mut all);
        if let Some(breach) = story.breach {
            panic!("{breach}\n{}", story_text(&story.trace));
        }
        worlds += 1;
        lines += story.trace.len();
    }
    let took = begin.elapsed();
    eprintln!("{worlds} worlds of two services, {lines} events and commands; {took:?}");
}

#[test]
fn every_rule_bites() {
    const TRIES: u64 = 3_000;
    for (bug, rule) in BUGS {
        let breaks = |seed: &u64| {
            let story = wild(&numbers(*seed, CHOICES), Some(bug));
            story.breach.is_some_and(|breach| breach.rule == rule)
        };
        let found = (1..=TRIES).find(breaks);
        assert!(found.is_some(), "{bug:?} does not break {rule:?} in {TRIES} worlds");
        eprintln!("{bug:?} breaks {rule:?} in world {}", found.unwrap_or(0));
    }
    for rule in RULES {
        assert!(BUGS.iter().any(|(_, broken)| *broken == rule), "no bug breaks {rule:?}");
    }
}
