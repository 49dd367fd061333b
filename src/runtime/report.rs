//! The messages of s6-rc.

use crate::engine::{Failure, Report};
use crate::format::request::{Say, SaySeverity, What};
use crate::graph::ServiceId;

/// The line for a report; `name` gives a service's name.
pub(super) fn say(report: Report, name: impl Fn(ServiceId) -> String) -> Say {
    let service = subject(report).map(name).unwrap_or_default();
    let (level, severity, what) = kind(report);
    Say { level, severity, what, text: text(report, &service), service }
}

/// The service that a report is about.
pub(super) fn subject(report: Report) -> Option<ServiceId> {
    use Report as R;
    match report {
        R::Starting(id) | R::Started(id) | R::NotStarted(id, _) | R::AlreadyUp(id) => Some(id),
        R::Stopping(id) | R::Stopped(id) | R::NotStopped(id, _) | R::AlreadyDown(id) => Some(id),
        R::Reloading(id) | R::Reloaded(id) | R::NotReloaded(id, _) => Some(id),
        R::Essential(id) | R::Left(id) | R::StillWaiting(id) | R::Late(id) => Some(id),
        R::BootFailed | R::BootFatal => None,
    }
}

/// The lowest verbosity that shows it, how bad it is, and what it is.
fn kind(report: Report) -> (u8, SaySeverity, What) {
    use Report as R;
    use SaySeverity::{Fatal, Info, Warning};
    match report {
        R::Starting(_) => (2, Info, What::Starting),
        R::Started(_) => (2, Info, What::Started),
        R::NotStarted(..) => (1, Warning, What::NotStarted),
        R::Stopping(_) => (2, Info, What::Stopping),
        R::Stopped(_) => (2, Info, What::Stopped),
        R::NotStopped(..) => (1, Warning, What::NotStopped),
        R::AlreadyUp(_) | R::AlreadyDown(_) => (3, Info, What::Already),
        R::Essential(_) => (1, Warning, What::Essential),
        R::Reloading(_) => (3, Info, What::Reloading),
        R::Reloaded(_) => (2, Info, What::Reloaded),
        R::NotReloaded(..) => (1, Warning, What::NotReloaded),
        R::Left(_) | R::StillWaiting(_) | R::Late(_) | R::BootFailed => (1, Warning, What::Other),
        R::BootFatal => (0, Fatal, What::Other),
    }
}

fn text(report: Report, n: &str) -> String {
    use Report as R;
    match report {
        R::Starting(_) => format!("service {n}: starting"),
        R::Started(_) => format!("service {n} successfully started"),
        R::NotStarted(_, why) => format!("unable to start service {n}: {}", reason(why)),
        R::Stopping(_) => format!("service {n}: stopping"),
        R::Stopped(_) => format!("service {n} successfully stopped"),
        R::NotStopped(_, why) => format!("unable to stop service {n}: {}", reason(why)),
        R::AlreadyUp(_) => format!("service {n}: already up"),
        R::AlreadyDown(_) => format!("service {n}: already down"),
        R::Essential(_) => format!("service {n} is marked as essential, not stopping it"),
        R::Reloading(_) => format!("service {n}: reloading"),
        R::Reloaded(_) => format!("service {n} successfully reloaded"),
        R::NotReloaded(_, why) => format!("unable to reload service {n}: {}", reason(why)),
        R::Left(_) => {
            format!("service {n} is not up, but runs on: leaving it to the last TERM and KILL")
        }
        R::StillWaiting(_) => still_waiting(&[n], "stop"),
        R::Late(_) => {
            format!("SIXTREE_SHUTDOWN_MAXTIME is over: service {n} has not stopped; killing it")
        }
        R::BootFailed => "s6-rc failed to properly bring all the services up! Check your logs (in \
             /run/uncaught-logs/current if you have in-container logging) for more information."
            .to_owned(),
        R::BootFatal => "stopping the container.".to_owned(),
    }
}

/// What a stop or the boot waits for: that services `stop` or `start`.
pub(super) fn still_waiting(names: &[&str], what: &str) -> String {
    const NAMED: usize = 10;
    let plural = if names.len() == 1 { "" } else { "s" };
    let (named, others) = names.split_at(names.len().min(NAMED));
    let more = match others.len() {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    format!("still waiting for service{plural} {}{more} to {what}", named.join(", "))
}

/// How s6-rc puts a failure: it runs a helper, whose codes 99 (time-out) and 1 (permanent failure)
/// scripts and people know.
pub(super) fn reason(failure: Failure) -> String {
    match failure {
        Failure::Exited(code) => format!("command exited {code}"),
        Failure::Crashed(signal) => format!("command crashed with signal {signal}"),
        Failure::TimedOut => "command exited 99 (timed out)".to_owned(),
        Failure::Permanent => "command exited 1 (permanent failure)".to_owned(),
        Failure::NotSpawned => "its script could not be started".to_owned(),
        Failure::Aborted => "aborted".to_owned(),
    }
}
