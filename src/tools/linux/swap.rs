//! s6-swapon and s6-swapoff: begin and end to swap to a device.
//! Reference: <https://skarnet.org/software/s6-linux-utils/s6-swapon.html> and `s6-swapoff.html`.

use super::mount::each;
use crate::format::fstab::entries;
use crate::sys::device::{swap_off, swap_on};
use crate::tools::die::{errno, show};
use crate::tools::{Exit, Next, Options, Process, Word};

/// `s6-swapon [ -a ] [ device ]`: one, or all that are in /etc/fstab.
pub(super) fn s6_swapon(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    match device(process, argv)? {
        Some(device) => {
            swap_on(&device).map_err(process.unable(format_args!("swapon {}", show(&device))))?;
            Ok(Next::Exit(0))
        }
        None => {
            let table = read(process, "/etc/fstab")?;
            let swaps = entries(&table).filter(|entry| entry.kind == b"swap");
            Ok(each(process, "swapon", swaps.map(|entry| entry.device), swap_on))
        }
    }
}

/// `s6-swapoff [ -a ] [ device ]`: one, or all that are in /proc/swaps.
pub(super) fn s6_swapoff(process: &mut Process, argv: Vec<Word>) -> Result<Next, Exit> {
    match device(process, argv)? {
        Some(device) => {
            swap_off(&device).map_err(process.unable(format_args!("swapoff {}", show(&device))))?;
            Ok(Next::Exit(0))
        }
        None => {
            let table = read(process, "/proc/swaps")?;
            // Below its heading it is written as fstab is.
            let swaps = entries(&table).skip(1).map(|entry| entry.device);
            Ok(each(process, "swapoff", swaps, swap_off))
        }
    }
}

/// The device that is named; `None`: all of them.
fn device(process: &Process, argv: Vec<Word>) -> Result<Option<Word>, Exit> {
    let options = Options::parse_long(process, argv, "a", &[("all", 'a')])?;
    match options.has('a') {
        true => Ok(None),
        false => options.rest().into_iter().next().map(Some).ok_or_else(|| process.usage()),
    }
}

fn read(process: &Process, file: &str) -> Result<Vec<u8>, Exit> {
    std::fs::read(file).map_err(|e| process.unable(format_args!("open {file}"))(errno(&e)))
}
