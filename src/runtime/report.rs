//! What happened, in the words of s6-rc.

use crate::engine::{Failure, Report};
use crate::format::request::{Say, Severity, What};
use crate::graph::ServiceId;

/// The line for a report; `name` gives a service's name.
pub fn say(report: Report, name: impl Fn(ServiceId) -> String) -> Say {
    use Report as R;
    let info = |level, what, service: String, text| Say {
        level,
        severity: Severity::Info,
        what,
        service,
        text,
    };
    let warning = |what, service: String, text| Say {
        level: 1,
        severity: Severity::Warning,
        what,
        service,
        text,
    };
    let unable = |what, id, verb: &str, failure| {
        let n = name(id);
        let text = format!("unable to {verb} service {n}: {}", reason(failure));
        warning(what, n, text)
    };
    let told = |level, what, id, text: &dyn Fn(&str) -> String| {
        let n = name(id);
        let text = text(&n);
        info(level, what, n, text)
    };
    match report {
        R::Starting(id) => told(2, What::Starting, id, &|n| format!("service {n}: starting")),
        R::Started(id) => {
            told(2, What::Started, id, &|n| format!("service {n} successfully started"))
        }
        R::NotStarted(id, why) => unable(What::NotStarted, id, "start", why),
        R::Stopping(id) => told(2, What::Stopping, id, &|n| format!("service {n}: stopping")),
        R::Stopped(id) => {
            told(2, What::Stopped, id, &|n| format!("service {n} successfully stopped"))
        }
        R::NotStopped(id, why) => unable(What::NotStopped, id, "stop", why),
        R::AlreadyUp(id) => told(3, What::Already, id, &|n| format!("service {n}: already up")),
        R::AlreadyDown(id) => told(3, What::Already, id, &|n| format!("service {n}: already down")),
        R::Essential(id) => {
            let n = name(id);
            let text = format!("service {n} is marked as essential, not stopping it");
            warning(What::Essential, n, text)
        }
        R::Reloading(id) => told(3, What::Reloading, id, &|n| format!("service {n}: reloading")),
        R::Reloaded(id) => {
            told(2, What::Reloaded, id, &|n| format!("service {n} successfully reloaded"))
        }
        R::NotReloaded(id, why) => unable(What::NotReloaded, id, "reload", why),
        R::StillWaiting(id) => {
            let n = name(id);
            let text = format!("still waiting for service {n} to stop");
            warning(What::Other, n, text)
        }
        R::Late(id) => {
            let n = name(id);
            let text = format!(
                "SIXTREE_SHUTDOWN_MAXTIME is over: service {n} has not stopped; killing it"
            );
            warning(What::Other, n, text)
        }
        R::BootFailed => warning(
            What::Other,
            String::new(),
            "s6-rc failed to properly bring all the services up! Check your logs (in \
             /run/uncaught-logs/current if you have in-container logging) for more information."
                .to_owned(),
        ),
        R::BootFatal => Say {
            level: 0,
            severity: Severity::Fatal,
            what: What::Other,
            service: String::new(),
            text: "stopping the container.".to_owned(),
        },
    }
}

/// How s6-rc puts a failure: it runs a helper, whose codes 99 (time-out) and 1 (permanent failure)
/// scripts and people know.
pub fn reason(failure: Failure) -> String {
    match failure {
        Failure::Exited(code) => format!("command exited {code}"),
        Failure::Crashed(signal) => format!("command crashed with signal {signal}"),
        Failure::TimedOut => "command exited 99 (timed out)".to_owned(),
        Failure::Permanent => "command exited 1 (permanent failure)".to_owned(),
        Failure::NotSpawned => "its script could not be started".to_owned(),
        Failure::Aborted => "aborted".to_owned(),
    }
}

/// The prefix of a line: who says it, and how bad it is.
pub fn prefix(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Fatal => "fatal",
    }
}
