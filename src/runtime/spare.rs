//! Descriptors that are reserved for the files that PID 1 must be able to read. Where all others
//! are in use, these are closed for a moment: a `timeout-kill` that could not be read would count
//! as absent, and a stop could wait for ever.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::cell::RefCell;
use std::os::fd::OwnedFd;

/// How many are held: notifying the listeners of a service takes its `event` and one FIFO there.
const HELD: usize = 2;

/// What is held back.
#[derive(Debug, Default)]
pub(super) struct Spare(RefCell<Vec<OwnedFd>>);

impl Spare {
    /// Holds back as many as there should be, or as there are.
    pub(super) fn hold(&self) {
        let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
        let more = std::iter::repeat_with(|| open("/", flags, Mode::empty()).ok());
        let mut held = self.0.take();
        let missing = HELD.saturating_sub(held.len());
        held.extend(more.take(missing).flatten());
        self.0.replace(held);
    }

    /// Does something, and again with the descriptors that are held back where there is none left.
    pub(super) fn lend<T, E>(
        &self,
        errno: impl Fn(&E) -> Errno,
        mut act: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let done = act();
        let is_short = |e: &E| matches!(errno(e), Errno::EMFILE | Errno::ENFILE);
        if !done.as_ref().is_err_and(is_short) {
            return done;
        }
        drop(self.0.take());
        let done = act();
        self.hold();
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_is_given_up_for_a_moment_and_only_where_there_is_nothing_else() {
        let spare = Spare::default();
        spare.hold();
        let held = || spare.0.borrow().len();
        let mut calls = Vec::new();
        let done = spare.lend(
            |e| *e,
            || {
                calls.push(held());
                if calls.len() == 1 { Err(Errno::EMFILE) } else { Ok(()) }
            },
        );
        assert_eq!((done, calls, held()), (Ok(()), vec![HELD, 0], HELD));
        let mut calls = 0;
        let done: Result<(), Errno> = spare.lend(
            |e| *e,
            || {
                calls += 1;
                Err(Errno::ENOENT)
            },
        );
        assert_eq!((done, calls, held()), (Err(Errno::ENOENT), 1, HELD));
    }
}
