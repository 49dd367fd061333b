//! What the machine is like.

use nix::sys::sysinfo::sysinfo;
use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};
use std::time::Duration;

/// The unit in which /proc tells times: all of Linux's user space counts 100 a second.
pub const TICKS_PER_SECOND: u64 = 100;

/// Bytes of a page of memory.
pub fn page_size() -> usize {
    let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| usize::try_from(size).ok()).unwrap_or(4096)
}

/// Bytes of memory, if the kernel tells.
pub fn memory() -> Option<u64> {
    sysinfo().ok().map(|info| info.ram_total()).filter(|&bytes| bytes > 0)
}

/// How long it has been running, suspended or not.
pub fn uptime() -> Duration {
    clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default()
}
