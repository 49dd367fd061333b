//! The clocks.

use std::time::{Duration, SystemTime};

/// The time of day: what has passed since 1970, UTC.
pub fn utc() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
