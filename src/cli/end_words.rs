//! How processes end, why services stay down and why starts fail, in words.

use crate::format::request::{RestStatus, ScriptEnd, StartFailure};
use crate::format::{count, signal};

/// How a process ended, in words.
pub(super) fn end(end: ScriptEnd) -> String {
    match end {
        ScriptEnd::Code(code) => format!("exit {code}"),
        ScriptEnd::Signal(number) => {
            let name = signal::name(number);
            format!("signal {number} ({})", name.strip_prefix("SIG").unwrap_or(&name))
        }
    }
}

/// Whether what keeps a longrun down is a failure. An exit code of `finish` is how services switch
/// themselves off, too.
pub(super) fn has_failed(rest: Option<RestStatus>) -> bool {
    match rest {
        Some(
            RestStatus::Failed(_)
            | RestStatus::Refused
            | RestStatus::Unwell
            | RestStatus::Limit(..),
        ) => true,
        Some(RestStatus::Finish(..) | RestStatus::Ended(_)) | None => false,
    }
}

/// Why a longrun is not started again, in words.
pub(super) fn rest_in_words(rest: RestStatus) -> String {
    match rest {
        RestStatus::Finish(_, 0 | 1, _) => "gave up: its finish script exited 125".to_owned(),
        RestStatus::Finish(how, failures, during_ms) => {
            let (often, seconds) = (count::times(failures), during_ms.div_ceil(1_000));
            format!("gave up: {often} {} in {seconds} s", end(how))
        }
        RestStatus::Ended(how) | RestStatus::Failed(how) => {
            format!("ended by itself: {}", end(how))
        }
        RestStatus::Refused => "it could not be started".to_owned(),
        RestStatus::Unwell => "it was unwell".to_owned(),
        RestStatus::Limit(ends, seconds) => format!("gave up: {ends} ends in {seconds} s"),
    }
}

/// A sentence, with a reason where there is one.
pub(super) fn with_reason(what: String, reason: Option<&str>) -> String {
    reason.map_or(what.clone(), |reason| format!("{what}: {reason}"))
}

/// Why a start failed, in words.
pub(super) fn reason(failure: StartFailure) -> String {
    match failure {
        StartFailure::Ended(how) => end(how),
        StartFailure::TimedOut => "timed out".to_owned(),
        StartFailure::Permanent => "failed for good".to_owned(),
        StartFailure::NotSpawned => "its script could not be started".to_owned(),
        StartFailure::Aborted => "the change was aborted".to_owned(),
    }
}
