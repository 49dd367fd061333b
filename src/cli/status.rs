//! `sixtree status`: what runs, what does not, and why.

use super::arguments::{Argument, CommandSyntax, GivenArguments};
use super::known::{Known, culprits};
use super::screen::Screen;
use super::span::age;
use super::terminal::{self, coloured, visible};
use super::usage::{MEASURED, Meter};
use super::{CommandFailure, live, print};
use crate::sys::clock;
use serde_json::{Value, json};
use std::time::Duration;

/// How often `--watch` looks.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What stands where there is nothing.
const NOTHING: &str = "-";

/// How many columns there are.
const COLUMNS: usize = 11;

const HEADINGS: [&str; COLUMNS] = [
    "SERVICE",
    "STATE",
    "READY",
    "HEALTH",
    "SINCE",
    "PID",
    "MEM",
    "CPU",
    "RESTARTS",
    "LAST EXIT",
    "WHY",
];
/// The columns that are there only where a service has something in it: HEALTH, MEM, CPU.
const OPTIONAL: [usize; 3] = [3, 6, 7];
/// The columns that a narrow terminal does without, the first one first: RESTARTS, PID, LAST EXIT,
/// SINCE, READY.
const EXPENDABLE: [usize; 5] = [8, 5, 9, 4, 2];

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("status", "Show the state of every service, and why it is not up")
        .notes(
            "Exits 0 if all that is shown is up and ready or need not be, 1 if not, 3 if a name \
             is unknown, 111 if no init answers.",
        )
        .takes(&[&[
            live::names_argument("Only these services and bundles [default: all]"),
            Argument::flag("json", "For programs: one object, in one line"),
            Argument::flag("watch", "Go on showing it, until Ctrl-C"),
            Argument::flag("usage", "Show memory and processor time, too"),
        ]])
        .runs(run);

/// Shows it; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let (names, is_json) = (live::names(arguments), arguments.get_flag("json"));
    let meter = arguments.get_flag("usage").then(Meter::default);
    if arguments.get_flag("watch") {
        return if terminal::is_terminal() && !is_json {
            draw(&names, meter)
        } else {
            follow(&names, is_json)
        };
    }
    let mut services = live::select(&names)?;
    if let Some(mut meter) = meter {
        meter.measure(&mut services);
        std::thread::sleep(MEASURED);
        meter.measure(&mut services);
    }
    match print(&shown(&services, is_json)) {
        0 => Ok(i32::from(!culprits(&services, false).is_empty())),
        code => Ok(code),
    }
}

/// Draws the table on the terminal until a signal comes.
fn draw(names: &[String], mut meter: Option<Meter>) -> Result<i32, CommandFailure> {
    let mut services = live::select(names)?;
    let mut screen = Screen::open()?;
    loop {
        meter.iter_mut().for_each(|meter| meter.measure(&mut services));
        match screen.draw(&shown(&services, false)) {
            0 => {}
            code => return Ok(code),
        }
        if let Some(code) = screen.wait(LOOK_AGAIN)? {
            return Ok(code);
        }
        services = live::select(names)?;
    }
}

