//! Random bytes, from the kernel.

use nix::errno::Errno;
use nix::libc;

/// Fills a buffer with random bytes, without waiting. True: the kernel has gathered entropy, and
/// they are as good as its random bytes are. False: it has not yet, and they only differ every
/// time.
pub fn fill(buffer: &mut [u8]) -> bool {
    let good = get(buffer, libc::GRND_NONBLOCK).is_ok();
    if !good && get(buffer, libc::GRND_INSECURE).is_err() {
        weak(buffer);
    }
    good
}

/// A number, each as likely as the next.
pub fn number() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_ne_bytes(bytes)
}

/// Shuffles a list.
pub fn shuffle<T>(things: &mut [T]) {
    for last in (1..things.len()).rev() {
        let mut bytes = [0; 8];
        fill(&mut bytes);
        things.swap(last, (u64::from_ne_bytes(bytes) % (last as u64 + 1)) as usize);
    }
}

/// Waits until the kernel has gathered entropy.
pub fn wait() -> Result<(), Errno> {
    get(&mut [0], 0)
}

/// getrandom(2), for all of a buffer.
fn get(buffer: &mut [u8], flags: libc::c_uint) -> Result<(), Errno> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        // SAFETY: the pointer and the length are those of one slice.
        let n = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), flags) };
        match usize::try_from(n) {
            Ok(n) => filled += n,
            Err(_) if Errno::last() == Errno::EINTR => {}
            Err(_) => return Err(Errno::last()),
        }
    }
    Ok(())
}

/// What differs from process to process and from moment to moment: for kernels without getrandom.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_alike() {
        let (mut a, mut b) = ([0; 300], [0; 300]);
        fill(&mut a);
        fill(&mut b);
        assert_ne!(a, b);
        weak(&mut a[..16]);
        assert_ne!(a[..8], a[8..16]);
    }
    #[test]
    fn every_order_comes_up_and_nothing_is_lost() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..1000 {
            let mut things = [1, 2, 3];
            shuffle(&mut things);
            seen.insert(things);
        }
        assert_eq!(seen.len(), 6);
    }
}
