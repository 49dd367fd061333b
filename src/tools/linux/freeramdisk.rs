//! s6-freeramdisk: frees the memory of a RAM disk.
//! Reference: <https://skarnet.org/software/s6-linux-utils/s6-freeramdisk.html>.

use crate::sys::device::flush_buffers;
use crate::tools::die::show;
use crate::tools::{Exit, Next, Process, Word};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

/// `s6-freeramdisk ramdisk_device`
pub(super) fn run(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    let device = argv.get(1).ok_or_else(|| process.usage())?;
    let name = show(device);
    let opened = open(device.as_slice(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(process.unable(format_args!("open {name} in read-write mode")))?;
    flush_buffers(&opened).map_err(process.unable(format_args!("ioctl {name}")))?;
    Ok(Next::Exit(0))
}
