//! How fast and how big the release is: `make bench`. Every figure stands beside its target.
//!
//! Boots are compared with a floor: a C program that does nothing but fork, execute and wait. What
//! is compared runs in turns, at least five times; medians count.
#![allow(clippy::disallowed_methods, reason = "benchmarks start programs as anyone would")]
#![allow(clippy::disallowed_macros, reason = "and print as anyone would")]

mod boots;
mod calls;
mod chains;
mod container;
#[path = "../../tests/interoperation/debian.rs"]
mod debian;
mod disks;
mod latency;
mod logs;
mod machine;
mod memory;
mod output;
mod peers;
mod programs;
mod sizes;
#[path = "../../tests/skip/mod.rs"]
mod skip;
mod table;
mod tree;

use table::Table;

/// What can be measured by itself.
type Part = (&'static str, fn(&programs::Bench, &mut Table));

/// All parts, in order.
const PARTS: [Part; 12] = [
    ("empty", boots::empty),
    ("boot", boots::boot_and_stop),
    ("large", boots::large),
    ("disk", disks::measure),
    ("calls", calls::measure),
    ("memory", memory::measure),
    ("latency", latency::measure),
    ("chains", chains::measure),
    ("logs", logs::throughput),
    ("output", output::measure),
    ("check", logs::check),
    ("size", sizes::measure),
];

fn main() {
    // Words pick a part; what `cargo bench` adds is none.
    let words: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with('-')).collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    let bench = programs::Bench::prepare();
    tree::fill_defaults(&bench);
    let mut table = Table::begin(&machine::name());
    for (name, measure) in PARTS {
        if wanted(name) {
            measure(&bench, &mut table);
        }
    }
    table.end(&bench.target.join("bench.json"));
}
