//! `sixtree status`: what runs, what does not, and why.

use super::known::{Known, culprits};
use super::span::age;
use super::terminal::coloured;
use super::{Failure, live, print};
use crate::sys::{clock, fd};
use crate::tools::Environment;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::time::Duration;

/// How often `--watch` looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// What a terminal is told so that it is empty.
const CLEAR: &str = "\x1b[H\x1b[2J";

const HEADINGS: [&str; 8] =
    ["SERVICE", "STATE", "READY", "SINCE", "PID", "RESTARTS", "LAST EXIT", "WHY"];

/// The subcommand and what it takes.
pub fn arguments() -> Command {
    let flag =
        |name: &'static str, help| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    Command::new("status")
        .about("Show the state of every service, and why it is not up")
        .after_help(
            "Exits 0 if all that is shown is up and ready or need not be, 1 if not, 3 if a name \
             is unknown, 111 if no init answers.",
        )
        .arg(live::names_argument("Only these services and bundles [default: all]"))
        .arg(flag("json", "For programs: one object, in one line"))
        .arg(flag("watch", "Show it again whenever it changes"))
}

/// Shows it; returns the exit code.
pub fn run(arguments: &ArgMatches) -> Result<i32, Failure> {
    let names = live::names(arguments);
    let (is_json, watch) = (arguments.get_flag("json"), arguments.get_flag("watch"));
    let is_terminal = fd::borrow(1).is_terminal();
    let has_colours = is_terminal && Environment::inherited().get(b"NO_COLOR").is_none();
    let mut before = None;
    loop {
        let services = live::select(&names)?;
        // On a terminal the times go on though nothing else changes.
        if before.as_ref() != Some(&services) || (is_terminal && !is_json) {
            let text = match is_json {
                true => format!("{}\n", to_json(&services)),
                false => table(&services, clock::utc().as_millis() as u64, has_colours),
            };
            let clear = if watch && is_terminal && !is_json { CLEAR } else { "" };
            match print(&format!("{clear}{text}")) {
                0 => {}
                code => return Ok(code),
            }
        }
        if !watch {
            return Ok(i32::from(!culprits(&services, false).is_empty()));
        }
        before = Some(services);
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn to_json(services: &[Known]) -> Value {
    let all: Vec<_> = services.iter().map(Known::to_json).collect();
    json!({ "services": all, "healthy": culprits(services, false).is_empty() })
}

/// The table; `now_ms` is the time since 1970.
fn table(services: &[Known], now_ms: u64, has_colours: bool) -> String {
    let rows: Vec<_> = services.iter().map(|known| row(known, now_ms)).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = line(&HEADINGS.map(str::to_owned), &widths, None);
    for (row, known) in rows.iter().zip(services) {
        let colour = has_colours.then(|| known.state().colour());
        text.push_str(&line(row, &widths, colour));
    }
    text
}

fn row(known: &Known, now_ms: u64) -> [String; 8] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    [
        known.name.clone(),
        known.state().word().to_owned(),
        if known.is_healthy() { "yes" } else { "no" }.to_owned(),
        or_none(known.since_ms().map(|since| age(now_ms.saturating_sub(since) / 1_000))),
        or_none(Some(known.pid()).filter(|pid| *pid > 0).map(|pid| pid.to_string())),
        or_none(known.restarts().map(|n| n.to_string())),
        or_none(known.last_exit().map(|end| end.to_string())),
        known.why(),
    ]
}

/// A row, its second cell in a colour.
fn line(cells: &[String; 8], widths: &[usize; 8], colour: Option<&str>) -> String {
    let mut text = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let padded = format!("{cell:width$}");
        text.push_str(&coloured(&padded, colour.filter(|_| column == 1)));
        text.push_str("  ");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::known::tests::canned;

    #[test]
    fn the_table_is_aligned() {
        let text = "\
SERVICE  STATE   READY  SINCE   PID  RESTARTS  LAST EXIT        WHY
db       up      yes    1m 40s  41   2         signal 9 (KILL)
migrate  failed  no     1m 39s  -    -         exit 3           failed: exit 3
web      failed  no     -       -    0         -                needs migrate, which failed: exit 3
debug    down    no     -       -    0         -                disabled
init     up      yes    1m 40s  -    -         exit 0
";
        assert_eq!(table(&canned(), 101_000, false), text);
    }

    #[test]
    fn colours_change_nothing_else() {
        let coloured = table(&canned(), 101_000, true);
        assert!(coloured.contains("\x1b[31mfailed\x1b[0m  no"));
        let plain = ["\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"]
            .iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, table(&canned(), 101_000, false));
    }

    #[test]
    fn json_says_whether_all_is_well() {
        assert_eq!(to_json(&canned())["healthy"], false);
        assert_eq!(to_json(&canned()[..1])["healthy"], true);
        assert_eq!(to_json(&canned())["services"][4]["name"], "init");
    }
}
