//! A boot as lines with bars, for a terminal.

use super::boot::{Bar, ShownBoot};
use crate::cli::span::ShownSpan;
use crate::cli::terminal::coloured;

/// The least room for a bar, in columns.
const LEAST: usize = 10;

/// A part of a bar: what it is drawn with, and its colour.
const WAITING: (&str, &str) = ("·", "2");
const STARTING: (&str, &str) = ("█", "33");
const CRITICAL: (&str, &str) = ("█", "31");
const READY: (&str, &str) = ("─", "32");
const FAILED: (&str, &str) = ("x", "31");

/// Draws it, `width` columns wide.
pub(super) fn draw(boot: &ShownBoot, width: usize, has_colours: bool) -> String {
    let mut text = headline(boot) + "\n\n";
    let rows: Vec<[String; 3]> = boot.services.iter().map(cells).collect();
    let headings = ["SERVICE", "START", "TOOK"].map(str::to_owned);
    let wide = |column: usize| {
        let all = rows.iter().chain([&headings]).map(|row| row[column].chars().count());
        all.max().unwrap_or(0)
    };
    let widths = [wide(0), wide(1), wide(2)];
    let room = width.saturating_sub(widths.iter().sum::<usize>() + 6).max(LEAST);
    text += &line(&headings, widths);
    text += "\n";
    for (row, bar) in rows.iter().zip(&boot.services) {
        text += &line(row, widths);
        text += "  ";
        text += &draw_bar(boot, bar, room, has_colours);
        text += "\n";
    }
    let [waiting, starting, ready, failed] = [WAITING, STARTING, READY, FAILED].map(|part| part.0);
    text += &format!("\n{waiting} waiting  {starting} starting  {ready} ready  {failed} failed\n");
    let critical = boot.critical().map(|bar| format!("{} {}", bar.name, took(bar)));
    let critical: Vec<String> = critical.collect();
    if !critical.is_empty() {
        text += &format!("critical path: {}\n", critical.join(", "));
    }
    text
}

/// `boot: 1.00 s (hook 59 ms, services 938 ms)`.
pub(super) fn headline(boot: &ShownBoot) -> String {
    let part = |step: &Bar| format!("{} {}, ", step.name, took(step));
    let parts: String = boot.steps.iter().map(part).collect();
    let services = ShownSpan(boot.end_us.saturating_sub(boot.services_begin_us()));
    let state = if boot.is_over { "boot" } else { "still booting" };
    format!("{state}: {} ({parts}services {services})", ShownSpan(boot.end_us))
}

/// How long it took; a dash: it is not over.
pub(super) fn took(bar: &Bar) -> String {
    bar.took_us().map_or("-".to_owned(), |took| ShownSpan(took).to_string())
}

fn cells(bar: &Bar) -> [String; 3] {
    [bar.name.escape_debug().to_string(), ShownSpan(bar.begun_us).to_string(), took(bar)]
}

fn line([name, start, took]: &[String; 3], [a, b, c]: [usize; 3]) -> String {
    format!("{name:a$}  {start:>b$}  {took:>c$}")
}

/// A bar: from the beginning of the services to the end of the boot.
fn draw_bar(boot: &ShownBoot, bar: &Bar, room: usize, has_colours: bool) -> String {
    let zero = boot.services_begin_us();
    let all = boot.end_us.saturating_sub(zero).max(1);
    let cell = |us: u64| {
        let us = u128::from(us.saturating_sub(zero).min(all));
        usize::try_from(us * room as u128 / u128::from(all)).unwrap_or(room)
    };
    let begin = cell(bar.begun_us).min(room - 1);
    let end = bar.ended_us.map_or(room, cell).max(begin + 1);
    let started = match (bar.failed, boot.is_critical(bar)) {
        (true, _) => FAILED,
        (false, true) => CRITICAL,
        (false, false) => STARTING,
    };
    let after = if bar.failed { (" ", READY.1) } else { READY };
    let parts = [(WAITING, begin), (started, end - begin), (after, room - end)];
    let parts = parts.into_iter().filter(|(_, cells)| *cells > 0);
    let draw = |((what, colour), cells): ((&str, &str), usize)| {
        coloured(&what.repeat(cells), has_colours.then_some(colour))
    };
    parts.map(draw).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::tests::canned;
    use super::*;

    #[test]
    fn the_bars_fill_the_width() {
        let text = "\
boot: 1.00 s (environment 1.0 ms, hook 59 ms, definitions 2.5 ms, services 937 ms)

SERVICE   START    TOOK
quick     63 ms  1.0 ms  █───────────────────────────────────
broken    63 ms  7.0 ms  x
slow      63 ms  399 ms  ███████████████─────────────────────
web      463 ms  537 ms  ···············█████████████████████

· waiting  █ starting  ─ ready  x failed
critical path: slow 399 ms, web 537 ms
";
        assert_eq!(draw(&canned(), 61, false), text);
    }

    #[test]
    fn what_has_not_ended_has_no_end() {
        let mut boot = canned();
        boot.is_over = false;
        boot.services[3].ended_us = None;
        let text = draw(&boot, 0, false);
        assert!(text.starts_with("still booting: 1.00 s"), "{text}");
        assert!(text.contains("\nweb      463 ms       -  ····██████\n"), "{text}");
    }

    #[test]
    fn an_empty_boot_is_no_division_by_zero() {
        assert!(
            draw(&ShownBoot::default(), 80, true).starts_with("still booting: 0.0 ms (services")
        );
    }
}
