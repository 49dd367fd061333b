//! `sixtree status`: what runs, what does not, and why.

use super::arguments::{Argument, CommandSyntax, GivenArguments};
use super::known::{Known, ServiceState, culprits};
use super::screen::Screen;
use super::span::age;
use super::terminal::{self, coloured, visible};
use super::usage::{MEASURED, Meter};
use super::{CommandFailure, live, print};
use crate::sys::clock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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
            Argument::flag("all", "A line for each instance of a service"),
            Argument::flag("json", "For programs: one object, in one line"),
            Argument::flag("watch", "Go on showing it, until Ctrl-C"),
            Argument::flag("usage", "Show memory and processor time, too"),
        ]])
        .runs(run);

/// What is shown, and how.
struct StatusView {
    names: Vec<String>,
    is_json: bool,
    /// Each instance has a line.
    is_unfolded: bool,
}

/// Shows it; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let names = live::names(arguments);
    let (is_json, is_unfolded) = (arguments.get_flag("json"), arguments.get_flag("all"));
    let view = StatusView { names, is_json, is_unfolded };
    let meter = arguments.get_flag("usage").then(Meter::default);
    if arguments.get_flag("watch") {
        return if terminal::is_terminal() && !is_json {
            draw(&view, meter)
        } else {
            follow(&view)
        };
    }
    let mut services = live::select(&view.names)?;
    if let Some(mut meter) = meter {
        meter.measure(&mut services);
        std::thread::sleep(MEASURED);
        meter.measure(&mut services);
    }
    match print(&shown(&services, &view)) {
        0 => Ok(i32::from(!culprits(&services, false).is_empty())),
        code => Ok(code),
    }
}

/// Draws the table on the terminal until a signal comes.
fn draw(view: &StatusView, mut meter: Option<Meter>) -> Result<i32, CommandFailure> {
    let mut services = live::select(&view.names)?;
    let mut screen = Screen::open()?;
    loop {
        meter.iter_mut().for_each(|meter| meter.measure(&mut services));
        match screen.draw(&shown(&services, view)) {
            0 => {}
            code => return Ok(code),
        }
        if let Some(code) = screen.wait(LOOK_AGAIN)? {
            return Ok(code);
        }
        services = live::select(&view.names)?;
    }
}

/// Prints the states whenever they change.
fn follow(view: &StatusView) -> Result<i32, CommandFailure> {
    let mut before = None;
    loop {
        let services = live::select(&view.names)?;
        if before.as_ref() != Some(&services) {
            match print(&shown(&services, view)) {
                0 => {}
                code => return Ok(code),
            }
        }
        before = Some(services);
        std::thread::sleep(LOOK_AGAIN);
    }
}

fn shown(services: &[Known], view: &StatusView) -> String {
    let now_ms = clock::utc().as_millis() as u64;
    match view.is_json {
        true => format!("{}\n", to_json(services)),
        false => {
            let room = terminal::is_terminal().then(terminal::width);
            let folded = (!view.is_unfolded).then_some(view.names.as_slice());
            table(services, folded, now_ms, room, terminal::has_colours())
        }
    }
}

fn to_json(services: &[Known]) -> Value {
    let all: Vec<_> = services.iter().map(Known::to_json).collect();
    json!({ "services": all, "healthy": culprits(services, false).is_empty() })
}

/// A line of the table: a service, or all instances of one.
struct StatusLine<'k> {
    /// The service whose instances they are.
    of: Option<&'k str>,
    services: Vec<&'k Known>,
}

/// The lines. Instances are folded, but for those of these names; or nothing is.
fn lines<'k>(services: &'k [Known], folded: Option<&[String]>) -> Vec<StatusLine<'k>> {
    let mut lines: Vec<StatusLine> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for known in services {
        let folds = folded.is_some_and(|names| !names.contains(&known.name));
        let of = known.instance_of().filter(|_| folds);
        let place = of.map(|of| *places.entry(of).or_insert(lines.len()));
        match place.and_then(|place| lines.get_mut(place)) {
            Some(line) => line.services.push(known),
            None => lines.push(StatusLine { of, services: vec![known] }),
        }
    }
    lines
}

impl StatusLine<'_> {
    /// The worst state.
    fn state(&self) -> ServiceState {
        let states = self.services.iter().map(|known| known.state());
        states.max_by_key(|state| state.badness()).unwrap_or(ServiceState::Down)
    }

    fn cells(&self, now_ms: u64) -> [String; COLUMNS] {
        match (self.of, self.services.as_slice()) {
            (None, [known]) => row(known, now_ms),
            (of, services) => folded_row(of.unwrap_or(""), self.state(), services, now_ms),
        }
    }
}

