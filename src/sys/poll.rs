//! Waiting for descriptors, up to a deadline.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// A moment until which to wait, or none.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No moment at all.
    pub const NEVER: Self = Self(None);

    /// So long from now.
    pub fn after(span: Duration) -> Self {
        Self(Instant::now().checked_add(span))
    }
    /// Whichever comes first.
    pub fn or_sooner(self, other: Self) -> Self {
        Self(self.0.into_iter().chain(other.0).min())
    }
    /// So many milliseconds from now; 0 is never, as in all options that give a timeout.
    pub fn after_ms(ms: impl Into<u64>) -> Self {
        let ms = ms.into();
        let set = |ms| Instant::now().checked_add(Duration::from_millis(ms));
        Self((ms > 0).then_some(ms).and_then(set))
    }
    /// Whether it is over.
    pub fn has_passed(self) -> bool {
        self.0.is_some_and(|at| at <= Instant::now())
    }
    /// What is left, rounded up to what poll(2) can express.
    pub fn timeout(self) -> PollTimeout {
        let Some(at) = self.0 else { return PollTimeout::NONE };
        let left = at.saturating_duration_since(Instant::now());
        let ms = left.as_nanos().div_ceil(1_000_000);
        PollTimeout::try_from(ms).unwrap_or(PollTimeout::MAX)
    }
}

/// Waits until some of `fds` are as asked, or broken. False: the deadline has passed.
pub fn wait(fds: &mut [PollFd], deadline: Deadline) -> Result<bool, Errno> {
    loop {
        match poll(fds, deadline.timeout()) {
            Ok(0) if deadline.has_passed() => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Err(e) => return Err(e),
            Ok(_) => return Ok(true),
        }
    }
}

/// Waits until some of `fds` can be read (or are broken), and says which, by their places. None:
/// the deadline has passed.
pub fn readable(fds: &[impl AsFd], deadline: Deadline) -> Result<Vec<usize>, Errno> {
    let asked = fds.iter().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN));
    let mut all: Vec<_> = asked.collect();
    if !wait(&mut all, deadline)? {
        return Ok(Vec::new());
    }
    let ready = all.iter().enumerate().filter(|(_, fd)| fd.any().unwrap_or(true));
    Ok(ready.map(|(place, _)| place).collect())
}
