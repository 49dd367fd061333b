//! What a bug of ours does: it ends the process that it is in, with one line and 111, and no other
//! process. A forked child of PID 1 must not send an abort's signal to PID 1.
//!
//! A release is built with `panic = "immediate-abort"`: what would panic is a trap instruction, and
//! the signal for it, SIGILL or SIGTRAP, says where it is. Other builds panic with words, by the
//! hook.

use nix::libc::{c_int, c_void, siginfo_t};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::io::Write;

/// Has bugs told from here on, and in forked children; a program that is executed does without.
pub fn tell() {
    std::panic::set_hook(Box::new(|panic| end(format_args!("{panic}"))));
    catch_traps();
}

fn catch_traps() {
    let told = SigAction::new(
        SigHandler::SigAction(trapped),
        // Another trap while this one is told ends the process at once.
        SaFlags::SA_SIGINFO | SaFlags::SA_RESETHAND,
        SigSet::empty(),
    );
    // Which of them it is depends on the machine: a trap of aarch64 and of powerpc64 is a SIGTRAP.
    for signal in [Signal::SIGILL, Signal::SIGTRAP] {
        // SAFETY: `trapped` does what a handler may do, as it says.
        let before = unsafe { sigaction(signal, &told) };
        if let Ok(ignored) = before
            && matches!(ignored.handler(), SigHandler::SigIgn)
        {
            // SAFETY: not code of ours. Whoever ignores it wants what comes after us to ignore it.
            let _ = unsafe { sigaction(signal, &ignored) };
        }
    }
}

/// The handler. It may come at any time, in a child that shares our memory too: nothing here takes
/// from the heap.
extern "C" fn trapped(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a siginfo_t to a handler with SA_SIGINFO.
    let info = unsafe { &*info };
    if info.si_code <= 0 {
        // Sent: it does what it does by default, once the handler is left.
        let _ = super::process::kill(std::process::id() as i32, signal as u8);
        return;
    }
    // SAFETY: the union holds an address where the kernel found a fault.
    let address = unsafe { info.si_addr() };
    end(format_args!("{address:p} in {}", env!("CARGO_PKG_VERSION")))
}

fn end(what: std::fmt::Arguments) -> ! {
    let mut text = [0; 1024];
    let mut rest = text.as_mut_slice();
    let _ = writeln!(rest, "sixtree: fatal: this is a bug, please report it: {what}");
    let unused = rest.len();
    let _ = super::fd::write_all(2, text.get(..text.len() - unused).unwrap_or_default());
    super::process::exit(111)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{fd, process};
    use nix::sys::wait::WaitPidFlag;

    /// How a child ends that tells of its bugs and then does this, and what it said.
    fn after(what: fn()) -> (process::WaitStatus, String) {
        let (said, stderr) = nix::unistd::pipe().unwrap();
        match process::fork().unwrap() {
            process::Side::Parent(child) => {
                drop(stderr);
                let said = fd::read_to_end(std::os::fd::AsRawFd::as_raw_fd(&said)).unwrap();
                let (_, status) =
                    process::wait(child.as_raw(), WaitPidFlag::empty()).unwrap().unwrap();
                (status, String::from_utf8(said).unwrap())
            }
            process::Side::Child => {
                let _ = nix::unistd::dup2_stderr(&stderr);
                catch_traps();
                what();
                process::exit(0)
            }
        }
    }

    #[test]
    fn a_trap_is_told_with_its_address_and_ends_the_process() {
        let (status, said) = after(crate::sys::arch::trap);
        assert_eq!(status.code(), Some(111));
        assert!(said.starts_with("sixtree: fatal: this is a bug, please report it: 0x"), "{said}");
        assert!(said.ends_with(concat!(" in ", env!("CARGO_PKG_VERSION"), "\n")), "{said}");
    }

    #[test]
    fn a_signal_that_is_sent_is_no_bug() {
        fn after_sending(signal: Signal, what: fn()) {
            let (status, said) = after(what);
            assert_eq!((status.signal(), said.as_str()), (Some(signal as u8), ""));
        }
        after_sending(Signal::SIGILL, || nix::sys::signal::raise(Signal::SIGILL).unwrap());
        after_sending(Signal::SIGTRAP, || nix::sys::signal::raise(Signal::SIGTRAP).unwrap());
    }
}
