//! The tables of states in the engine's documentation.

use crate::moves::Move;
use std::collections::BTreeSet;

/// A row's event for a state that passes without one.
const AT_ONCE: &str = "at once";

/// The rows of a table, one for each state and event.
pub(crate) struct Table {
    rows: BTreeSet<(String, String, String)>,
}

/// What an event makes of a longrun.
pub(crate) fn longrun() -> Table {
    let mut table = Table::of(include_str!("../../src/engine/longrun/mod.rs"));
    table.add("Unsupervised", AT_ONCE, "Supervising");
    table
}

/// What an event makes of the container.
pub(crate) fn container() -> Table {
    Table::of(include_str!("../../src/engine/lifecycle.rs"))
}

impl Table {
    /// Reads the first table of a file's documentation: state, event, then, and words.
    fn of(source: &str) -> Self {
        let rows = source.lines().filter_map(|line| line.strip_prefix("//! |"));
        let mut table = Self { rows: BTreeSet::new() };
        for row in rows.skip_while(|row| !row.starts_with("---")).skip(1) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            for state in cells[0].split(", ") {
                for event in cells[1].split(", ") {
                    table.add(state, event, cells[2]);
                }
            }
        }
        table
    }

    fn add(&mut self, state: &str, event: &str, then: &str) {
        self.rows.insert((state.into(), event.into(), then.into()));
    }

    /// What happened and is not in the table, and what is in the table and did not happen.
    pub(crate) fn differences<'a>(&self, happened: impl Iterator<Item = &'a Move>) -> Vec<String> {
        let mut unseen = self.rows.clone();
        let mut faults = Vec::new();
        for change in happened {
            let first = self.rows.iter().filter(|row| row.0 == change.from && row.1 == change.by);
            let ways: Vec<_> = first.filter(|row| self.leads(&row.2, &change.to)).collect();
            if ways.is_empty() {
                faults.push(format!("it lacks {change:?}"));
            }
            for row in ways {
                unseen.remove(row);
            }
        }
        // What passes at once shows in where the event leads.
        unseen.retain(|row| row.1 != AT_ONCE);
        faults.extend(unseen.iter().map(|row| format!("it has {row:?}, which was not seen")));
        faults
    }

    /// Whether a state is another one, or becomes it at once.
    fn leads(&self, from: &str, to: &str) -> bool {
        let mut next = self.rows.iter().filter(|row| row.0 == from && row.1 == AT_ONCE);
        from == to || next.any(|row| self.leads(&row.2, to))
    }
}
