//! `sixtree wait`: until services are up and ready, or down.

use super::arguments::{Argument, CommandSyntax, GivenArguments, ValueKind};
use super::known::{Known, ServiceState, culprits};
use super::progress::Progress;
use super::{CommandFailure, live};
use crate::sys::fd;
use crate::sys::poll::Deadline;
use std::time::Duration;

/// How often it looks.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The subcommand and what it takes.
pub(super) const SYNTAX: CommandSyntax =
    CommandSyntax::new("wait", "Wait until services are up and ready, or down")
        .notes(
            "Exits 0 when they are, 1 as soon as one has failed or is off, 2 when the time is \
             over, 3 if a name is unknown, 111 if no init answers.",
        )
        .takes(&[&[
            live::names_argument(
                "Wait for these services and bundles [default: all that are to be up]",
            ),
            Argument::flag("down", "Until they are down").with("service"),
            TIMEOUT,
        ]])
        .runs(run);

/// The option that says how long to wait.
pub(super) const TIMEOUT: Argument =
    Argument::option("timeout", "SECONDS", "Give up after this time [default: never]")
        .short('t')
        .kind(ValueKind::Number(1, u64::MAX / 1_000));

/// What that option says, in ms; 0 is for ever.
pub(super) fn timeout_ms(arguments: &GivenArguments) -> u64 {
    arguments.number("timeout").map_or(0, |seconds| seconds.saturating_mul(1_000))
}

/// Waits; returns the exit code.
pub(super) fn run(arguments: &GivenArguments) -> Result<i32, CommandFailure> {
    let names = live::names(arguments);
    let deadline = Deadline::after_ms(timeout_ms(arguments));
    let down = arguments.get_flag("down");
    let mut progress = Progress::new();
    loop {
        let services = live::select(&names)?;
        let missing = missing(&services, !names.is_empty(), down);
        if missing.is_empty() {
            return Ok(0);
        }
        let is_hopeless = |known: &&Known| {
            matches!(
                known.state(),
                ServiceState::Failed | ServiceState::Flapping | ServiceState::Off
            )
        };
        let failed = !down && missing.iter().any(is_hopeless);
        if failed || deadline.has_passed() {
            progress.clear();
            for known in missing {
                let lines = culprits(std::slice::from_ref(known), true);
                let still = lines.first().cloned().unwrap_or_else(|| format!("{}: up", known.name));
                fd::write_to_stderr(format!("sixtree wait: {still}\n").as_bytes());
            }
            return Ok(if failed { 1 } else { 2 });
        }
        progress.show("waiting for", missing.iter().map(|known| known.name.as_str()));
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// The services that are not yet in the state that is waited for.
fn missing(services: &[Known], named: bool, down: bool) -> Vec<&Known> {
    let wrong = |known: &&Known| match down {
        true => {
            !matches!(known.state(), ServiceState::Down | ServiceState::Failed | ServiceState::Off)
        }
        false => (named || known.is_wanted()) && !known.is_healthy(),
    };
    services.iter().filter(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::known::tests::canned;

    #[test]
    fn what_is_waited_for_depends_on_the_direction() {
        let all = canned();
        let names = |named, down| {
            missing(&all, named, down).iter().map(|k| k.name.clone()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(false, false), "migrate web");
        assert_eq!(names(true, false), "migrate web debug");
        assert_eq!(names(true, true), "db init");
    }
}
