//! Converts seconds to dates, in UTC or in the time zone of TZ or /etc/localtime. The C library
//! does it; nothing else here knows time zones.

use crate::format::civil::Civil;
use nix::libc;
use std::mem::MaybeUninit;

/// The time zone of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// That of the system.
    Local,
    /// UTC.
    Utc,
}

/// The date and time so many seconds after 1970, UTC. `None`: the year is out of range.
pub fn civil(since_epoch: u64, zone: Zone) -> Option<Civil> {
    // Of libc's time_t, whose name is deprecated on musl.
    let seconds = since_epoch.try_into().ok()?;
    let mut broken = MaybeUninit::<libc::tm>::zeroed();
    let done = match zone {
        // SAFETY: both pointers are to live values of the right types.
        Zone::Local => unsafe { libc::localtime_r(&raw const seconds, broken.as_mut_ptr()) },
        // SAFETY: as above.
        Zone::Utc => unsafe { libc::gmtime_r(&raw const seconds, broken.as_mut_ptr()) },
    };
    if done.is_null() {
        return None;
    }
    // SAFETY: the call has filled it in, and all zeros were valid before.
    let tm = unsafe { broken.assume_init() };
    let small = |part: libc::c_int| u8::try_from(part).ok();
    Some(Civil {
        year: i64::from(tm.tm_year) + 1900,
        month: small(tm.tm_mon + 1)?,
        day: small(tm.tm_mday)?,
        hour: small(tm.tm_hour)?,
        minute: small(tm.tm_min)?,
        second: small(tm.tm_sec)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greenwich_needs_no_zone() {
        let at = |s| civil(s, Zone::Utc).map(|c| c.to_string());
        assert_eq!(at(0).as_deref(), Some("1970-01-01 00:00:00"));
        assert_eq!(at(1_709_164_799).as_deref(), Some("2024-02-28 23:59:59"));
        assert_eq!(at(u64::MAX), None);
    }
}
