//! What is reported of the ends of services, and what an end does to the container.

use super::Runtime;
use crate::engine::{Exit, Rest};
use crate::format::signal;
use crate::graph::ServiceId;

impl Runtime {
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
fn in_words(rest: Rest, refused: Option<&str>) -> String {
    match rest {
        Rest::Finish(exit) => format!("gave up: its finish script exited 125; it {}", end(exit)),
        Rest::Ended { exit, .. } => end(exit),
        Rest::Refused => format!("could not be started: {}", refused.unwrap_or("unknown error")),
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
