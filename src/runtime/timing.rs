//! When each service began to start at boot, and when it was up and ready.

use super::Runtime;
use crate::engine::{BOOT, Report, RequestId};
use crate::graph::ServiceId;
use litemap::LiteMap;

/// The times of the boot, in µs since /init began.
#[derive(Debug, Default)]
pub struct Timing {
    /// The services that were to start.
    pub spans: LiteMap<ServiceId, Span>,
    /// When the boot was over.
    pub over_us: Option<u64>,
}

/// The start of one service.
#[derive(Debug, Default)]
pub struct Span {
    /// Its turn came.
    pub begun_us: Option<u64>,
    /// It was up and ready, or had failed.
    pub ended_us: Option<u64>,
    /// It failed.
    pub failed: bool,
}

impl Runtime {
    /// Takes down when a service began to start at boot, and when that came to its end: with the
    /// event that told of it, since those that it releases are started before it is reported.
    pub(super) fn time(&mut self, request: RequestId, report: Report) {
        if request != BOOT {
            return;
        }
        let (now_us, heard_us) = (self.since_begun_us(), self.heard_us);
        let spans = &mut self.timing.spans;
        let (id, failed) = match report {
            Report::Starting(id) => {
                // They start from the last to the first: a vector would be shifted for each.
                if spans.is_empty() {
                    let all = self.engine.graph().ids();
                    spans.extend(all.map(|id| (id, Span::default())));
                }
                spans.insert(id, Span { begun_us: Some(now_us), ended_us: None, failed: false });
                return;
            }
            Report::Started(id) => (id, false),
            Report::NotStarted(id, _) => (id, true),
            _ => return,
        };
        if let Some(span) = spans.get_mut(&id) {
            (span.ended_us, span.failed) = (Some(heard_us), failed);
        }
    }

    /// What has passed since /init began, in µs.
    pub(super) fn since_begun_us(&self) -> u64 {
        u64::try_from(self.settings.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
