//! Random bytes, from the kernel.

use nix::errno::Errno;
use nix::libc;

/// Fills a buffer with random bytes: unpredictable as soon as the kernel has gathered entropy, and
/// without waiting for that.
pub fn fill(buffer: &mut [u8]) {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // SAFETY: the pointer and the length are those of one slice.
        let n =
            unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), libc::GRND_NONBLOCK) };
        match usize::try_from(n) {
            Ok(n) => filled += n,
            Err(_) if Errno::last() == Errno::EINTR => {}
            Err(_) => return weak(rest),
        }
    }
}

/// Fills a buffer with what differs from process to process and from moment to moment.
fn weak(buffer: &mut [u8]) {
    let now = super::clock::utc().as_nanos() as u64;
    let mut state = now ^ u64::from(std::process::id()) << 32 | 1;
    for byte in buffer {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state as u8;
    }
}
