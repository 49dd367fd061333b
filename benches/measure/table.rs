//! The figures: printed as they come, as a table in Markdown, and written as JSON in the end.

use serde_json::{Map, Value, json};
use std::path::Path;

/// What a figure is to be.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// It only tells.
    None,
    /// At most so much.
    AtMost(f64),
    /// At least so much.
    AtLeast(f64),
}

/// All that was measured.
pub(crate) struct Table {
    machine: String,
    rows: Vec<Value>,
    misses: usize,
}

impl Table {
    /// Prints the head.
    pub(crate) fn begin(machine: &str) -> Self {
        println!("{machine}\n");
        println!("| {:<58} | {:>28} | {:>12} | {:>10} | |", "what", "", "figure", "target");
        println!("|{:-<60}|{:->29}:|{:->13}:|{:->11}:|---|", "", "", "", "");
        Self { machine: machine.to_owned(), rows: Vec::new(), misses: 0 }
    }

    /// A figure with its unit, and where it comes from: names, values and their units.
    pub(crate) fn row(
        &mut self,
        what: &str,
        of: &[(&str, f64, &str)],
        figure: (f64, &str),
        target: Target,
    ) {
        let (figure, unit) = figure;
        let (verdict, aim) = match target {
            Target::None => ("", String::new()),
            Target::AtMost(n) => (verdict(figure <= n), format!("≤ {}", number(n))),
            Target::AtLeast(n) => (verdict(figure >= n), format!("≥ {}", number(n))),
        };
        self.misses += usize::from(verdict == "MISS");
        let of_text: Vec<_> = of
            .iter()
            .map(|(name, value, unit)| format!("{name} {}{unit}", number(*value)))
            .collect();
        let of_text = of_text.join(", ");
        let shown = format!("{}{unit}", number(figure));
        println!("| {what:<58} | {of_text:>28} | {shown:>12} | {aim:>10} | {verdict} |");
        let parts: Map<String, Value> =
            of.iter().map(|(name, value, unit)| (format!("{name}{unit}"), json!(value))).collect();
        self.rows.push(json!({
            "what": what, "of": parts, "figure": figure, "unit": unit.trim(), "target": aim,
            "verdict": verdict,
        }));
    }

    /// Writes the file, and says how many figures are not what they should be.
    pub(crate) fn end(self, file: &Path) {
        let all = json!({ "machine": self.machine, "figures": self.rows });
        let text = serde_json::to_string_pretty(&all).expect("plain values");
        std::fs::write(file, text + "\n").expect("target/ can be written to");
        println!("\n{} MISS", self.misses);
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "PASS" } else { "MISS" }
}

/// Three digits that count.
fn number(n: f64) -> String {
    match n.abs() {
        a if a >= 100.0 || n.fract() == 0.0 => format!("{n:.0}"),
        a if a >= 10.0 => format!("{n:.1}"),
        _ => format!("{n:.2}"),
    }
}

/// The middle one.
pub(crate) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}
