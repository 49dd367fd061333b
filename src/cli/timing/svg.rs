//! A boot as a picture: a row for each step and service, a bar in it, and the time above.

use super::boot::{Bar, ShownBoot};
use super::text::{headline, took};
use crate::cli::span::ShownSpan;
use crate::cli::svg::{Px, escape, head, label, text_width};
use std::fmt::Write;

/// The room around everything, and between things.
const GAP: f64 = 12.0;
/// The height of a row, and of the bar in it.
const ROW: f64 = 22.0;
const BAR: f64 = 14.0;
/// How wide the longest bar is.
const BARS: f64 = 800.0;
/// The most marks on the axis of time.
const MARKS: u64 = 10;

const STYLE: &str = "\
line { stroke: #d0d7de }
.step { fill: #8c959f }
.waiting { fill: #eaeef2 }
.starting { fill: #eac54f }
.critical { fill: #fa4549 }
.ready { fill: #aceebb }
.failed { fill: #24292f }
";

/// What the parts of a bar are called, in the legend.
const LEGEND: [(&str, &str); 6] = [
    ("step", "before the services"),
    ("waiting", "waiting"),
    ("starting", "starting"),
    ("critical", "starting, on the critical path"),
    ("ready", "ready"),
    ("failed", "failed"),
];

/// Where things are.
struct Geometry {
    /// The left end of the times, and that of the bars.
    times: f64,
    bars: f64,
    /// The top of the first row.
    top: f64,
    end_us: u64,
}

/// Draws it.
pub(super) fn draw(boot: &ShownBoot) -> String {
    let rows: Vec<&Bar> = boot.steps.iter().chain(&boot.services).collect();
    let widest = |text: &dyn Fn(&Bar) -> String| {
        rows.iter().map(|bar| text_width(&text(bar))).fold(0.0, f64::max)
    };
    let times = GAP + widest(&|bar| bar.name.clone()) + GAP;
    let bars = times + widest(&took) + GAP;
    let place = Geometry { times, bars, top: 3.0 * ROW, end_us: boot.end_us.max(1) };
    let bottom = place.top + ROW * rows.len() as f64;
    let legend = legend(bottom + ROW);
    let title = headline(boot);
    // The last mark's label may stand over the end of the axis.
    let width = (bars + BARS).max(GAP + text_width(&title)).max(legend.1) + 6.0 * GAP;
    let mut svg = head(width, bottom + ROW + 2.0 * GAP, STYLE);
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{}", label(GAP, ROW, title));
    svg += &place.axis(bottom);
    for (row, bar) in rows.iter().enumerate() {
        svg += &place.row(boot, bar, row, row < boot.steps.len());
    }
    svg + &legend.0 + "</svg>\n"
}

impl Geometry {
    fn x(&self, us: u64) -> f64 {
        self.bars + BARS * us.min(self.end_us) as f64 / self.end_us as f64
    }

    /// Marks at round times, and lines down from them.
    fn axis(&self, bottom: f64) -> String {
        let step = round(self.end_us.div_ceil(MARKS));
        let mut svg = String::new();
        for us in (0..=self.end_us / step).map(|mark| mark * step) {
            let x = self.x(us);
            let mark = label(x + 4.0, self.top - 6.0, ShownSpan(us));
            // Writing to a string cannot fail.
            let _ = writeln!(
                svg,
                "<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\"/>{mark}",
                Px(x),
                Px(self.top - 16.0),
                Px(bottom)
            );
        }
        svg
    }

    /// The name, the time that it took, and the bar.
    fn row(&self, boot: &ShownBoot, bar: &Bar, row: usize, is_step: bool) -> String {
        let y = self.top + ROW * row as f64 + (ROW - BAR) / 2.0;
        let ended = bar.ended_us.unwrap_or(boot.end_us);
        let critical = boot.is_critical(bar);
        let class = match (is_step, bar.failed) {
            (true, _) => "step",
            (false, true) => "failed",
            (false, false) if critical => "critical",
            (false, false) => "starting",
        };
        let took = took(bar);
        let mut svg = format!("<g><title>{}: {took}</title>", escape(&bar.name));
        svg += &label(GAP, y + 11.0, &bar.name);
        svg += &label(self.times, y + 11.0, took);
        if !is_step {
            svg += &self.part("waiting", y, boot.services_begin_us(), bar.begun_us);
        }
        svg += &self.part(class, y, bar.begun_us, ended);
        if !is_step && !bar.failed {
            svg += &self.part("ready", y, ended, boot.end_us);
        }
        svg + "</g>\n"
    }

    /// A part of a bar; one that was over at once can be seen, too.
    fn part(&self, class: &str, y: f64, from_us: u64, to_us: u64) -> String {
        let (left, right) = (self.x(from_us), self.x(to_us));
        let least = if class == "ready" || class == "waiting" { 0.0 } else { 1.5 };
        let width = (right - left).max(least);
        format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            Px(left),
            Px(y),
            Px(width),
            Px(BAR)
        )
    }
}

/// The legend, and where it ends.
fn legend(y: f64) -> (String, f64) {
    let (mut svg, mut x) = (String::new(), GAP);
    for (class, text) in LEGEND {
        let text_at = label(x + BAR + 6.0, y + 11.0, text);
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{bar}\" height=\"{bar}\"/>{text_at}",
            Px(x),
            Px(y),
            bar = Px(BAR)
        );
        x += BAR + 6.0 + text_width(text) + 2.0 * GAP;
    }
    (svg, x)
}

/// The next number of the kind 1, 2, 5, 10, 20 …
fn round(us: u64) -> u64 {
    let ten = 10_u64.saturating_pow(us.max(1).ilog10());
    [1, 2, 5, 10]
        .map(|factor| ten.saturating_mul(factor))
        .into_iter()
        .find(|n| *n >= us)
        .unwrap_or(ten)
}

#[cfg(test)]
mod tests {
    use super::super::tests::canned;
    use super::*;
    use crate::cli::svg::tests::assert_labels_are_apart;
    use proptest::prelude::*;

    const YEAR_US: u64 = 365 * 86_400 * 1_000_000;

    #[test]
    fn every_row_has_its_bar() {
        let svg = draw(&canned());
        assert_eq!(svg.matches("<g>").count(), 7);
        assert_eq!(svg.matches("class=\"critical\"").count(), 3);
        assert!(svg.contains(">slow</text>") && svg.contains(">1.00 s</text>"), "{svg}");
        assert_labels_are_apart(&svg);
    }

    #[test]
    fn marks_are_at_round_times() {
        assert_eq!([0, 1, 3, 10, 11, 70_000].map(round), [1, 1, 5, 10, 20, 100_000]);
    }

    proptest! {
        #[test]
        fn labels_are_apart_however_long_it_takes(
            end_us in 0..YEAR_US,
            spans in prop::collection::vec((0..YEAR_US, 0..YEAR_US, "[a-z<&]{1,30}"), 0..60),
        ) {
            let bar = |(begun_us, took, name): (u64, u64, String)| {
                Bar { name, begun_us, ended_us: Some(begun_us + took), failed: false }
            };
            let services = spans.into_iter().map(bar).collect();
            let boot = ShownBoot { services, end_us, is_over: true, ..ShownBoot::default() };
            assert_labels_are_apart(&draw(&boot));
        }
    }
}
