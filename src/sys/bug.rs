//! What happens at a panic: it ends the process in which it happens, with one line and exit code
//! 111, and no other process. A forked child of PID 1 must not send an abort's signal to PID 1.
//!
//! A release is built with `panic = "immediate-abort"`: what would panic is a trap instruction, and
//! the signal for it, SIGILL or SIGTRAP, says where it is. Other builds panic with words, by the
//! hook.
//!
//! A process that has children in its memory (`spawn::shared`) handles every signal that makes the
//! kernel write a core. Such a child inherits the handlers until it executes its program: its core
//! would be ours, and before Linux 5.16 the kernel would end us with it. (That we are not dumpable
//! would do as well, but then nobody could open /proc/1/fd/1, as many images do.)

use super::raw;
use nix::libc::{self, c_int, c_void, siginfo_t};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::io::Write;
use std::sync::atomic::{AtomicI32, Ordering};

/// The signals whose default action is a core.
const WITH_CORE: [Signal; 10] = [
    Signal::SIGQUIT,
    Signal::SIGILL,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGBUS,
    Signal::SIGFPE,
    Signal::SIGSEGV,
    Signal::SIGXCPU,
    Signal::SIGXFSZ,
    Signal::SIGSYS,
];

/// The process that has children in its memory; 0: none.
static HOST: AtomicI32 = AtomicI32::new(0);

/// Reports panics from here on, in forked children too; a program that is executed does not inherit
/// that.
pub fn report_panics() {
    std::panic::set_hook(Box::new(|panic| end(format_args!("{panic}"))));
    catch_traps();
}

/// Which signal a trap instruction raises depends on the machine: on aarch64 and powerpc64 it is
/// SIGTRAP.
fn catch_traps() {
    for signal in [Signal::SIGILL, Signal::SIGTRAP] {
        let before = catch(signal);
        if before.is_some_and(|action| matches!(action.handler(), SigHandler::SigIgn)) {
            // A signal that was ignored at the start must stay ignored in the next program. It
            // cannot fail, because it was ignored before.
            let _ = super::signal::ignore(signal);
        }
    }
}

/// Keeps the children that share this process's memory from having it written into a core. What
/// such a signal does to this process stays as it is, but for a write beyond the limit of a file's
/// size: that is an error of the write alone.
pub fn guard_children() {
    for signal in WITH_CORE {
        // It cannot fail: these are signals that can be handled.
        let _ = catch(signal);
    }
    HOST.store(process_id(), Ordering::Relaxed);
}

/// Called in a fork of a process that has children in its memory: the fork has none.
pub fn has_forked() {
    HOST.store(0, Ordering::Relaxed);
}

fn catch(signal: Signal) -> Option<SigAction> {
    let flags = SaFlags::SA_SIGINFO | SaFlags::SA_RESTART;
    let caught = SigAction::new(SigHandler::SigAction(caught), flags, SigSet::empty());
    // SAFETY: `caught` does what a handler may do, as it says.
    unsafe { sigaction(signal, &caught) }.ok()
}

/// The handler. It may come at any time, in a child that shares our memory too: nothing here takes
/// from the heap, or changes errno.
extern "C" fn caught(signal: c_int, info: *mut siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel passes a siginfo_t to a handler with SA_SIGINFO.
    let info = unsafe { &*info };
    if is_fault(signal, info.si_code) {
        // SAFETY: the union holds an address where the kernel found a fault.
        let address = unsafe { info.si_addr() };
        end(format_args!("{address:p} in {}", env!("CARGO_PKG_VERSION")))
    }
    let me = process_id();
    match HOST.load(Ordering::Relaxed) {
        0 => act_by_default(signal),
        // The kernel lets PID 1 ignore what it does not handle.
        host if host == me && (me == 1 || signal == libc::SIGXFSZ) => {}
        host if host == me => act_by_default(signal),
        // In the memory of another process: end without a core.
        _ => send(me, libc::SIGKILL),
    }
}

/// Whether an instruction of this process has caused the signal, and nobody has sent it.
fn is_fault(signal: c_int, code: c_int) -> bool {
    let faults =
        [libc::SIGILL, libc::SIGTRAP, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV, libc::SIGSYS];
    code > 0 && faults.contains(&signal)
}

/// Lets a signal have its default effect, once the handler returns.
fn act_by_default(signal: c_int) {
    // SAFETY: the default action is no code of ours.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    send(process_id(), signal);
}

fn process_id() -> i32 {
    // SAFETY: getpid(2) has no preconditions.
    unsafe { raw::call(libc::SYS_getpid, [0; 4]) }.unwrap_or(0) as i32
}

fn send(to: i32, signal: c_int) {
    // SAFETY: numbers only. It is this process, which exists.
    let _ = unsafe { raw::call(libc::SYS_kill, [to as usize, signal as usize, 0, 0]) };
}

fn end(what: std::fmt::Arguments) -> ! {
    let mut text = [0; 1024];
    let mut rest = text.as_mut_slice();
    // What does not fit is cut off.
    let _ = writeln!(rest, "sixtree: fatal: this is a bug, please report it: {what}");
    let unused = rest.len();
    super::fd::write_to_stderr(text.get(..text.len() - unused).unwrap_or_default());
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
        // SAFETY: the child needs nothing that a thread of another test may hold.
        match unsafe { process::fork() }.unwrap() {
            process::ForkSide::Parent(child) => {
                drop(stderr);
                let said = fd::read_to_end(std::os::fd::AsRawFd::as_raw_fd(&said)).unwrap();
                let (_, status) =
                    process::wait(child.as_raw(), WaitPidFlag::empty()).unwrap().unwrap();
                (status, String::from_utf8(said).unwrap())
            }
            process::ForkSide::Child => {
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
        let (status, said) = after(|| {
            let _ = process::kill(std::process::id() as i32, Signal::SIGILL as u8);
        });
        assert_eq!((status.signal(), said.as_str()), (Some(Signal::SIGILL as u8), ""));
    }

    #[test]
    fn no_child_in_our_memory_leaves_a_core() {
        let (status, said) = after(|| {
            guard_children();
            for signal in WITH_CORE {
                let die = || {
                    let _ = process::kill(process_id(), signal as u8);
                    nix::errno::Errno::EIO
                };
                let child = crate::sys::spawn::waited::execute(&die).unwrap();
                let ended = process::wait(child.as_raw(), WaitPidFlag::empty()).unwrap().unwrap();
                if ended.1.signal() != Some(Signal::SIGKILL as u8) {
                    process::exit(signal as i32);
                }
            }
        });
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    }

    #[test]
    fn a_write_beyond_the_limit_of_a_file_is_an_error_of_the_write_alone() {
        let (status, _) = after(|| {
            guard_children();
            let _ = process::kill(process_id(), Signal::SIGXFSZ as u8);
        });
        assert_eq!(status.code(), Some(0));
        let (status, _) = after(|| {
            guard_children();
            has_forked();
            let _ = process::kill(process_id(), Signal::SIGXFSZ as u8);
        });
        assert_eq!(status.signal(), Some(Signal::SIGXFSZ as u8));
    }

    #[test]
    fn a_guarded_process_still_ends_by_a_signal_that_is_sent() {
        let (status, said) = after(|| {
            guard_children();
            let _ = process::kill(process_id(), Signal::SIGQUIT as u8);
        });
        assert_eq!((status.signal(), said.as_str()), (Some(Signal::SIGQUIT as u8), ""));
    }
}