/// Several instances in one line.
fn folded_row(of: &str, state: ServiceState, all: &[&Known], now_ms: u64) -> [String; COLUMNS] {
    let since = all.iter().filter_map(|known| known.since_ms()).max();
    let restarts: u64 = all.iter().filter_map(|known| known.restarts()).sum();
    let up = all.iter().filter(|known| known.is_healthy()).count();
    let why = match all.iter().max_by_key(|known| known.state().badness()) {
        Some(worst) if up < all.len() => {
            let why = culprits(std::slice::from_ref(*worst), true).pop().unwrap_or_default();
            format!("{up} of {} up; {why}", all.len())
        }
        Some(_) | None if all.len() == 1 => "1 instance".to_owned(),
        Some(_) | None => format!("{} instances", all.len()),
    };
    let is_ready = all.iter().all(|known| known.is_ready());
    let sick = all.iter().find(|known| !known.is_healthy()).or(all.first());
    let health = sick.and_then(|known| known.health());
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NOTHING.to_owned());
    [
        visible(of).into_owned(),
        state.word().to_owned(),
        if is_ready { "yes" } else { "no" }.to_owned(),
        or_none(health.map(|health| health.word().to_owned())),
        or_none(since.map(|since| age(now_ms.saturating_sub(since) / 1_000))),
        NOTHING.to_owned(),
        NOTHING.to_owned(),
        NOTHING.to_owned(),
        restarts.to_string(),
        NOTHING.to_owned(),
        visible(&why).into_owned(),
    ]
}

/// The table; `now_ms` is the time since 1970. Where there is not enough room, it does without some
/// columns.
fn table(
    services: &[Known],
    folded: Option<&[String]>,
    now_ms: u64,
    room: Option<usize>,
    has_colours: bool,
) -> String {
    let lines = lines(services, folded);
    let rows: Vec<_> = lines.iter().map(|line| line.cells(now_ms)).collect();
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
    for (row, known) in rows.iter().zip(&lines) {
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
    use crate::format::request::{ServiceStatus, SupervisorStatus, TreeStatus};

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
        assert_eq!(table(&canned(), None, 101_000, None, false), text);
    }

    #[test]
    fn instances_take_one_line() {
        let one = |number: u64, is_up: bool| {
            Known::from(ServiceStatus {
                name: format!("w-{number}"),
                instance_of: Some("w".to_owned()),
                since_ms: Some(number * 1_000),
                running: is_up,
                ready: is_up,
                tree: Some(TreeStatus { up: is_up, enabled: true, why: None }),
                supervisor: Some(SupervisorStatus {
                    wanted_up: is_up,
                    restarts: number,
                    ..SupervisorStatus::default()
                }),
                ..ServiceStatus::default()
            })
        };
        let shown = |all: &[Known], names: &[&str]| {
            let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
            let text = table(all, Some(&names), 9_000, None, false);
            text.lines().skip(1).map(|line| format!("{line}\n")).collect::<String>()
        };
        let up = [one(1, true), one(2, true), one(3, true)];
        assert_eq!(
            shown(&up, &["w"]),
            "w        up     yes    6s     -    6         -          3 instances\n"
        );
        let some = [one(1, true), one(2, false)];
        let text = shown(&some, &[]);
        assert!(text.starts_with("w        down   no "), "{text}");
        assert!(text.contains("1 of 2 up; w-2: down"), "{text}");
        assert_eq!(shown(&up, &["w-2"]).lines().count(), 2, "what is named has its own line");
        assert_eq!(table(&up, None, 0, None, false).lines().count(), 4);
    }

    #[test]
    fn names_do_nothing_to_a_terminal() {
        let hostile = ServiceStatus { name: "a\x1b[2J".into(), ..ServiceStatus::default() };
        let text = table(&[Known::from(hostile)], None, 0, None, false);
        assert!(text.contains(r"a\u{1b}[2J  down"), "{text}");
    }

    #[test]
    fn a_narrow_terminal_shows_less() {
        let head = |room| {
            let text = table(&canned(), None, 101_000, Some(room), false);
            text.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(head(99), "SERVICE STATE READY SINCE PID RESTARTS LAST EXIT WHY");
        assert_eq!(head(98), "SERVICE STATE READY SINCE PID LAST EXIT WHY");
        assert_eq!(head(80), "SERVICE STATE READY SINCE WHY");
        assert_eq!(head(10), "SERVICE STATE WHY");
    }

    #[test]
    fn colours_change_nothing_else() {
        let coloured = table(&canned(), None, 101_000, None, true);
        assert!(coloured.contains("\x1b[31mfailed\x1b[0m  no"));
        let plain = ["\x1b[31m", "\x1b[32m", "\x1b[2m", "\x1b[0m"]
            .iter()
            .fold(coloured, |text, code| text.replace(code, ""));
        assert_eq!(plain, table(&canned(), None, 101_000, None, false));
    }

    #[test]
    fn json_says_whether_all_is_well() {
        assert_eq!(to_json(&canned())["healthy"], false);
        assert_eq!(to_json(&canned()[..1])["healthy"], true);
        assert_eq!(to_json(&canned())["services"][4]["name"], "init");
    }
}
