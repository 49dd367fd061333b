//! Calls for devices, and for the kernel about them.

use nix::errno::Errno;
use nix::libc;
use std::ffi::CString;
use std::os::fd::{AsRawFd, OwnedFd};

mod requests {
    nix::ioctl_none!(flush_buffers, 0x12, 97);
    nix::ioctl_write_ptr!(add_entropy, b'R', 0x03, [i32; 2]);
}

/// Bytes of a seed that the kernel takes at once.
pub const SEED: usize = 512;

/// Writes out and forgets what is cached of a block device (BLKFLSBUF); of a RAM disk, all it has.
pub fn flush_buffers(device: &OwnedFd) -> Result<(), Errno> {
    // SAFETY: the request takes no argument.
    unsafe { requests::flush_buffers(device.as_raw_fd()) }.map(drop)
}

/// Gives the kernel's random generator a seed of up to `SEED` bytes, which counts as that many bits
/// of entropy (RNDADDENTROPY). EINVAL: the seed is longer.
pub fn add_entropy(generator: &OwnedFd, seed: &[u8], bits: u16) -> Result<(), Errno> {
    #[repr(C)]
    struct Pool {
        /// Bits of entropy, and bytes.
        counts: [i32; 2],
        bytes: [u8; SEED],
    }
    let mut pool = Pool { counts: [bits.into(), 0], bytes: [0; SEED] };
    pool.bytes.get_mut(..seed.len()).ok_or(Errno::EINVAL)?.copy_from_slice(seed);
    pool.counts[1] = seed.len() as i32;
    let request = (&raw const pool).cast();
    // SAFETY: the kernel reads both counts, and behind them no more bytes than the second says.
    unsafe { requests::add_entropy(generator.as_raw_fd(), request) }.map(drop)
}

/// Begins to use a device or a file for swapping.
pub fn swap_on(device: &[u8]) -> Result<(), Errno> {
    let device = CString::new(device).map_err(|_| Errno::EINVAL)?;
    // SAFETY: a NUL-terminated string.
    Errno::result(unsafe { libc::swapon(device.as_ptr(), 0) }).map(drop)
}

/// Stops using a device or a file for swapping.
pub fn swap_off(device: &[u8]) -> Result<(), Errno> {
    let device = CString::new(device).map_err(|_| Errno::EINVAL)?;
    // SAFETY: a NUL-terminated string.
    Errno::result(unsafe { libc::swapoff(device.as_ptr()) }).map(drop)
}
