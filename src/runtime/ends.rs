//! What is reported of the ends of services, and what an end does to the container.

use super::Runtime;
use super::failed_boot;
use crate::engine::{Exit, FailureRow, Rest};
use crate::format::{count, signal};
use crate::graph::ServiceId;

impl Runtime {
    /// Reports that a service has ended by failure, and how often it did.
    pub(super) fn report_failures(&mut self, id: ServiceId, row: FailureRow) {
        let Some(service) = self.services.get(&id) else { return };
        let definition = self.engine.graph().definition(id).map(|d| d.directory.as_path());
        let run = definition.unwrap_or(&service.directory).join("run");
        let tenths = row.lived_ms / 100;
        let mut line = format!(
            "service {} {} after {}.{} s",
            service.name,
            end(row.exit),
            tenths / 10,
            tenths % 10
        );
        if row.failures > 1 {
            line += &format!(", {} times in {} s", row.failures, row.during_ms.div_ceil(1_000));
        }
        line += &format!(": {}", run.display());
        if row.exit.code() >= 126
            && let Some(cause) = failed_boot::broken_script(&run)
        {
            line += &format!(": {cause}");
        }
        self.reporter.warn(&format!("sixtree: warning: {line}"));
    }

    /// Reports that a service is given up.
    pub(super) fn report_rest(&mut self, id: ServiceId, rest: Rest) {
        let Some(service) = self.services.get(&id) else { return };
        let why = in_words(rest, service.refused.as_deref());
        self.reporter.warn(&format!("sixtree: warning: service {} {why}", service.name));
    }

    /// A service stops the container: reports why, and makes its code the container's unless a
    /// script has set one.
    pub(super) fn stop_for(&mut self, id: ServiceId, rest: Rest) {
        let Some(service) = self.services.get(&id) else { return };
        let why = in_words(rest, service.refused.as_deref());
        let line =
            format!("stopping the container because of service {}, which {why}", service.name);
        self.reporter.warn(&format!("sixtree: warning: {line}"));
        if !self.exit_code.is_set() {
            self.exit_code.write(rest.exit_code());
        }
    }
}

/// Why a service is not started again, as a sentence goes on.
pub(super) fn in_words(rest: Rest, refused: Option<&str>) -> String {
    match rest {
        Rest::Finish { exit, failures: 0 | 1, .. } => {
            format!("gave up: its finish script exited 125; it {}", end(exit))
        }
        Rest::Finish { exit, failures, during_ms } => {
            let (often, seconds) = (count::times(failures), during_ms.div_ceil(1_000));
            format!("gave up: it {} {often} in {seconds} s", end(exit))
        }
        Rest::Ended { exit, .. } => end(exit),
        Rest::Refused => format!("could not be started: {}", refused.unwrap_or("unknown error")),
        Rest::Unwell => "is unwell".to_owned(),
        Rest::Limit { ends, seconds, exit } => {
            format!("gave up: it ended {ends} times in {seconds} s, and at last {}", end(exit))
        }
    }
}

/// How a process ended, as a sentence goes on.
fn end(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exited {code}"),
        Exit::Signal(number) => {
            format!("was killed by signal {number} ({})", signal::name(number))
        }
    }
}
