//! `sixtree timing`: how long the boot and each service took, and which services the boot waited
//! for.

mod boot;
mod svg;
mod text;

use super::arguments::{Argument, CommandSyntax, GivenArguments};
use super::{CommandFailure, live, print, terminal};
use boot::ShownBoot;

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("timing", "Show what took how long at boot")
        .notes(
            "Times count from the start of /init. A service waits for what it needs, then starts, \
             and then is up and ready. The critical path is what the last of them waited for. \
             Exits 111 if no init answers.",
        )
        .takes(&[&[
            Argument::flag("svg", "Draw it").without("json"),
            Argument::flag("json", "For programs: one object, in one line; times in µs"),
        ]])
        .runs(run);

/// Shows it; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let mut boot = ShownBoot::of(live::boot_times()?);
    boot.find_critical_path(&live::open_tree()?);
    Ok(print(&if arguments.get_flag("json") {
        format!("{}\n", boot.to_json())
    } else if arguments.get_flag("svg") {
        svg::draw(&boot)
    } else {
        text::draw(&boot, terminal::width(), terminal::has_colours())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Atomic, Definition, Kind, Longrun, Reference};
    use crate::format::request::{BootTimes, ServiceTimes, StepTime};
    use crate::graph::Graph;

    /// `slow` before `web`; `quick` and `broken` beside them.
    pub(super) fn canned() -> ShownBoot {
        let step = |(name, ended_us): (&str, u64)| StepTime { name: name.into(), ended_us };
        let start = |(name, begun_us, ended_us): (&str, u64, u64)| ServiceTimes {
            name: name.into(),
            begun_us,
            ended_us: Some(ended_us),
            failed: name == "broken",
        };
        let steps = [("environment", 1_000), ("hook", 60_000), ("definitions", 62_500)];
        let services = [
            ("broken", 63_000, 70_000),
            ("quick", 63_000, 64_000),
            ("web", 463_000, 1_000_000),
            ("slow", 63_000, 462_000),
        ];
        let mut boot = ShownBoot::of(BootTimes {
            steps: steps.map(step).into(),
            services: services.map(start).into(),
            over_us: Some(1_000_000),
            now_us: 9_000_000,
        });
        let service = |name: &str, needs: &[&str]| {
            let dependencies = needs.iter().map(|name| Reference::to(name)).collect();
            let atomic = Atomic { dependencies, ..Atomic::default() };
            Definition::new(name, Kind::Longrun(Longrun { atomic, ..Longrun::default() }))
        };
        let all = [("web", &["slow", "quick"][..]), ("slow", &[]), ("quick", &[]), ("broken", &[])];
        let all = all.map(|(name, needs)| service(name, needs));
        boot.find_critical_path(&Graph::new(all.into()).unwrap());
        boot
    }
}
