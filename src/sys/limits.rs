//! What this process may use: the processors, and RLIMIT_NOFILE, which is raised for programs that
//! hold some descriptors for every service, and given back to what they start.

use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// How many processors there are for us: those that we may run on, and no more than the quota of
/// our control group (of either version) pays for.
pub fn cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |number| number.get() as u32)
}

/// Raises the soft limit to the hard one; the limits as they were, if they changed.
pub fn raise() -> Option<(u64, u64)> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    if soft >= hard {
        return None;
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).ok()?;
    Some((soft, hard))
}

/// The soft limit.
pub fn soft() -> Result<u64, Errno> {
    getrlimit(Resource::RLIMIT_NOFILE).map(|(soft, _)| soft)
}

/// Sets the soft and the hard limit back to what they were.
pub fn restore((soft, hard): (u64, u64)) -> Result<(), Errno> {
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard)
}