/// Prints the states whenever they change.
fn follow(names: &[String], is_json: bool) -> Result<i32, CommandFailure> {
    let mut before = None;
    loop {
        let services = live::select(names)?;
        if before.as_ref() != Some(&services) {
            match print(&shown(&services, is_json)) {
                0 => {}
                code => return Ok(code),
            }
        }
        before = Some(services);
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn shown(services: &[Known], is_json: bool) -> String {
    let now_ms = clock::utc().as_millis() as u64;
    match is_json {
        true => format!("{}\n", to_json(services)),
        false => {
            let room = terminal::is_terminal().then(terminal::width);
            table(services, now_ms, room, terminal::has_colours())
        }
    }
}

fn to_json(services: &[Known]) -> Value {
    let all: Vec<_> = services.iter().map(Known::to_json).collect();
    json!({ "services": all, "healthy": culprits(services, false).is_empty() })
}

/// The table; `now_ms` is the time since 1970. Where there is not enough room, it does without some
/// columns.
fn table(services: &[Known], now_ms: u64, room: Option<usize>, has_colours: bool) -> String {
    let rows: Vec<_> = services.iter().map(|known| row(known, now_ms)).collect();
    let is_empty =
        |column: &usize| rows.iter().all(|row| row.get(*column).is_none_or(|cell| cell == NOTHING));
    let unused: Vec<usize> = OPTIONAL.into_iter().filter(is_empty).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let columns = columns(&widths, &unused, room.unwrap_or(usize::MAX));
    let mut text = line(&HEADINGS.map(str::to_owned), &widths, &columns, None);
    for (row, known) in rows.iter().zip(services) {
        let colour = has_colours.then(|| known.state().colour());
        text.push_str(&line(row, &widths, &columns, colour));
    }
    text
}

/// The columns for which there is room.
fn columns(widths: &[usize; COLUMNS], unused: &[usize], room: usize) -> Vec<usize> {
    let mut columns: Vec<usize> = (0..COLUMNS).filter(|at| !unused.contains(at)).collect();
    let fits = |columns: &[usize]| {
        columns.iter().filter_map(|&at| widths.get(at)).map(|width| width + 2).sum::<usize>()
            <= room.saturating_add(2)
    };
    for expendable in EXPENDABLE {
        if !fits(&columns) {
            columns.retain(|column| *column != expendable);
        }
    }
    columns
}

fn row(known: &Known, now_ms: u64) -> [String; COLUMNS] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    [
        visible(&known.name).into_owned(),
        known.state().word().to_owned(),
        if known.is_ready() { "yes" } else { "no" }.to_owned(),
        or_none(known.health().map(|health| health.word().to_owned())),
        or_none(known.since_ms().map(|since| age(now_ms.saturating_sub(since) / 1_000))),
        or_none(known.pid().map(|pid| pid.to_string())),
        or_none(known.usage.map(|usage| usage.memory())),
        or_none(known.usage.and_then(|usage| usage.processor())),
        or_none(known.restarts().map(|n| n.to_string())),
        or_none(known.last_exit()),
        visible(&known.why()).into_owned(),
    ]
}

/// A row, its second cell in a colour.
fn line(
    cells: &[String; COLUMNS],
    widths: &[usize; COLUMNS],
    columns: &[usize],
    colour: Option<&str>,
) -> String {
    let mut text = String::new();
    let all = cells.iter().zip(widths).enumerate();
    for (column, (cell, width)) in all.filter(|(column, _)| columns.contains(column)) {
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
    use crate::format::request::ServiceStatus;

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
        assert_eq!(table(&canned(), 101_000, None, false), text);
    }

    #[test]
    fn names_do_nothing_to_a_terminal() {
        let hostile = ServiceStatus { name: "a\x1b[2J".into(), ..ServiceStatus::default() };
        let text = table(&[Known::from(hostile)], 0, None, false);
        assert!(text.contains(r"a\u{1b}[2J  down"), "{text}");
    }

    #[test]
    fn a_narrow_terminal_shows_less() {
        let head = |room| {
            let text = table(&canned(), 101_000, Some(room), false);
            text.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(head(99), "SERVICE STATE READY SINCE PID RESTARTS LAST EXIT WHY");
        assert_eq!(head(98), "SERVICE STATE READY SINCE PID LAST EXIT WHY");
        assert_eq!(head(80), "SERVICE STATE READY SINCE WHY");
        assert_eq!(head(10), "SERVICE STATE WHY");
    }

    #[test]
    fn colours_change_nothing_else() {
        let coloured = table(&canned(), 101_000, None, true);
        assert!(coloured.contains("\x1b[31mfailed\x1b[0m  no"));
        let plain = ["\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"]
            .iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, table(&canned(), 101_000, None, false));
    }

    #[test]
    fn json_says_whether_all_is_well() {
        assert_eq!(to_json(&canned())["healthy"], false);
        assert_eq!(to_json(&canned()[..1])["healthy"], true);
        assert_eq!(to_json(&canned())["services"][4]["name"], "init");
    }
}
